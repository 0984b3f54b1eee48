"""The data folder of 0eb29d7 is read, answers, is trained on and rolled back; commands print what they printed.

Replies must be the same to the letter: they follow from checkpoint, prompt, parameters and seed. Another processor may
round the last bits of a probability otherwise; that changes a text only where a draw falls between the two, which for these
200 tokens is one chance in thousands. The same texts came with AVX-512, AVX2 and SSE4.2.
"""

import json
import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from tests.compat.recording import EXPORT, check, folder_surface, tables_of
from tests.model.one_width import one_width

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def present(old_folder: Path) -> Any:
    """Run all commands, one after the other; on which batch size a reply is drawn changes nothing in it."""
    with chdir(old_folder), one_width():
        return folder_surface(main)


def test_what_only_reads_prints_the_same(recorded: Any, present: Any) -> None:
    check(recorded["reads"], present["reads"], exact=True)


def test_replies_are_the_same_to_the_letter(recorded: Any, present: Any) -> None:
    said = {reply["text"] for answer in recorded["says"].values() for reply in answer["out"]["replies"]}
    assert len(said) == len(recorded["says"])  # each option makes a difference; of two replies, one is without any
    check(recorded["says"], present["says"], exact=True)


@pytest.mark.slow
def test_what_learns_and_changes_prints_the_same_keys(recorded: Any, present: Any) -> None:
    check(recorded["changes"], present["changes"], exact=False)
    codes = {line: told["code"] for line, told in recorded["changes"].items()}
    assert codes == {line: told["code"] for line, told in present["changes"].items()}


@pytest.mark.slow
def test_an_unfinished_run_goes_on_to_its_end(present: Any) -> None:
    assert present["changes"]["train --resume"]["out"]["steps"] == 2000


@pytest.mark.slow
def test_it_is_trained_on_retrained_and_rolled_back(present: Any) -> None:
    changes = present["changes"]
    trained, retrained = changes["train --seed 9 --minutes 1"]["out"], changes["retrain --force --why test --events"]
    verdict, rolled = retrained["events"]["verdict"], changes["rollback"]["out"]
    assert retrained["parts"] == ["reading", "learning", "judging", "publishing"]
    assert (verdict["verdict"], verdict["incumbent"]) == ("published", trained["checkpoint"])
    assert (rolled["before"], rolled["current"]) == (verdict["candidate"], trained["checkpoint"])
    assert changes["experiment run beans --set train.steps=20"]["out"]["val_mixed_nats_per_char"]["mean"] > 0


@pytest.mark.slow
def test_checkpoints_runs_and_the_folder_keep_their_form(recorded: Any, present: Any) -> None:
    assert set(recorded["written"]) <= set(present["written"])
    assert set(recorded["checkpoint"]["files"]) <= set(present["checkpoint"]["files"])
    for part in ("checkpoint", "run"):
        check(recorded[part], present[part], exact=False)
    assert present["checkpoint"]["manifest.json"]["format"] == recorded["checkpoint"]["manifest.json"]["format"]


def test_a_new_store_has_the_same_tables(recorded: Any, tmp_path: Path) -> None:
    (tmp_path / EXPORT).write_text('{"id": "1", "author": "sam", "text": "hello"}\n')
    with chdir(tmp_path):
        assert main(["-q", "import", EXPORT, "--me", "sam"]) == 0
    store = recorded["store"]
    tables = {
        name: columns for name, columns in store["tables"].items() if name != "apscheduler_jobs"
    }  # `serve` makes it
    check({**store, "tables": tables}, tables_of(tmp_path / "data" / "posts.db"), exact=True)


def test_python_m_training_is_a_program(recorded: Any, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "training", "posts", "--json"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout).keys() == recorded["reads"]["posts"]["out"].keys()
