"""The `dann` command: training's commands are mounted, with the bot's settings beside training's."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_trainings_commands_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["posts", "--json", "--set", "persona.name=sam"]) == 0
    assert capsys.readouterr().out.startswith('{"posts": 0')


def test_the_bots_settings_are_checked_like_trainings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--set", "persona.nmae=sam", "posts"]) == 1
    assert capsys.readouterr().err == "dann: --set: persona.nmae is no setting; did you mean persona.name?\n"


def test_the_version_and_the_help_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    for option, expected in (("--version", "dann "), ("--help", "import")):
        with pytest.raises(SystemExit) as caught:
            main([option])
        assert caught.value.code == 0
        assert expected in capsys.readouterr().out


def test_posts_starts_without_jax_and_serve_without_readers_and_bases(tmp_path: Path) -> None:
    """What no reply waits for is imported in a thread, or by the command that needs it."""
    script = (
        "import sys; from bot.cli import main\n"
        "main(['posts', '--json'])\n"
        "assert not {'jax', 'flax', 'optax', 'tokenizers'} & set(sys.modules)\n"
        "import bot.app\n"
        "assert not {'training.exports.detect', 'training.base', 'model.base'} & set(sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, stdout=subprocess.DEVNULL, cwd=tmp_path)


@pytest.fixture(scope="module")
def _quiet_command() -> None:
    logging.getLogger("dann").setLevel(logging.ERROR)  # as --quiet does


@pytest.mark.usefixtures("_quiet_command")
def test_a_quiet_command_elsewhere_keeps_no_test_from_seeing_warnings(caplog: pytest.LogCaptureFixture) -> None:
    """If this fails, tests that read the log fail or pass by what ran before them in the same process."""
    logging.getLogger("dann").warning("seen")
    assert caplog.messages == ["seen"]
