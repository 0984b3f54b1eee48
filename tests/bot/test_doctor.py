"""What `dann doctor` finds: one test for each thing that would keep dann from serving, against the wire."""

import asyncio
import socket
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from bot import doctor
from bot.config import BotSettings, Tokens
from bot.platform import Finding
from bot.platforms import settings_class
from tests.servers.discord import DiscordServer
from tests.servers.discord.gateway.intents import AppFlag
from tests.servers.telegram import TelegramServer


def found(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.what.strip(): finding for finding in findings}


def settings(folder: Path, **bot: Any) -> BotSettings:
    return settings_class().model_validate({"data": {"dir": folder}, "bot": {"web": {"port": 0}} | bot})


def on_discord(folder: Path, token: str = "", flags: AppFlag = AppFlag.MESSAGE_CONTENT_LIMITED) -> dict[str, Finding]:
    async def asked() -> list[Finding]:
        async with DiscordServer() as server:
            server.simulation.application_flags = flags
            addresses = {"discord": {"api_url": server.api_url, "gateway_url": server.gateway_url}}
            tokens = Tokens({"discord": token or server.simulation.token})
            return await doctor.examine(settings(folder, **addresses), tokens)

    return found(asyncio.run(asked()))


def on_telegram(folder: Path, token: str = "", *, privacy: bool = False) -> dict[str, Finding]:
    async def asked() -> list[Finding]:
        async with TelegramServer() as server:
            bot = server.simulation.bot("dann_bot", privacy=privacy)
            tokens = Tokens({"telegram": token or bot.token})
            return await doctor.examine(settings(folder, telegram={"base_url": server.base_url}), tokens)

    return found(asyncio.run(asked()))


def test_without_any_token_it_says_how_to_get_one(tmp_path: Path) -> None:
    findings = found(asyncio.run(doctor.examine(settings(tmp_path), Tokens())))
    assert findings["Discord"].trouble
    assert "Reset Token" in findings["Discord"].seen
    assert findings["Telegram"].trouble
    assert "@BotFather" in findings["Telegram"].seen


def test_one_platform_is_enough(tmp_path: Path) -> None:
    findings = on_discord(tmp_path)
    assert findings["Discord"].seen.startswith("dann")
    assert not findings["Discord"].trouble
    assert not findings["Telegram"].trouble


def test_a_token_that_discord_refuses(tmp_path: Path) -> None:
    findings = on_discord(tmp_path, token="another.token.altogether")
    assert findings["Discord"].trouble
    assert "DISCORD_TOKEN" in findings["Discord"].seen
    assert "Reset Token" in findings["Discord"].advice
    assert "another.token" not in str(findings)


def test_the_message_content_intent_is_off(tmp_path: Path) -> None:
    assert not on_discord(tmp_path)["Message Content intent"].trouble
    off = on_discord(tmp_path, flags=AppFlag(0))["Message Content intent"]
    assert off.trouble
    assert "switch it on" in off.advice


def test_commands_that_are_not_registered(tmp_path: Path) -> None:
    assert on_discord(tmp_path)["commands"].trouble
    assert on_telegram(tmp_path)["commands"].trouble


@pytest.mark.parametrize("token", ["123:nonsense", "not a token"])
def test_a_token_that_telegram_refuses(tmp_path: Path, token: str) -> None:
    findings = on_telegram(tmp_path, token)
    assert findings["Telegram"].trouble
    assert "@BotFather" in findings["Telegram"].advice
    assert token not in str(findings)


def test_privacy_mode_is_on(tmp_path: Path) -> None:
    assert not on_telegram(tmp_path)["privacy mode"].trouble
    on = on_telegram(tmp_path, privacy=True)["privacy mode"]
    assert on.trouble
    assert "/setprivacy" in on.advice


def test_a_platform_that_cannot_be_reached(tmp_path: Path) -> None:
    nobody = settings(
        tmp_path,
        discord={"api_url": "http://127.0.0.1:9/api/v10"},
        telegram={"base_url": "http://127.0.0.1:9"},
    )
    findings = found(asyncio.run(doctor.examine(nobody, Tokens({"discord": "a.b.c", "telegram": "1:abc"}))))
    for platform in ("Discord", "Telegram"):
        assert findings[platform].trouble
        assert "cannot be asked" in findings[platform].seen
    assert "a.b.c" not in str(findings)
    assert "1:abc" not in str(findings)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = found(asyncio.run(doctor.examine(settings(tmp_path, web={"port": port}), Tokens())))["web"]
    assert taken.trouble
    assert str(port) in taken.seen
    assert "bot.web.port" in taken.advice


def test_no_checkpoint_and_a_damaged_one(tmp_path: Path) -> None:
    missing = found(asyncio.run(doctor.examine(settings(tmp_path), Tokens())))["checkpoint"]
    assert missing.trouble
    assert "dann train" in missing.advice
    (tmp_path / "checkpoints" / "x").mkdir(parents=True)
    (tmp_path / "checkpoints" / "CURRENT").write_text("x\n")
    damaged = found(asyncio.run(doctor.examine(settings(tmp_path), Tokens())))["checkpoint"]
    assert damaged.trouble
    assert "damaged" in damaged.seen


def test_too_little_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not found(asyncio.run(doctor.examine(settings(tmp_path), Tokens())))["disk"].trouble
    monkeypatch.setattr(doctor, "MIN_FREE_DISK", 10**18)
    assert found(asyncio.run(doctor.examine(settings(tmp_path), Tokens())))["disk"].trouble


def test_too_little_memory_in_the_machine_or_in_its_container(tmp_path: Path) -> None:
    proc = tmp_path / "meminfo"
    proc.write_text("MemTotal: 4000000 kB\nMemAvailable:  2000000 kB\n")
    assert doctor.available_memory(proc, tmp_path) == 2_048_000_000
    (tmp_path / "memory.max").write_text("500000000\n")
    (tmp_path / "memory.current").write_text("100000000\n")
    assert doctor.available_memory(proc, tmp_path) == 400_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert doctor.available_memory(proc, tmp_path) == 2_048_000_000
    assert doctor.available_memory(tmp_path / "none", tmp_path) is None


def test_a_clock_that_is_off(tmp_path: Path) -> None:
    """Both platforms stamp their answers; ten minutes behind them is told, and without a stamp nothing is."""
    assert not on_telegram(tmp_path)["clock"].trouble
    assert not on_discord(tmp_path)["clock"].trouble
    (slow,) = doctor.check_clock(["", formatdate(time.time() + 600, usegmt=True)])
    assert slow.trouble
    assert slow.seen in {"599 s slow", "600 s slow"}  # stamps are in whole seconds
    assert list(doctor.check_clock(["not a date"])) == []
