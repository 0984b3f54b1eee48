"""Record the public surface of one version: commands, settings, files, answers, as plain data.

The tests take it of this version and compare it with the record of an older one, which was made by:

    cd CHECKOUT && PYTHONPATH=. .venv/bin/python .../tests/compat/recording.py FOLDER.tar.xz OUT.json

CHECKOUT is the older version. Only its settings loader is imported; all else goes through commands and files.
"""

import argparse
import asyncio
import importlib
import io
import json
import os
import runpy
import sqlite3
import sys
import tarfile
import tempfile
import tomllib
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

Json = Any
Load = Callable[[Path | None, Sequence[str]], Json]
"""Loads settings as plain data from a file (None: ./config.toml if there) and `--set` options."""

READS = (
    "posts", "checkpoints", "runs", "runs --last 1", "experiment list", "experiment compare beans",
    "experiment compare posts", "import exports/chat.jsonl --me oleander", "import exports --me oleander",
    "pin {newest}", "pin {newest} --off", "rollback", "rollback {oldest}", "rollback {newest}",
)  # fmt: skip
"""Commands whose output depends on the folder alone, run in this order; compared value by value."""
SAYS = (
    "", "--temp 0", "--temp 1.7", "--top-k 2", "--top-p 0.5", "--min-p 0.3", "--temp 0 --repetition-penalty 2",
    "--length 5", "--checkpoint {oldest}", "--set sample.temperature=0.5",
)  # fmt: skip
PROMPT = "is the kettle late again?"
CHANGES = (
    "doctor --set bot.web.port=0", "eval --checkpoint {oldest}", "experiment run beans --set train.steps=20",
    "train --resume", "train --seed 9 --minutes 1", "retrain", "retrain --force --why test --events", "rollback",
    "import later-still.jsonl --me oleander", "forget --contains biscuit --yes --purge", "rm {newest}",
)  # fmt: skip
"""Commands whose output depends on the clock or on rounding, run in this order; compared by keys and types."""
STILL_LATER = (
    '{"id": "900", "channel": "shed", "author": "oleander", "time": "2026-06-01T10:00:00Z", "text": "a new kettle"}\n'
)
EXPORT = "later-still.jsonl"


class _BuiltError(Exception):
    """Carry the parser that a program has built."""


def parser_of(program: Callable[[], object]) -> argparse.ArgumentParser:
    """Return the parser with which a program reads its command line."""

    def built(parser: argparse.ArgumentParser, *_: object) -> None:
        raise _BuiltError(parser)

    with mock.patch.object(argparse.ArgumentParser, "parse_args", built):
        try:
            program()
        except _BuiltError as error:
            parser: argparse.ArgumentParser = error.args[0]
            return parser
    raise AssertionError("it reads no command line")


def command_lines(parser: argparse.ArgumentParser, path: str = "") -> dict[str, Json]:
    """List every command with its options and arguments, without help texts."""
    found: dict[str, Json] = {}
    here: dict[str, Json] = {"options": {}, "arguments": []}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, nested in action.choices.items():
                found |= command_lines(nested, f"{path} {name}".strip())
            continue
        if isinstance(action, argparse._HelpAction):
            continue
        of = {
            "takes": taken(action),
            "repeats": isinstance(action, argparse._AppendAction),
            "required": action.required,
        }
        if (
            taken(action) != "nothing"
            and isinstance(action.default, (int, str))
            and action.default != argparse.SUPPRESS
        ):
            of["default"] = action.default
        if action.choices is not None:
            of["choices"] = list(action.choices)
        if action.option_strings:
            here["options"] |= dict.fromkeys(action.option_strings, of)
        else:
            here["arguments"].append(of)
    exclusive = [[option for one in group._group_actions for option in one.option_strings]
                 for group in parser._mutually_exclusive_groups]  # fmt: skip
    return {path: {**here, "exclusive": exclusive}, **found}


def taken(action: argparse.Action) -> str:
    """Return how many words an option or argument takes: "nothing", "1", or its `nargs`."""
    return "nothing" if action.nargs == 0 else str(action.nargs or 1)


def flat(tables: Mapping[str, Json], above: str = "") -> dict[str, Json]:
    """Flatten nested tables to dotted keys."""
    found: dict[str, Json] = {}
    for name, value in tables.items():
        key = f"{above}{name}"
        found |= flat(value, f"{key}.") if isinstance(value, dict) else {key: value}
    return found


def literal(value: Json) -> str:
    """Write a value as TOML, which for these types is JSON."""
    return json.dumps(value, ensure_ascii=False)


def as_set(key: str, value: Json) -> str:
    """Write a setting as `--set` takes it."""
    return f"{key}={literal(value)}"


def as_variable(key: str, value: Json) -> tuple[str, str]:
    """Return the environment variable of a setting and its text; lists are comma-separated."""
    text = ",".join(value) if isinstance(value, list) else value if isinstance(value, str) else literal(value)
    return f"DANN_{key.replace('.', '__')}".upper(), text


def as_file(values: Mapping[str, Json]) -> str:
    """Write settings as a config file."""
    return "".join(f"{key} = {literal(value)}\n" for key, value in values.items())


def other_values(load: Load) -> list[dict[str, Json]]:
    """Find a valid non-default value for every setting; the settings of one dict are valid together."""
    defaults = flat(load(None, []))
    groups: list[dict[str, Json]] = [{}]
    missing = list(defaults)
    while missing:
        found = {key: value for key in missing if (value := _other_value(load, key, defaults[key], groups[-1]))}
        missing = [key for key in missing if key not in found]
        if not found:
            assert groups[-1], f"no other value is known for {missing}"
            groups.append({})
    return groups


def _other_value(load: Load, key: str, default: Json, group: dict[str, Json]) -> list[Json]:
    """Add a value for `key` to the group; returns it in a list, or [] if none is valid with the group."""
    for value in (not default,) if isinstance(default, bool) else OTHERS.get(key, (*_numbers(default), *WORDS)):
        try:
            got = flat(load(None, [as_set(*one) for one in {**group, key: value}.items()])).get(key)
        except Exception:  # refused, each version in its own words
            continue
        if got != default and got == value:
            group[key] = value
            return [value]
    return []


def _numbers(default: Json) -> tuple[Json, ...]:
    """Numbers to try: near a numeric default, or those that settings with "auto" take."""
    if isinstance(default, int):
        return (default // 2, default * 2, default + 1, 1)
    return (default / 2, default * 2, 0.25) if isinstance(default, float) else (0.25, 300, 1)


OTHERS: dict[str, tuple[Json, ...]] = {
    "data.url": ("sqlite:///other.db",),
    "model.architecture": ("gru",),
    "train.coordinator": ("10.0.0.1:4321",),
    "bot.schedule.cron": ("5 5 * * *",),
    "bot.discord.api_url": ("http://127.0.0.1:9/api/v10",),
    "bot.discord.gateway_url": ("ws://127.0.0.1:9",),
    "bot.telegram.base_url": ("http://127.0.0.1:9",),
    "bot.telegram.webhook_url": ("https://example.org/hook",),
    "bot.telegram.webhook_listen": ("127.0.0.2",),
    "bot.web.host": ("0.0.0.0",),
    "bot.web.hosts": (["dann.example.org"],),
    "bot.web.proxies": (["10.0.0.7/32"],),
    "bot.web.allow_origins": (["https://example.org"],),
    "bot.web.quiz_sources": (["telegram"],),
}
WORDS = ("sqrt", "sgd", "linear", "float32", "characters", "warm", "other", ["7"])
"""Values to try for the other settings."""


def run(program: Callable[[list[str]], int], line: str, *more: str) -> Json:
    """Run a command in this process and folder; returns its exit code and its JSON or events."""
    arguments = [*line.split(), *more]
    if "--events" in arguments:
        code, text = _caught(program, arguments)
        events = [json.loads(one) for one in text.splitlines()]
        parts = list(dict.fromkeys(one["part"] for one in events if "part" in one))
        return {"code": code, "events": {one["event"]: one for one in events}, "parts": parts}
    out = io.StringIO()
    with redirect_stdout(out):
        code = program(["-q", *arguments, "--json"])
    return {"code": code, "out": json.loads(out.getvalue() or "null")}


def _caught(program: Callable[[list[str]], int], arguments: list[str]) -> tuple[int, str]:
    """Run a command and return its exit code and what it wrote to file descriptor 1."""
    before = os.dup(1)
    with tempfile.TemporaryFile() as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a process of its own would end here
        os.dup2(file.fileno(), 1)
        try:
            code = program(["-q", *arguments])
        finally:
            os.dup2(before, 1)
            os.close(before)
        file.seek(0)
        return code, file.read().decode()


def said(program: Callable[[list[str]], int], options: str, names: Mapping[str, str]) -> Json:
    """Run `dann say` with a fixed seed and prompt."""
    return run(program, f"say --seed 7 {options.format_map(names)}", PROMPT)


def checkpoints(folder: Path = Path("data")) -> dict[str, str]:
    """Return the ids of the oldest, newest and current checkpoint."""
    root = folder / "checkpoints"
    ids = sorted(path.parent.name for path in root.glob("*/manifest.json"))
    current = (root / "CURRENT").read_text().strip()
    return {"oldest": ids[0], "newest": ids[-1], "current": current}


def checkpoint_form(folder: Path) -> Json:
    """List the files of a checkpoint and the contents of its JSON files."""
    files = sorted(path.name for path in folder.iterdir())
    held = {name: json.loads((folder / name).read_text()) for name in files if name.endswith(".json")}
    held.pop("tokenizer.json", None)  # of the tokenizers library
    return {"files": files, **held}


def run_form(folder: Path) -> Json:
    """Read the result of an experiment's run, and one line of its metrics of each kind."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {
        "result.json": json.loads((folder / "result.json").read_text()),
        "metrics": {one["event"]: one for one in lines},
    }


def files_of(folder: Path) -> list[str]:
    """List the files written since unpacking, without the names of checkpoints and runs."""
    written = (path for path in folder.rglob("*") if path.is_file() and path.stat().st_mtime > 0)
    kinds = set()
    for path in written:
        top, *rest = path.relative_to(folder).parts
        named = top in {"checkpoints", "runs"} and len(rest) > 1
        kinds.add("/".join([top, *(rest[1:] if named else rest)]))
    return sorted(kind for kind in kinds if not kind.startswith("compiled"))


def tables_of(store: Path) -> Json:
    """List tables and columns: type, NOT NULL, position in the primary key."""
    with sqlite3.connect(store) as base:
        names = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        columns = {name: base.execute(f"PRAGMA table_info({name})").fetchall() for name in names}
        (version,) = base.execute("SELECT version FROM dann_schema").fetchone()
    base.close()
    return {
        "version": version,
        "tables": {name: {c[1]: [c[2], bool(c[3]), c[5]] for c in of} for name, of in columns.items()},
    }


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the data folder of the older version."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")


def check(recorded: Json, present: Json, *, exact: bool) -> None:
    """Raise AssertionError that names every difference."""
    found = differences(recorded, present, exact=exact)
    assert not found, "\n".join(["gone or changed since 0eb29d7:", *found])


def differences(recorded: Json, present: Json, *, exact: bool, at: str = "") -> list[str]:
    """List what is in `recorded` and not in `present`, which may hold more; `exact` compares values, not only types."""
    if isinstance(recorded, dict) and isinstance(present, dict):
        gone = [f"{at}.{key} is gone" for key in recorded if key not in present]
        both = ((key, value) for key, value in recorded.items() if key in present)
        return gone + [line for k, v in both for line in differences(v, present[k], exact=exact, at=f"{at}.{k}")]
    if isinstance(recorded, list) and isinstance(present, list):
        if exact and len(recorded) != len(present):
            return [f"{at} had {len(recorded)} and has {len(present)}: {recorded} and {present}"]
        pairs = (
            zip(recorded, present, strict=exact) if exact else ((one, present[0]) for one in recorded[:1] if present)
        )
        return [line for k, (r, p) in enumerate(pairs) for line in differences(r, p, exact=exact, at=f"{at}[{k}]")]
    if same(recorded, present, exact=exact):
        return []
    return [f"{at} was {recorded!r} and is {present!r}"]


def same(recorded: Json, present: Json, *, exact: bool) -> bool:
    """Compare two scalars: equal, numbers to a millionth; or without `exact` of one type, if not null before."""
    numbers = [isinstance(one, (int, float)) and not isinstance(one, bool) for one in (recorded, present)]
    if all(numbers):
        return not exact or abs(recorded - present) <= 1e-6 * max(1.0, abs(recorded))
    if exact:
        return bool(recorded == present)
    return recorded is None or type(recorded) is type(present)


def main() -> None:
    """Record the surface of the checkout in the current folder."""
    archive, out = (Path(name).resolve() for name in sys.argv[1:3])
    loader, config = importlib.import_module("training.settings"), importlib.import_module("bot.config")
    program = importlib.import_module("bot.cli").main
    checkout = Path.cwd()

    def load(file: Path | None, sets: Sequence[str]) -> Json:
        return loader.load_settings(config.BotSettings, file, sets).model_dump(mode="json")

    found: dict[str, Json] = {
        "commands": {
            "dann": command_lines(parser_of(lambda: program([]))),
            "python -m training": command_lines(parser_of(lambda: runpy.run_module("training", run_name="__main__"))),
        }
    }
    with tempfile.TemporaryDirectory() as empty, chdir(empty):
        found["settings"] = {"defaults": flat(load(None, [])), "others": other_values(load)}
        file = checkout / "config.toml"
        assert flat(tomllib.loads(file.read_text())).keys() == found["settings"]["defaults"].keys()
        found["settings"]["config.toml"] = flat(load(file, []))
    with tempfile.TemporaryDirectory() as temporary, chdir(temporary):
        unpack(archive, Path())
        found |= folder_surface(program)
    with tempfile.TemporaryDirectory() as temporary:
        unpack(archive, Path(temporary))
        live = importlib.import_module("live")
        found["live"] = asyncio.run(live.live(Path(temporary), checkout, learn=True))
    out.write_text(lines(found, 3) + "\n")


def lines(value: Json, depth: int, indent: str = "") -> str:
    """Write JSON with a line for every key down to `depth`."""
    if depth == 0 or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    below = indent + " "
    rows = (f"{below}{json.dumps(key)}: {lines(one, depth - 1, below)}" for key, one in value.items())
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"


def folder_surface(program: Callable[[list[str]], int]) -> dict[str, Json]:
    """Run all commands in the current folder; returns their output and the form of the files."""
    names = checkpoints()
    Path(EXPORT).write_text(STILL_LATER)
    found: dict[str, Json] = {
        "store": tables_of(Path("data/posts.db")),
        "reads": {line: run(program, line.format_map(names)) for line in READS},
        "says": {options: said(program, options, names) for options in SAYS},
    }
    found["changes"] = {line: run(program, line.format_map(names)) for line in CHANGES}
    found["run"] = run_form(max(Path("data/runs").glob("beans-*")))
    found["written"] = files_of(Path("data"))
    found["checkpoint"] = checkpoint_form(Path("data/checkpoints") / checkpoints()["newest"])
    return found


if __name__ == "__main__":
    main()
