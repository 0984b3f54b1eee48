"""`/dann-privacy` on Discord, with the real responder and a real store behind it."""

from pathlib import Path

from bot.replies.responder import Responder
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord
from tests.bot.discord_bot.scripted_responder import read
from tests.bot.scripted_engine import Clock, ScriptedEngine, build_responder, settings
from tests.bot.serving.privacy_harness import PrivacyHarness
from tests.servers.discord.objects import Flag, Message


@with_discord(connected=False)
async def test_a_person_sees_what_is_kept_and_leaves(discord: DiscordHarness, tmp_path: Path) -> None:
    harness, clock = PrivacyHarness(tmp_path, "discord-package", discord.ann.id, discord.ann.id, 5), Clock()
    engine = ScriptedEngine(read)
    discord.answers = build_responder(Responder, engine, settings(), privacy=harness.privacy, clock=clock)
    discord.start(direct_messages=False)
    await discord.connected()
    await discord.registered()

    async def order(command: str) -> Message:
        clock.now += 10
        used = discord.simulation.use_command(
            discord.ann, discord.simulation.dm(discord.ann), f"dann-privacy {command}"
        )
        return await discord.simulation.first_reply(used)

    shown = await order("show")
    assert shown.flags & Flag.EPHEMERAL
    stored, memory, voice, state = shown.content.split("\n")
    assert stored == "stored: 2 messages that you wrote on Discord, to learn from"
    assert memory.startswith("in memory: what each channel said in its last 60 minutes")
    assert (voice, state.split(";")[0]) == ("the voice that answers now has not learned from them", "you are answered")

    await order("ignore-me")
    quiet = discord.simulation.say(discord.ann, discord.room, f"{discord.at} do you hear me?")
    heard = discord.simulation.say(discord.bob, discord.room, f"{discord.at} and me?")
    await discord.simulation.first_reply(heard)
    assert discord.simulation.replies_to(quiet) == []
    assert engine.texts == [["and me?"]]
    assert (await order("answer-me")).content == "you are answered again"
    await discord.ask("and now?")

    assert (await order("forget-me")).content.startswith("asked: the owner decides on it with one command")
    assert (await order("forget-me")).content.endswith("the owner has not done it yet")
    person = harness.person(discord.ann.id)
    assert person is not None
    assert harness.news == [
        f"ann on Discord asks to be forgotten; this does it: dann forget --author person:{person.author[:12]} --now"
    ]
    assert harness.privacy.asking() == "1 person asks to be forgotten: `dann forget --requests` lists the commands"
    assert str(discord.ann.id).encode() not in harness.bytes_stored(), "nobody's id is stored"
