"""Whether all variants of a matrix of tests are to run: DANN_WHOLE=1, as `make soak` says.

    @pytest.mark.parametrize("name", ["lstm", *also("gru", "rnn")])

Without it each file runs those that find a fault of its kind at least once.
"""

import os
from typing import TypeVar

Variant = TypeVar("Variant")

WHOLE = bool({"DANN_WHOLE", "DANN_INSPECT_WHOLE"} & os.environ.keys())
"""The second is what it was called when only the inspector's tests had more."""


def also(*variants: Variant) -> tuple[Variant, ...]:
    """Return variants that only a whole run has."""
    return variants if WHOLE else ()
