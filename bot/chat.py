"""Chat at the terminal, a line in and a reply out: `/temp 1.2`, `/seed 7`, `/again`, `/new`; Ctrl-D ends it."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TextIO

from pydantic import ValidationError
from rich.console import Console

from bot.replies import phrases
from model.config import SAMPLING_OPTIONS, SamplingParams
from model.engine.engine import Completion, Engine, Turn
from model.errors import DannError
from training.cli.shared import print_line

HELP = "/temp 1.2 how wild · /seed 7 repeatable · /again another answer · /new forget · Ctrl-D leave"


def in_words(reply: Completion) -> str:
    """Return what is said of a reply: its text, or a neutral line where the guard ended it."""
    return phrases.NEUTRAL if reply.finish_reason == "content_filter" else reply.text


class Chat:
    """One conversation; reply n uses seed + n, so that all of it can be repeated.

    `check` raises DannError once the checkpoint may not serve any more.
    """

    def __init__(
        self,
        engine: Engine,
        params: SamplingParams,
        name: str,
        seed: int | None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._check = check
        self._params = params
        self._name = name
        self._seed = seed
        self._turns: list[Turn] = []

    def run(self, lines: TextIO, console: Console) -> None:
        """Answer line by line until the input ends."""
        interactive = lines.isatty()
        if interactive:
            with suppress(ImportError):  # line editing and earlier lines, where Python was built with them
                import_module("readline")
        console.print(f"talking to {self._name} ({self._engine.snapshot.id})  {HELP}", style="dim", highlight=False)
        while (line := self._next_line(lines, console, interactive)) is not None:
            try:
                answer = self.answer(line.strip())
            except DannError as error:
                answer = f"({error})"
            console.print(f"[bold]{self._name}[/bold]  ", end="")
            print_line(answer, console)
        if interactive:
            console.print()

    def answer(self, line: str) -> str:
        """Reply to a line, or run a command. Raises DannError for one that makes no sense."""
        if line.startswith("/"):
            return self._command(*line[1:].split(maxsplit=1))
        if line:
            self._turns.append(Turn(mine=False, text=line))
        return self._speak()

    def _speak(self) -> str:
        self._check()
        reply = self._engine.reply(self._turns, self._params, self._next_seed())
        self._check()  # meanwhile
        text = in_words(reply)
        self._turns.append(Turn(mine=True, text=text))
        return text

    def _next_seed(self) -> int:
        if self._seed is None:
            return secrets.randbelow(2**31)
        self._seed += 1
        return self._seed - 1

    def _command(self, name: str = "", value: str = "") -> str:
        match name:
            case "temp":
                return self._set_temperature(value)
            case "seed":
                if not value.isdecimal():
                    raise DannError(f"/seed takes a whole number, such as /seed 7; found {value!r}")
                self._seed = int(value) % 2**32
                return f"(seed {self._seed}, then the numbers after it)"
            case "again":
                if not self._turns or not self._turns[-1].mine:
                    raise DannError("nothing to say again yet")
                self._turns.pop()
                return self._speak()
            case "new":
                self._turns.clear()
                return "(a new conversation)"
            case _:
                raise DannError(f"/{name} is not a command; there are: {HELP}")

    def _set_temperature(self, value: str) -> str:
        try:
            changed = {**self._params.model_dump(), "temperature": float(value.replace(",", "."))}
            self._params = SamplingParams.model_validate(changed)
        except (ValueError, ValidationError) as error:
            option = SAMPLING_OPTIONS["temperature"]
            allowed = f"a number from {option.minimum:g} to {option.maximum:g}"
            raise DannError(f"/temp takes {allowed}, such as /temp 1.2; found {value!r}") from error
        return f"(temperature {self._params.temperature:g})"

    def _next_line(self, lines: TextIO, console: Console, interactive: bool) -> str | None:
        if not interactive:
            return lines.readline() or None
        try:
            return console.input("[bold]you[/bold]  ")
        except EOFError:
            return None
