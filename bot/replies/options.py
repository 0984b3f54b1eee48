"""`/dann` and its options: "temp=0,8 seed=7 hello" to `Command`, with one kind line where that cannot be. Knows no platform.

Discord makes its slash options from `OPTIONS` and hands the values to `asked`; Telegram hands the words to `parsed`.
"""

import difflib
import re
from dataclasses import dataclass

from bot.replies.types import Command
from model.config import SamplingParams
from model.errors import DannError

MOST_TOKENS = 1000
"""More than `[sample] max_tokens` could be drawn by asking for it, but not so much that one person fills a channel."""
LAST_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class CommandOption:
    """One option of `/dann`: `kind` is str, float or int; both bounds are allowed values, None where there are none.

    `field` is its name in SamplingParams, "" where it is not one of them.
    """

    name: str
    kind: type[str] | type[float] | type[int]
    description: str
    minimum: float | None = None
    maximum: float | None = None
    field: str = ""

    @property
    def allowed(self) -> str:
        """What a number of this option may be, in words."""
        what = "a whole number" if self.kind is int else "a number"
        return f"{what} from {_number(self.minimum or 0)} to {_number(self.maximum or 0)}"


OPTIONS = (
    CommandOption("prompt", str, "what to answer; nothing: just talk"),
    CommandOption("temp", float, "how wild: 0 always takes the likeliest, 1 is as learned, 2 is chaos", 0, 2, "temperature"),
    CommandOption("top_p", float, "choose among the likeliest that hold this much probability together", 0.01, 1.0, "top_p"),
    CommandOption("seed", int, "the same seed gives the same text again", 0, LAST_SEED),
    CommandOption("length", int, "the longest the answer may be, in tokens (parts of words)", 1, MOST_TOKENS, "max_tokens"),
)  # fmt: skip
BY_NAME = {option.name: option for option in OPTIONS}
EXAMPLES = {"temp": "0.8", "top_p": "0.9", "seed": "7", "length": "100"}

_ATTEMPT = re.compile(rf"(?<!\S)(?:({'|'.join(BY_NAME)})[ \t]*=[ \t]*|([a-z][a-z_-]*)=)(\S*)", re.IGNORECASE)
"""A known option, spaces around its sign or not; or any other name that touches both its sign and what follows."""
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)", re.ASCII)


def command_from_options(
    prompt: str,
    params: SamplingParams,
    *,
    temp: float | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    length: int | None = None,
) -> Command:
    """What `/dann` asked for; None leaves an option as `params` has it. Raises DannError for what is out of range."""
    given = {"temp": temp, "top_p": top_p, "length": length}
    changes = {BY_NAME[name].field: _checked(name, value) for name, value in given.items() if value is not None}
    if seed is not None:
        _checked("seed", seed)
    return Command(prompt.strip(), SamplingParams.model_validate({**params.model_dump(), **changes}), seed)


def parse_command(text: str, params: SamplingParams) -> Command:
    """What `/dann text` asked for, where options stand before or among the words.

    `name=value` is an option where the name is known, is nearly a known one, or is a word of three letters or more
    before a number; so `a=b`, `x=5`, `E=mc2`, `a==b` and addresses are just text. Raises DannError, one line, for an
    unknown option, a value that is out of range, and an option given twice.
    """
    given: dict[str, str] = {}

    def take(found: re.Match[str]) -> str:
        known, other, value = found[1], found[2], found[3]
        name = (known or other).lower()
        if name not in BY_NAME:
            if _is_attempt(name, value):
                raise DannError(f"{name[:20]} is no option here; there are temp, top_p, seed and length")
            return found[0]
        if name == "prompt":
            return value
        if name in given:
            raise DannError(f"{name} is given twice; once is enough")
        given[name] = value.rstrip(",;")
        return ""

    words = re.sub(r"[ \t]{2,}", " ", _ATTEMPT.sub(take, text)) if "=" in text else text
    return command_from_options(
        words,
        params,
        temp=_float("temp", given),
        top_p=_float("top_p", given),
        seed=_int("seed", given),
        length=_int("length", given),
    )


def _is_attempt(name: str, value: str) -> bool:
    """Whether an unknown `name=value` was meant as an option rather than as words."""
    if difflib.get_close_matches(name, [*BY_NAME, *SamplingParams.model_fields], n=1, cutoff=0.75):
        return True
    return len(name) >= 3 and _NUMBER.fullmatch(value.rstrip(",;")) is not None


def _float(name: str, given: dict[str, str]) -> float | None:
    if name not in given:
        return None
    if not _NUMBER.fullmatch(given[name]):
        raise _refused(name)
    return float(given[name].replace(",", ".")) + 0.0  # -0 is 0


def _int(name: str, given: dict[str, str]) -> int | None:
    if name not in given:
        return None
    if not re.fullmatch(r"[+-]?\d{1,20}", given[name], re.ASCII):
        raise _refused(name)
    return int(given[name])


def _checked(name: str, value: float) -> float:
    option = BY_NAME[name]
    if option.minimum is None or option.maximum is None or not option.minimum <= value <= option.maximum:
        raise _refused(name)
    return value


def _refused(name: str) -> DannError:
    """One line that repeats nothing of what was typed: it is sent to a chat as it is."""
    return DannError(f"{name} takes {BY_NAME[name].allowed}, such as {name}={EXAMPLES[name]}")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"
