"""The page's dials: label, help, default, range and step of each parameter. Knows no HTTP."""

from dataclasses import dataclass
from typing import Any

from model.config import SAMPLING_OPTIONS, SEED_HELP, SamplingParams

MAX_SEED = 2**31 - 1
"""The page counts up from a seed, one per answer, and starts again at 0 after this one."""


@dataclass(frozen=True, slots=True)
class Dial:
    """The step of a slider, and its range where that is narrower than the parameter's."""

    step: float
    minimum: float | None = None
    maximum: float | None = None


DIALS = {
    "temperature": Dial(0.05),
    "guidance": Dial(0.1),
    "candidates": Dial(1),
    "top_p": Dial(0.01, minimum=0.05),  # a smaller share is greedy, as temperature 0 is
    "top_k": Dial(1, maximum=100),  # a hundred steps; beyond them next to nothing is cut off
    "min_p": Dial(0.001, maximum=0.3),  # the useful part, in steps that a hand can hit
    "word_min_p": Dial(0.01, maximum=0.5),
    "repetition_penalty": Dial(0.01),
    "max_tokens": Dial(5, minimum=5, maximum=400),  # as long as a message in a chat is
}
"""A dial for each field of SamplingParams, in the page's order."""


def dials(defaults: SamplingParams) -> dict[str, dict[str, Any]]:
    """The dials as the page's program reads them, by field; `seed` stands last."""
    return {name: _dial(name, dial, getattr(defaults, name)) for name, dial in DIALS.items()} | {
        "seed": {"label": "Seed", "hint": SEED_HELP, "min": 0, "max": MAX_SEED, "step": 1}
    }


def _dial(name: str, dial: Dial, default: float) -> dict[str, Any]:
    option = SAMPLING_OPTIONS[name]
    return {
        "label": option.label,
        "hint": option.help,
        "min": option.minimum if dial.minimum is None else dial.minimum,
        "max": option.maximum if dial.maximum is None else dial.maximum,
        "step": dial.step,
        "default": default,
    }
