"""No pattern of a reader takes more than its share of time where a text grows: 2, 4 and 8 times the length, adversarially.

Every compiled pattern of training/exports is run on text made of pieces that lead patterns astray. When this fails, give the
repeat in the named pattern a bound, or let what follows it begin with what it cannot match.
"""

import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import training.exports
from training.exports import foreign

SHORT = 1_000
"""Characters of the shortest text."""
MOST_GROWTH = 2.5
"""How much more than in proportion a longer text may take; what is quadratic takes 8 times more at 8 times the length."""
LEAST_SECONDS = 0.005
"""What takes less is not looked at: the clock is too coarse."""
NOT_HERE: tuple[str, ...] = ()
PIECES = (
    " ", "\n", "\t", "0", "9", "a", "aB", "é", "@", "@a ", "@\u2068", "\u2068", "\u200e", "\u200f", "<", "<a",
    "<a ", "\u200e<", ">", "<a:", "<@1", "<:", "</a", "<t:", "(", ")", "[", "{", '"', '\\"', "\\", '"date":',
    '"text":', '"messages":', '"id_str":"1",', '"editTweetIds":["1",', '"name":"', ":", ": ", ";", ",", ", ",
    ".", ".a", "a.b", "a.b • ", "/", "-", "1/", "1/1/", "1.1.", "1:11", "1:11 a", "12:30 ", "--- ", "http://",
    "www.", "www.a ", "https://t.co/a ", "!a ", "/a", "RT @a:", " RT ", "&amp", "…", "edited ", " edited",
    "<x edited ", "omitted ", "image omitted", "messages and calls ", "this message was deleted by admin ",
    "Added a ", "a to ", "Jan 1 ", "a\t", "a: b\n", "From: ", "a=b\n", "م", "年", "г.",
)  # fmt: skip


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(training.exports.__path__, "training.exports."):
        yield importlib.import_module(found.name)


Pattern = re.Pattern[str] | re.Pattern[bytes]


def patterns() -> dict[str, tuple[Pattern, set[str]]]:
    """Return every pattern by its name, with the methods by which the readers use it."""
    found: dict[str, tuple[Pattern, set[str]]] = {}
    for module in modules():
        source = inspect.getsource(module)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and f"{name} = " in source:
                methods = set(re.findall(rf"\b{name}\.(match|fullmatch|search|sub|finditer|findall|split)\b", source))
                found[f"{module.__name__.removeprefix('training.exports.')}.{name}"] = value, methods
    for number, kind in enumerate(foreign._KINDS):
        for place, pattern in enumerate(kind.head):
            flags, method = (re.IGNORECASE, "search") if place else (re.IGNORECASE | re.DOTALL, "match")
            found[f"foreign.{number}.{place}"] = re.compile(pattern, flags), {method}
    return found


PATTERNS = patterns()


def seconds(pattern: Pattern, methods: set[str], text: str) -> float:
    given: Any = text if isinstance(pattern.pattern, str) else text.encode()
    begin = time.process_time()
    for method in methods & {"match", "fullmatch"}:
        getattr(pattern, method)(given)
    if methods - {"match", "fullmatch"}:
        pattern.findall(given)
    return time.process_time() - begin


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_take_time_in_proportion(name: str) -> None:
    pattern, methods = PATTERNS[name]
    for piece in PIECES:
        texts = [piece * (size // len(piece)) for size in (SHORT, 2 * SHORT, 4 * SHORT, 8 * SHORT)]
        if (
            seconds(pattern, methods, texts[1]) < LEAST_SECONDS / 8
            and seconds(pattern, methods, texts[3]) < LEAST_SECONDS
        ):
            continue
        times: list[float] = []
        for text in texts:
            times.append(seconds(pattern, methods, text))
            growth = times[-1] / max(times[0], 1e-5)
            if times[-1] > LEAST_SECONDS and growth > MOST_GROWTH * len(text) / len(texts[0]):
                times[-1] = min(seconds(pattern, methods, text) for _ in range(3))  # something else may have run
                growth = times[-1] / max(times[0], 1e-5)
                assert growth < MOST_GROWTH * len(text) / len(texts[0]), f"{name} on {piece!r}: {times}"


def test_every_reader_has_patterns_and_each_is_used() -> None:
    families = {"discord", "generic", "telegram", "whatsapp", "x", "common", "foreign"}
    assert families <= {name.split(".")[0] for name in PATTERNS}
    assert [name for name, (_, methods) in PATTERNS.items() if not methods and name not in NOT_HERE] == []


def test_a_quadratic_pattern_is_seen() -> None:
    quadratic = re.compile(r"\s+x")
    slow, fast = (seconds(quadratic, {"search"}, " " * size) for size in (8 * SHORT, SHORT))
    assert slow > 8 * MOST_GROWTH * fast
