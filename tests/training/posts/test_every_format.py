"""One folder with an export of each kind: all are found, and who one is in each is asked for once."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from tests.training.exports.test_mangled import FORMATS, ME
from training.cli.main import main
from training.exports.common.stream_errors import warn_once
from training.exports.detect import READERS
from training.store.posts import open_store

NAMES = {
    "telegram": "heron of Telegram", "discord-chat-exporter": "heron of Discord", "whatsapp": "heron of WhatsApp",
    "jsonl": "heron of lines", "csv": "heron of tables",
}  # fmt: skip
"""Who one is in formats that do not say it."""
SOURCES = {
    "discord": "discord-chat-exporter", "discord_csv": "discord-chat-exporter", "iphone": "whatsapp",
    "json_lines": "jsonl", "table": "csv", "package": "discord-package", "tweets": "x",
}  # fmt: skip
FILES = {
    "telegram": "telegram/result.json", "discord": "dce/den.json", "discord_csv": "dce/pond.csv",
    "package": "package/messages/c9/messages.csv", "whatsapp": "w/WhatsApp Chat with otter.txt", "iphone": "i/_chat.txt",
    "tweets": "archive/data/tweets.js", "json_lines": "lines/a.jsonl", "table": "tables/a.csv", "text": "notes/mine.txt",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which each kind has a folder of its own, but for one."""
    monkeypatch.chdir(tmp_path)
    for kind, name in FILES.items():
        path = tmp_path / "all" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        first = 20 if kind == "package" else 0  # its ids are Discord's
        text = FORMATS[kind](list(range(first, first + 12))) if kind in FORMATS else "mine says so\nmine says more\n"
        path.write_text(text.replace(ME, NAMES.get(SOURCES.get(kind, kind), ME)))
    return tmp_path


def asked_for(said: str) -> set[str]:
    """Return the formats whose owner a run asks for: in its error, or in warnings that nobody is the owner."""
    files = {name: SOURCES.get(kind, kind) for kind, name in FILES.items()}
    found = set(re.findall(r"nobody in (\S+) has the name", said))
    for label in re.findall(r"dann: ([^:]*): several people wrote here", said):
        found.add(label.rpartition(" files of ")[2] if " files of " in label else files[label.removeprefix("all/")])
    return found


@pytest.mark.usefixtures("folder")
def test_each_owner_is_asked_for_once_and_then_known(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    warn_once.cache_clear()
    named: list[str] = []
    runs = 0
    while True:
        runs += 1
        options = [word for source in named for word in ("--me", NAMES[source])]
        code = main(["import", "all", "--all-mine", "--json", *options])
        out, err = capsys.readouterr()
        new = asked_for(err + caplog.text)
        caplog.clear()
        assert new.isdisjoint(named), "asked for twice"
        if not new:
            break
        named += sorted(new)
    assert code == 0
    assert set(named) == set(NAMES)
    assert runs <= 3
    assert set(json.loads(out)["formats"]) == {reader.name for reader in READERS}
    with open_store("sqlite:///data/posts.db") as store:
        posts = list(store.posts())
    assert {post.source for post in posts if post.mine} == {reader.name for reader in READERS}
    assert all(post.text.startswith("mine says") == post.mine for post in posts)
    assert main(["import", "all", "--all-mine", "--json"]) == 0
    out, err = capsys.readouterr()
    again = json.loads(out)
    assert (err, again["kept"], again["updated"], again["duplicates"]) == ("", 0, 0, again["read"])


def test_a_zip_of_that_folder_has_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [word for name in NAMES.values() for word in ("--me", name)]
    with zipfile.ZipFile(folder / "all.zip", "w") as packed:
        for path in sorted((folder / "all").rglob("*.*")):
            packed.write(path, path.relative_to(folder))
    assert main(["import", "all.zip", "--all-mine", "--json", *names]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["import", "all", "--all-mine", "--json", *names]) == 0
    again = json.loads(capsys.readouterr().out)
    assert set(found["formats"]) == {reader.name for reader in READERS}
    assert (again["kept"], again["duplicates"]) == (0, found["read"])
