"""A guard for tests of the engine: it refuses by a rule on the text, not by posts."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from model.checkpoints.checkpoint import Snapshot
from model.privacy.guard_index import GuardIndex
from model.privacy.reply_guard import Refusal

REFUSAL = Refusal("run")


class RuleGuard:
    """Refuses the texts for which `rule(begun, text)` is True."""

    def __init__(self, rule: Callable[[str, str], bool], begun: str) -> None:
        self._rule, self._begun = rule, begun

    def refuses(self, text: str) -> Refusal | None:
        return REFUSAL if self._rule(self._begun, text) else None

    def refuses_end(self, text: str) -> Refusal | None:
        return self.refuses(text) if text else None


class RuleIndex:
    def __init__(self, rule: Callable[[str, str], bool]) -> None:
        self._rule = rule

    def guard(self, begun: str) -> RuleGuard:
        return RuleGuard(self._rule, begun)


def guarded(served: Snapshot, rule: Callable[[str, str], bool]) -> Snapshot:
    """The same checkpoint, with a guard that refuses by a rule."""
    return replace(served, guard=cast("GuardIndex", RuleIndex(rule)))


def now_and_then(one_in: int) -> Callable[[str, str], bool]:
    """A rule that refuses one text in so many, whatever it says: at some steps several tokens."""
    return lambda begun, text: zlib.crc32((begun + text).encode()) % one_in == 0
