"""The documents, held to the code: commands, settings, metrics, variables, targets, files, links. In one process, quickly.

Each check is a function from a document's text to what is wrong with it. The last test gives each of them a mistake, so that
a check which finds nothing has been seen to find something.
"""

import ast
import io
import re
import shlex
import textwrap
import tokenize
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import bot.cli
from bot.platforms import settings_class
from tests.test_layers import DISTRICTS, LAYERS
from training.config.keys import known_keys
from training.lab.preset import ExperimentSettings

ROOT = Path(__file__).parents[1]
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
KEYS = known_keys(settings_class()) | known_keys(ExperimentSettings)
TABLES = {name for name, table in KEYS.items() if table is not None}
EXAMPLES = re.compile(r"my[a-z_-]+")
"""A file or folder whose name begins so is the reader's own: my-idea, mycell."""
OTHERS = {"discord.py", "encoder.py"}
"""A library, and a file of GPT-2's."""
WIDTH = 126

Check = Callable[[str], list[str]]


# what a document says


def spans(text: str) -> list[str]:
    """What stands in backquotes in prose and tables, on one line each."""
    prose = re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE)
    return [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", prose)]


def blocks(text: str) -> list[str]:
    """The lines that are indented as code, a line that ends in a backslash and the next made one."""
    whole = re.sub(r"\\\n\s+", "", text)
    return [line.strip() for line in re.findall(r"^ {4}(?=\S)(.+)$", whole, flags=re.MULTILINE)]


def code(text: str) -> list[str]:
    return [*spans(text), *blocks(text)]


# what the code has


@cache
def the_parser() -> ArgumentParser:
    """The parser of `dann`, taken before it parses."""
    found: list[ArgumentParser] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bot.cli, "run_command", lambda parser, *_: found.append(parser))
        bot.cli.main([])
    return found[0]


def subparsers(parser: ArgumentParser) -> dict[str, ArgumentParser]:
    choices = (action.choices for action in parser._actions if isinstance(action.choices, dict))
    return next(choices, {})


def every_parser(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    yield parser
    for below in subparsers(parser).values():
        yield from every_parser(below)


def targets() -> set[str]:
    [phony] = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return set(phony.split())


def names_of_metrics() -> set[str]:
    """Every metric as Prometheus reads it: counters end in _total."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / "bot/web/metrics.py").read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.args[0].value
            if isinstance(name, str) and name.startswith("dann_"):
                found.add(f"{name}_total" if "counter" in ast.unparse(node.func).lower() else name)
    return found


@cache
def variables_read() -> set[str]:
    """Secrets, and other variables that the product's code names; not the examples of settings."""
    named = re.compile(r"DANN_[A-Z]+(?:_[A-Z]+)*|[A-Z]+_TOKEN|JAX_COMPILATION_CACHE_DIR")
    sources = (path.read_text() for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
    constants = {
        node.value
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in constants if named.fullmatch(text)}


# the checks


def wrong_commands(text: str) -> list[str]:
    """Commands that `dann` would not take. A command named alone need not be whole."""
    parser, found = the_parser(), []
    for line in code(text):
        words = re.match(r"(?:docker run .* dann|(?:\.venv/bin/)?dann) (.+)", line.partition("  #")[0])
        if words and (why := refused(parser, words[1].replace("...", ""))):
            found.append(f"{line}: {why}")
    return found


def refused(parser: ArgumentParser, line: str) -> str:
    given = shlex.split(line)
    if given == ["COMMAND", "--help"] or is_named_alone(parser, given):
        return ""
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ArgumentParser, "_print_message", lambda *_: None)
            parser.parse_args(given)
    except SystemExit as ended:
        return "" if ended.code == 0 else "dann refuses it"
    return ""


def is_named_alone(parser: ArgumentParser, words: list[str]) -> bool:
    """Whether these are a command's name, as in "dann experiment run", and nothing more."""
    for word in words:
        if word not in subparsers(parser):
            return False
        parser = subparsers(parser)[word]
    return True


def wrong_options(text: str) -> list[str]:
    """Options that stand alone in backquotes and that no command has."""
    known = {
        option for one in every_parser(the_parser()) for action in one._actions for option in action.option_strings
    }
    bench = (ROOT / "tests/bench/__main__.py").read_text()
    known |= set(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', bench)) | {"--build-arg"}  # docker's
    given = (re.match(r"(--[a-z-]+)", span) for span in spans(text))
    return [f"{option[1]} is no option" for option in given if option and option[1] not in known]


def wrong_settings(text: str) -> list[str]:
    """Tables and dotted keys that config.toml does not have, also as variables and with --set."""
    tops = "|".join(sorted({name.partition(".")[0] for name in TABLES}))
    found = []
    for span in code(text):
        keys = [] if "/" in span else re.findall(rf"(?<![\w.])((?:{tops})(?:\.[a-z_]+)+)(?![\w.(])", span)
        keys += re.findall(r"--set[ =](\S+?)=", span)
        keys += [".".join(pair) if pair[1] else pair[0] for pair in re.findall(r"^\[([a-z._]+)\](?: (\w+))?", span)]
        keys += [name.lower().replace("__", ".") for name in re.findall(r"\bDANN_([A-Z]+(?:__[A-Z_]+)+)", span)]
        known = KEYS.keys() | {"table.key"}  # the example
        found += [f"{key} is no setting" for key in dict.fromkeys(keys) if key not in known]
    return found


def wrong_variables(text: str) -> list[str]:
    """Environment variables that no code, and no file beside it, reads."""
    files = [ROOT / "Makefile", ROOT / "compose.yaml", ROOT / ".ci/run", ROOT / "Dockerfile"]
    known = " ".join(path.read_text() for path in files) + " ".join(variables_read())
    upper = (name for span in code(text) for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", span))
    return [f"{name} is read by nothing" for name in upper if name not in known and not is_defined(name)]


def wrong_targets(text: str) -> list[str]:
    named = (target for line in code(text) for target in re.findall(r"^make ([a-z]+)", line))
    return [f"make {target}: no such target" for target in named if target not in targets()]


def wrong_files(text: str) -> list[str]:
    """Files and folders of this repository that are not there."""
    tops = {path.name for path in ROOT.iterdir()} - {"data"}
    found = []
    for span in spans(text):
        for word in re.findall(r"[\w.*/-]+", span):
            parts = word.rstrip("/").split("/")
            if any(EXAMPLES.match(part) for part in parts):
                continue
            there = (ROOT / word).exists() if len(parts) > 1 and parts[0] in tops else True
            if len(parts) == 1 and re.fullmatch(r"\w[\w-]*\.(py|md|toml|yaml)", word):
                there = word in basenames() or word in OTHERS
            if not there:
                found.append(f"{word} is not there")
    return found


def wrong_links(text: str, home: str = "README.md") -> list[str]:
    """Links and pictures whose file or heading is not there."""
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / home).parent / path if path else ROOT / home
        if not file.exists():
            found.append(f"{target}: no such file")
        elif anchor and anchor not in anchors(text if not path else file.read_text(encoding="utf-8")):
            found.append(f"{target}: no such heading")
    return found


def anchors(text: str) -> set[str]:
    """The headings' names as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def wrong_spelling(text: str) -> list[str]:
    """Spellings that house style has one form of."""
    return re.findall(r"(?i)bits? an? byte|bits/byte|bpc\b", " ".join(text.split()))


def wrong_metrics(text: str) -> list[str]:
    named = {name for span in spans(text) for name in re.findall(r"\bdann_[a-z_]+", span)} - {
        "dann_admin",
        "dann_privacy",
    }
    return [f"{name} is no metric" for name in sorted(named - names_of_metrics())]


def wrong_names(text: str) -> list[str]:
    """Classes and constants that no module defines, and words_like_this that stand in no code."""
    named = {name for span in spans(text) for name in re.findall(r"^(?:[A-Z][a-z]+[A-Za-z]*|[A-Z_]{2,})$", span)}
    named -= {"COMMAND"} | {name for name in named if not wrong_variables(f"`{name}`") and "_" in name}
    words = {word for span in spans(text) if "/" not in span for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", span)}
    missing = {name for name in named if not is_defined(name)} | {word for word in words if word not in all_code()}
    return [f"{name} is defined nowhere" for name in sorted(missing)]


def is_defined(name: str) -> bool:
    return bool(re.search(rf"^(?:class )?{name}\b(?:\(|:| =)", all_code(), re.MULTILINE))


CHECKS: dict[str, Check] = {
    "commands": wrong_commands,
    "options": wrong_options,
    "settings": wrong_settings,
    "variables": wrong_variables,
    "targets": wrong_targets,
    "files": wrong_files,
    "links": wrong_links,
    "spelling": wrong_spelling,
    "metrics": wrong_metrics,
    "names": wrong_names,
}


@cache
def basenames() -> set[str]:
    folders = (*LAYERS, "tests", "docs", "experiments")
    return {path.name for folder in folders for path in (ROOT / folder).rglob("*.*")} | {
        path.name for path in ROOT.iterdir()
    }


@cache
def all_code() -> str:
    """All of it but this file, whose mistakes are made up."""
    paths = (path for folder in (*LAYERS, "tests") for path in (ROOT / folder).rglob("*.py"))
    return "\n".join(path.read_text() for path in paths if path != Path(__file__))


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_document_names_is_there(name: str, check: Check) -> None:
    """If this fails: the document tells of what is not so, or no longer so. Correct whichever is wrong."""
    text = DOCUMENTS[name]
    assert (wrong_links(text, name) if check is wrong_links else check(text)) == []


@pytest.mark.parametrize(
    ("check", "mistake", "said"),
    [
        ("commands", "`dann trian --minutes 3`", "dann refuses it"),
        ("commands", "    .venv/bin/dann train --minuets 3", "dann refuses it"),
        ("commands", "    docker run -e DISCORD_TOKEN dann train --hours 3", "dann refuses it"),
        ("commands", "`dann pin` and `dann\nexperiment run`, but `dann pin ID ID`", "dann pin ID ID"),
        ("options", "`--purgatory`", "--purgatory"),
        ("settings", "`train.minuts`", "train.minuts"),
        ("settings", "`[bot.dicsord]`", "bot.dicsord"),
        ("settings", "`[data] you`", "data.you"),
        ("settings", "    dann --set train.hots=2 train", "train.hots"),
        ("settings", "`DANN_BOT__DISCORD__OWNER=1`", "bot.discord.owner"),
        ("variables", "`DANN_PASSWORD_WEB`", "DANN_PASSWORD_WEB"),
        ("targets", "    make tset", "make tset"),
        ("files", "`model/architectures/lstn.py`", "model/architectures/lstn.py"),
        ("files", "`training.toml`", "training.toml"),
        ("links", "[this](docs/using.md#importing)", "no such heading"),
        ("links", "[this](docs/use.md)", "no such file"),
        ("links", "[this](#nowhere)", "no such heading"),
        ("spelling", "2.1 bits a\nbyte", "bits a byte"),
        ("metrics", "`dann_replies_totals`", "dann_replies_totals"),
        ("names", "`Engin` and `Engine`", "Engin"),
        ("names", "`carry_sise`", "carry_sise"),
    ],
)
def test_each_check_finds_a_mistake(check: str, mistake: str, said: str) -> None:
    [found] = CHECKS[check](mistake)
    assert said in found


# and the other way round: what there is, is told of


def test_every_command_is_told_of() -> None:
    told = {line.removeprefix(".venv/bin/") for text in DOCUMENTS.values() for line in code(text)}
    named = {words[1] for line in told if (words := re.match(r"dann ([\w-]+)", line))}
    assert subparsers(the_parser()).keys() - named == set()


def test_every_option_has_a_help_that_names_settings_there_are() -> None:
    for one in every_parser(the_parser()):
        for action in one._actions:
            assert action.help or action.metavar == "COMMAND", (one.prog, action.dest)
            assert wrong_settings(" ".join(f"`{key}`" for key in re.findall(r"\((\S+)\)", action.help or ""))) == []


def test_every_table_is_told_of() -> None:
    told = {span for text in DOCUMENTS.values() for span in spans(text)}
    assert {f"[{table}]" for table in TABLES} - told == set()


def test_config_tomls_comments_name_settings_there_are() -> None:
    comments = re.findall(r"# (.+)$", (ROOT / "config.toml").read_text(), re.MULTILINE)
    assert wrong_settings(" ".join(f"`{comment}`" for comment in comments if "`" not in comment)) == []


def test_every_metric_is_in_the_table() -> None:
    """If this fails: write a row for it in docs/serving.md, with its labels."""
    rows = "\n".join(re.findall(r"^\| .*\|$", DOCUMENTS["docs/serving.md"], re.MULTILINE))
    told = {name for span in spans(rows) for name in re.findall(r"^dann_[a-z_]+$", span)}
    assert len(told) > 10
    assert names_of_metrics() == told


def test_every_variable_is_told_of() -> None:
    told = set(spans(DOCUMENTS["docs/serving.md"]))
    assert {"DISCORD_TOKEN", "TELEGRAM_TOKEN", "DANN_API_KEY", "DANN_WEB_PASSWORD"} <= variables_read()
    assert variables_read() - told == set()


def test_every_target_is_told_of() -> None:
    told = blocks(DOCUMENTS["docs/contributing.md"])
    assert {target for target in targets() if not any(line.startswith(f"make {target}") for line in told)} == set()


def test_every_document_is_linked_from_the_readme() -> None:
    assert {name for name in DOCUMENTS if f"]({name})" not in DOCUMENTS["README.md"]} == {"README.md"}


# the maps


def test_every_answer_with_a_picture_has_its_row_in_the_log() -> None:
    """In one table: a blank line ends it, and what follows is no row."""
    _, answers = (ROOT / "experiments" / "LOG.md").read_text(encoding="utf-8").split("\n## Answers, a row each\n")
    table = re.search(r"^\|.*\n\|---.*\n((?:\|.*\n)*)", answers, flags=re.MULTILINE)
    assert table
    answered = set(re.findall(r"^\| (q-[a-z-]+)-\d{8}-\d{6} \|", table[1], flags=re.MULTILINE))
    assert {picture.stem for picture in (ROOT / "docs" / "answers").glob("q-*.svg")} <= answered


def test_the_readmes_tree_is_the_tree() -> None:
    """If this fails: copy the block that it shows into README.md. A line is the first of a package's docstring."""
    lines = [f"    {'config.toml':<32} every setting there is, with its default"]
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("__init__.py")):
            about = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
            assert about, f"{path} needs a docstring"
            lines.append(f"    {path.parent.relative_to(ROOT).as_posix() + '/':<32} {about}")
    show_unless_there("\n".join(lines), "README.md")


def test_the_map_of_districts_is_that_of_the_layer_test() -> None:
    """If this fails: copy the block that it shows into docs/contributing.md."""
    heads = {folder: f"    {folder + '/':<22} " for folder in DISTRICTS}
    wrapped = [
        textwrap.fill(order, WIDTH, initial_indent=heads[folder], subsequent_indent=" " * len(heads[folder]))
        for folder, order in DISTRICTS.items()
    ]
    show_unless_there("\n".join(wrapped), "docs/contributing.md")


def show_unless_there(block: str, document: str) -> None:
    if f"\n{block}\n" not in DOCUMENTS[document]:
        pytest.fail(f"{document} should have this block:\n\n{block}\n", pytrace=False)


# and what the code says of itself


def comments_of(source: str) -> str:
    """The docstrings and comments of a file."""
    tree = ast.parse(source)
    strings = [
        node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    tokens: Any = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join([*strings, *(token.string for token in tokens if token.type == tokenize.COMMENT)])


def test_files_that_docstrings_and_comments_name_are_there() -> None:
    there = basenames()
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for folder in (*LAYERS, "tests")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"\w[\w./-]*\.(?:py|md)\b", comments_of(path.read_text(encoding="utf-8")))
        if name.lower() not in OTHERS
        and (name.rsplit("/", 1)[-1] not in there or ("/" in name and not is_within(name, path)))
    ]
    assert missing == []


def is_within(name: str, path: Path) -> bool:
    """Whether a path in a comment is one from the root, from a layer, or from beside the file."""
    starts = (ROOT, path.parent, *(ROOT / layer for layer in LAYERS))
    return any((start / name).exists() for start in starts)


def test_bits_per_byte_has_one_spelling() -> None:
    files = [*ROOT.glob("*.toml"), *ROOT.glob("*.md"), *(ROOT / "experiments").iterdir()]
    files += [
        path for layer in LAYERS for path in (ROOT / layer).rglob("*.*") if path.suffix in {".py", ".js", ".html"}
    ]
    assert {path.name: found for path in files if (found := wrong_spelling(path.read_text("utf-8")))} == {}
