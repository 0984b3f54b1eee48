"""A third platform is a folder (tests/bot/memory_bot/) and a line: everything that knows platforms knows it then."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot import doctor, platforms
from bot.app import serve
from bot.cli import load_tokens
from bot.config import BotSettings
from bot.retraining.supervisor import child_environment
from model.errors import DannError
from tests.bot.memory_bot.platform import MemoryServer, memory_platform
from tests.bot.test_app import publish
from training.config.load import load_settings
from training.store.posts import open_store

ROOT = Path(__file__).parents[2]
TABLE = ("bot.memory.owners=7", "bot.memory.collect=true", "bot.memory.deny_users=9", "bot.memory.deny_rooms=13")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> MemoryServer:
    """The line."""
    server = MemoryServer()
    monkeypatch.setattr(platforms, "PLATFORMS", (*platforms.PLATFORMS, memory_platform(server)))
    for platform in platforms.PLATFORMS:
        monkeypatch.delenv(platform.table.environment_variable, raising=False)
    return server


def settings(folder: Path, *sets: str) -> BotSettings:
    given = [f"data.dir={folder}", "bot.web.port=0", "bot.cooldown_seconds=0", *(sets or TABLE)]
    return load_settings(platforms.settings_class(), None, given)


def test_it_answers_whom_it_may_and_collects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: MemoryServer
) -> None:
    monkeypatch.setenv("MEMORY_TOKEN", "a-token")
    publish(tmp_path)
    told: list[str] = []

    async def talk() -> None:
        owner = await server.ask("7", "12", "hello")
        stranger = await server.ask("8", "12", "hello, too")
        assert owner is not None
        assert stranger is not None
        assert await server.ask("9", "12", "denied") is None
        assert await server.ask("7", "13", "in a denied room") is None

    async def scenario() -> int:
        serving = asyncio.create_task(serve(settings(tmp_path), load_tokens(), told.append))
        await talk()
        os.kill(os.getpid(), signal.SIGTERM)
        return await serving

    assert asyncio.run(scenario()) == 0
    assert server.tokens == ["a-token"]
    assert "Memory: dann is there" in told
    assert any(line.startswith("collecting: what its owner writes on Memory is kept") for line in told)
    assert {line.split(":")[0] for line in told if "To have one" in line} == {"Discord", "Telegram"}
    with open_store(f"sqlite:///{tmp_path}/posts.db") as store:
        assert [post.text for post in store.posts()] == ["hello"]


@pytest.mark.usefixtures("server")
def test_the_doctor_examines_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {found.what: found for found in asyncio.run(doctor.examine(settings(tmp_path), load_tokens()))}
    assert missing["Memory"].seen == "no MEMORY_TOKEN. To have one: open a queue"
    assert missing["Memory"].trouble
    monkeypatch.setenv("MEMORY_TOKEN", "a-token")
    findings = {found.what: found for found in asyncio.run(doctor.examine(settings(tmp_path), load_tokens()))}
    assert findings["Memory"].seen == "a-token belongs to 7"
    assert not findings["Discord"].trouble


@pytest.mark.usefixtures("server")
def test_its_table_is_checked_and_its_token_is_kept_from_retrainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DannError, match=r"bot.memory.deny_room is no setting; did you mean bot.memory.deny_rooms\?"):
        settings(tmp_path, "bot.memory.deny_room=1")
    monkeypatch.setenv("MEMORY_TOKEN", "a secret")
    monkeypatch.setenv("DISCORD_TOKEN", "a secret")
    assert "a secret" not in child_environment(settings(tmp_path)).values()


def test_client_libraries_are_imported_only_where_they_are_used() -> None:
    """In a fresh process: the list of platforms is read by every command, and discord.py alone takes half a second."""
    script = (
        "import sys, bot.platforms\n"
        "raise SystemExit(str({'discord', 'telegram', 'sqlalchemy', 'jax'} & set(sys.modules) or ''))"
    )
    imported = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert imported.stderr.strip() == ""
