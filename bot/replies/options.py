"""`/dann` and its options: "temp=0,8 seed=7 hello" to a `Command`, or a one-line refusal.

Discord makes its slash options from `OPTIONS` and passes values to `command_from_options`; Telegram passes words to
`parse_command`. Knows no platform.
"""

import difflib
import re
from dataclasses import dataclass

from bot.replies.types import Command
from model.config import MAX_SEED, SAMPLING_OPTIONS, SEED_EXAMPLE, SEED_HELP, SamplingParams
from model.errors import DannError

MAX_LENGTH = 1000
"""Tokens that `/dann length` allows: more than `[sample] max_tokens` has, but not enough for one person to fill a channel."""
MIN_TOP_P = 0.01
"""The lowest `/dann top_p`: Discord's ranges include both ends, and 0 would leave no token."""


@dataclass(frozen=True, slots=True)
class CommandOption:
    """One option of `/dann` with its range (the prompt has none); `field` is its name in SamplingParams, or ""."""

    name: str
    kind: type[str] | type[float] | type[int]
    description: str
    minimum: float | None = None
    maximum: float | None = None
    example: str = ""
    field: str = ""

    @property
    def allowed(self) -> str:
        """The allowed numbers, in words."""
        kind = "a whole number" if self.kind is int else "a number"
        return f"{kind} from {_number(self.minimum or 0)} to {_number(self.maximum or 0)}"


def _sampling(field: str, minimum: float | None = None, maximum: float | None = None) -> CommandOption:
    """The option for a field of SamplingParams; `minimum` and `maximum` replace the field's own."""
    option = SAMPLING_OPTIONS[field]
    low = option.minimum if minimum is None else minimum
    high = option.maximum if maximum is None else maximum
    return CommandOption(
        option.typed_name, option.kind, option.help, option.kind(low), option.kind(high), option.example, field
    )


PRIVACY_COMMANDS = {
    "show": "what is kept of you here",
    "ignore-me": "be neither answered, remembered nor learned from",
    "answer-me": "take ignore-me back",
    "forget-me": "ask the owner to delete what is stored of you",
}
"""Everybody's commands for themselves, and their descriptions."""

OPTIONS = (
    CommandOption("prompt", str, "what to answer; without it, dann just talks"),
    _sampling("temperature"),
    _sampling("top_p", minimum=MIN_TOP_P),
    CommandOption("seed", int, SEED_HELP, 0, MAX_SEED, SEED_EXAMPLE),
    _sampling("max_tokens", maximum=MAX_LENGTH),
    _sampling("guidance"),
    _sampling("candidates"),
)
BY_NAME = {option.name: option for option in OPTIONS}
SETTABLE = [option.name for option in OPTIONS if option.kind is not str]

_OPTION = re.compile(rf"(?<!\S)(?:({'|'.join(BY_NAME)})[ \t]*=[ \t]*|([a-z][a-z_-]*)=)(\S*)", re.IGNORECASE)
"""A known option, with or without spaces around its "="; or any other name that touches both its "=" and what follows."""
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)", re.ASCII)


def command_from_options(prompt: str, params: SamplingParams, **given: float | None) -> Command:
    """Make a command from typed options; None keeps what `params` has. Raises DannError for values out of range."""
    values = {name: _checked(BY_NAME[name], value) for name, value in given.items() if value is not None}
    seed = values.pop("seed", None)
    changes = {BY_NAME[name].field: value for name, value in values.items()}
    params = SamplingParams.model_validate(params.model_dump() | changes)
    return Command(prompt.strip(), params, None if seed is None else int(seed))


def parse_command(text: str, params: SamplingParams) -> Command:
    """Parse the words after `/dann`, with options before or among them.

    `name=value` is an option where the name is known, is nearly a known one, or is a word of three letters or more
    before a number; so `a=b`, `x=5`, `E=mc2`, `a==b` and addresses are just text. Raises DannError, one line, for an
    unknown option, a value that is out of range, and an option given twice.
    """
    given: dict[str, str] = {}

    def take(match: re.Match[str]) -> str:
        known, other, value = match[1], match[2], match[3]
        name = (known or other).lower()
        if name not in BY_NAME:
            if _is_attempt(name, value):
                known_names = f"{', '.join(SETTABLE[:-1])} and {SETTABLE[-1]}"
                raise DannError(f"{name[:20]} is no option here; there are {known_names}")
            return match[0]
        if name == "prompt":
            return value
        if name in given:
            raise DannError(f"{name} is given twice; once is enough")
        given[name] = value.rstrip(",;")
        return ""

    words = re.sub(r"[ \t]{2,}", " ", _OPTION.sub(take, text)) if "=" in text else text
    return command_from_options(words, params, **{name: _parsed(BY_NAME[name], value) for name, value in given.items()})


def _is_attempt(name: str, value: str) -> bool:
    """Whether an unknown `name=value` was meant as an option rather than as words."""
    if difflib.get_close_matches(name, [*BY_NAME, *SamplingParams.model_fields], n=1, cutoff=0.75):
        return True
    return len(name) >= 3 and _NUMBER.fullmatch(value.rstrip(",;")) is not None


def _parsed(option: CommandOption, text: str) -> float:
    if option.kind is int and re.fullmatch(r"[+-]?\d{1,20}", text, re.ASCII):
        return int(text)
    if option.kind is float and _NUMBER.fullmatch(text):
        return float(text.replace(",", ".")) + 0.0  # -0 is 0
    raise _refused(option)


def _checked(option: CommandOption, value: float) -> float:
    if option.minimum is None or option.maximum is None or not option.minimum <= value <= option.maximum:
        raise _refused(option)
    return value


def _refused(option: CommandOption) -> DannError:
    """The refusal of a value, without the typed text, as it is sent to a chat unchanged."""
    return DannError(f"{option.name} takes {option.allowed}, such as {option.name}={option.example}")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"
