"""What the owner sees of what is private: an import's counts, `dann posts --private` and `--channels`."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.cli.main import main
from training.cli.private import masked_in_part
from training.config.load import OWNERS_TABLES
from training.config.tables import Settings
from training.lab.run import PRIVATE

NUMBER, SECRET = "+49 171 3920012", "hunter2x"
LINES = [
    {"id": "1", "author": "sam", "channel": "a", "time": 1.0, "text": f"call {NUMBER}"},
    {"id": "2", "author": "kim", "channel": "a", "time": 2.0, "text": f"password: {SECRET}"},
    {"id": "3", "author": "sam", "channel": "b", "time": 3.0, "text": "hm"},
]


@pytest.fixture(autouse=True)
def chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chat.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))


def output(capsys: pytest.CaptureFixture[str], *command: str) -> Any:
    assert main([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_import_counts_by_kind_and_guesses_apart(capsys: pytest.CaptureFixture[str]) -> None:
    for option in (["--dry-run"], []):
        told = output(capsys, "import", "chat.jsonl", "--me", "sam", *option)
        assert (told["kept"], told["private"], told["perhaps_private"]) == (3, {"phone": 1}, {"secret": 1})
    assert main(["import", "chat.jsonl", "--me", "sam"]) == 0
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert told[-4:] == [["private", "1"], ["phone", "1"], ["perhaps", "private", "1"], ["secret", "1"]]


def test_what_is_dropped_is_not_imported_and_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    told = output(capsys, "--set", "privacy.secret=drop", "import", "chat.jsonl", "--me", "sam")
    assert (told["read"], told["kept"], told["dropped"]) == (3, 2, {"private": 1})


def test_findings_are_listed_masked_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", "chat.jsonl", "--me", "sam"])
    capsys.readouterr()
    told = output(capsys, "posts", "--private")
    assert (told["private"], told["perhaps_private"]) == ({"phone": 1}, {"secret": 1})
    phone, secret = sorted(told["found"], key=lambda one: str(one["kind"]))
    assert phone | {"post": "", "channel": ""} == {
        "kind": "phone", "shown": "+49••••••12", "post": "", "channel": "", "mine": True,
        "time": "1970-01-01T00:00:01+00:00", "start": 5, "end": 5 + len(NUMBER),
    }  # fmt: skip
    assert (secret["shown"], secret["mine"]) == ("h••••••", False)
    assert main(["posts", "--private"]) == 0
    out = capsys.readouterr().out
    assert "+49••••••12" in out
    assert "phone = mask, secret = mask" in out
    assert NUMBER not in out
    assert SECRET not in out


def test_nothing_private_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["posts", "--private"]) == 0
    assert capsys.readouterr().out == "nothing private was found\n"


def test_two_lists_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["posts", "--private", "--channels"]) == 1
    assert capsys.readouterr().err == "dann: --private and --channels are two lists; ask for one of them\n"


@pytest.mark.parametrize("kind", ["phone", "secret", "own"])
def test_what_is_shown_is_never_the_whole(kind: str) -> None:
    assert all(len(masked_in_part(kind, "x" * n).rstrip("•").replace("•", "")) < max(n, 2) for n in range(1, 30))


def test_channels_are_listed_with_what_is_kept_out(capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", "chat.jsonl", "--me", "sam"])
    capsys.readouterr()
    channels = output(capsys, "posts", "--channels")["channels"]
    assert [(one["mine"], one["context"], one["kept_out"]) for one in channels] == [(1, 1, False), (1, 0, False)]
    except_first = f"privacy.except_channels=['{channels[0]['channel']}']"
    again = output(capsys, "--set", except_first, "posts", "--channels")["channels"]
    assert [one["kept_out"] for one in again] == [True, False]


def test_the_owners_words_are_not_kept_beside_what_was_trained() -> None:
    """Whoever gives a checkpoint or a run away would give the list of their secrets away."""
    assert "privacy" in OWNERS_TABLES
    settings = Settings.model_validate({"privacy": {"words": [SECRET]}})
    assert SECRET not in settings.model_dump_json(exclude=PRIVATE)
    assert SECRET not in settings.model_dump_json(exclude=set(OWNERS_TABLES))
