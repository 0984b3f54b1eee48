"""`dann serve` with a schedule: a process of its own, whose retraining is tests/bot/retraining/fake_child.py."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.bot.retraining.test_child import children, gone
from tests.bot.retraining.test_orders import VERDICT
from tests.bot.test_app import MAIN, publish, serving
from tests.servers.telegram import TelegramServer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]

OFTEN = ("bot.schedule.interval_hours=0.0005", "bot.schedule.jitter_minutes=0", "bot.drain_seconds=1")
"""Every two seconds."""


def played_by(behaviour: str) -> str:
    """The code of a dann whose retraining behaves so."""
    return (
        "import functools, bot.app\n"
        "from bot.retraining.supervisor import RetrainSupervisor\n"
        "bot.app.RetrainSupervisor = functools.partial("
        f"RetrainSupervisor, module=('tests.bot.retraining.fake_child', {behaviour!r}))\n{MAIN}"
    )


@pytest.mark.parametrize(("end", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_however_it_ends_its_child_does_not_outlive_it(tmp_path: Path, end: signal.Signals, code: int) -> None:
    async def scenario() -> None:
        publish(tmp_path)
        async with serving(tmp_path, *OFTEN, code=played_by("deaf")) as dann:
            await dann.says(r"^retraining begins \(scheduled\)")
            async with asyncio.timeout(60):
                while not (found := children(dann.process.pid)):
                    await asyncio.sleep(0.05)
            await asyncio.sleep(1)  # so that it is deaf by now, and not at its imports
            dann.process.send_signal(end)
            assert await dann.ends(20.0) == code
            async with asyncio.timeout(20):
                while not all(gone(pid) for pid in found):
                    await asyncio.sleep(0.05)

    asyncio.run(scenario())


def test_by_the_schedule_it_retrains_and_tells_the_owner_while_it_answers(tmp_path: Path) -> None:
    async def scenario() -> None:
        publish(tmp_path)
        async with TelegramServer() as telegram:
            simulation, bot = telegram.simulation, telegram.simulation.bot("dann_bot")
            alice, tavern = simulation.user("alice"), simulation.group("tavern")
            home = simulation.private(alice)
            where = (f"bot.telegram.base_url={telegram.base_url}", f"bot.telegram.owners={alice.id}")
            async with serving(tmp_path, *OFTEN, *where, code=played_by("well"), TELEGRAM_TOKEN=bot.token) as dann:
                await dann.says("^[Tt]elegram: @dann_bot")
                simulation.say(alice, home, "hi")  # a bot may write to those alone who wrote to it
                asked = simulation.say(alice, tavern, "@dann_bot hello")
                await simulation.until(lambda: [one for one in simulation.sent if one.reply_to is asked], 60.0)
                await simulation.until(
                    lambda: [one for one in simulation.sent if one.chat is home and one.text == VERDICT], 60.0
                )
                dann.process.send_signal(signal.SIGTERM)
                assert await dann.ends(20.0) == 0
            assert not [line for line in dann.lines if "Traceback" in line]

    asyncio.run(scenario())


def test_two_on_one_folder_answer_both_and_one_schedules(tmp_path: Path) -> None:
    async def scenario() -> None:
        publish(tmp_path)
        async with serving(tmp_path) as first:
            await first.says("^dann: checkpoint one")
            async with asyncio.timeout(60):
                while not (tmp_path / "schedule.lock").exists():
                    await asyncio.sleep(0.05)
            async with serving(tmp_path) as second:
                await second.says("another dann schedules here")
                await second.says("^dann: checkpoint one")
                second.process.send_signal(signal.SIGTERM)
                assert await second.ends(20.0) == 0
            first.process.send_signal(signal.SIGTERM)
            assert await first.ends(20.0) == 0

    asyncio.run(scenario())
