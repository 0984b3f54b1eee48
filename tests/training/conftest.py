"""Training draws replies, to show, to judge and to count in them: programs for one batch size are enough."""

from collections.abc import Iterator

import pytest

from tests.model.one_width import one_width


@pytest.fixture(scope="package", autouse=True)
def _one_width() -> Iterator[None]:
    with one_width():
        yield
