"""`dann serve`, wiring only: the event loop, the signals, start and stop. What each part does is its own affair."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot import platforms
from bot.config import BotSettings, Tokens
from bot.platform import Tell
from bot.process import memory_tuning
from bot.process.daemon_thread import run_in_daemon_thread
from bot.process.loop_lag import LoopLagMonitor
from bot.replies.responder import Responder
from bot.replies.types import Replier
from bot.retraining.notify import OwnerNotifier
from bot.retraining.supervisor import RetrainSupervisor
from bot.serving.admin import Admin
from bot.serving.collect import Collector
from bot.serving.inbox import watch_inbox
from bot.serving.reload import Reload, load_first
from bot.serving.status import NOT_COMPILED, ServeStatus
from bot.serving.store_counts import CachedCounts, count_stored
from bot.web.http.auth import WebSecrets
from bot.web.state import AppState
from model.checkpoints.checkpoint import Snapshot
from model.engine.engine import Engine
from model.errors import DannError

if TYPE_CHECKING:
    from bot.retraining.scheduler import RetrainSchedule

ConnectedRun = Callable[[BotSettings, Replier, Tell, Collector, OwnerNotifier], Coroutine[Any, Any, None]]
"""A platform's `run` with its token."""

HEARTBEAT_FILE = "serving"
HEARTBEAT_SECONDS = 5.0
"""How often the file is touched while the event loop turns."""
UNREACHABLE = "nobody can reach dann without a token; `dann chat` talks to it here"


async def serve(settings: BotSettings, tokens: Tokens, tell: Tell) -> int:
    """Answer until SIGTERM or Ctrl-C; returns the exit code: 1 where every platform that has a token refused it.

    Raises DannError for a checkpoint that cannot be served.
    """
    standing = ServeStatus()
    with stopped_by_signals() as stopping:
        stalls = LoopLagMonitor()
        watching = [stalls.run(), write_heartbeat(settings.data.dir / HEARTBEAT_FILE, stalls)]
        alive = [asyncio.create_task(one) for one in watching]
        web = asyncio.create_task(_run_part(serve_web(settings, tokens, standing, stopping, tell), tell))
        inbox = settings.data.inbox_folder
        importing = asyncio.create_task(watch_inbox(settings.data, inbox, tell)) if inbox else None
        try:
            engine = await run_until(_load_engine(settings, tell), stopping)
            return 0 if engine is None else await _serve_platforms(settings, tokens, engine, standing, stopping, tell)
        finally:
            stopping.set()
            if importing:
                importing.cancel()
            await web
            for one in alive:
                one.cancel()
            (settings.data.dir / HEARTBEAT_FILE).unlink(missing_ok=True)


async def _load_engine(settings: BotSettings, tell: Tell) -> Engine:
    """An engine with the checkpoint that serves, which nobody else holds: when another serves, its memory is let go."""
    snapshot = await load_first(settings.data.checkpoints, tell)
    return Engine(snapshot, slots=settings.bot.slots, waiting=settings.bot.waiting)


async def _serve_platforms(
    settings: BotSettings, tokens: Tokens, engine: Engine, standing: ServeStatus, stopping: asyncio.Event, tell: Tell
) -> int:
    """Serve the engine's checkpoint, and what replaces it, on every platform with a token."""
    standing.waits_for = NOT_COMPILED
    async with engine, Collector(settings) as collector:
        with memory_tuning.without_collecting():  # the clients, while the engine's thread compiles
            runs = load_clients(tokens, tell)
        if about := collector.about():
            tell(about)
        await run_until(engine.ready(), stopping)
        memory_tuning.freeze_loaded()
        settling = asyncio.create_task(_freeze_when_warm(engine))
        tell(_describe(engine.snapshot))
        reload = Reload(engine, settings.data.checkpoints, tell)
        news = OwnerNotifier()
        retraining = RetrainSupervisor(settings, news, tell)
        standing.engine, standing.reload, standing.retraining = engine, reload, retraining
        admin = Admin(engine, reload, retraining=retraining, stats=standing.stats)
        responder = Responder(engine, settings, admin, stats=standing.stats)
        running = [run(settings, responder, tell, collector, news) for run in runs]
        parts = [asyncio.create_task(_run_part(part, tell)) for part in running]
        beside = [asyncio.create_task(one) for one in (reload.run(), run_schedule(settings, retraining))]
        await run_until(_wait_for_platforms(parts), stopping)
        if stopping.is_set():
            tell("stopping: what is under way is finished first")
        for part in (*beside, *parts):  # each finishes what it has begun; one after the other, waits would add up
            part.cancel()
        drained = (work(settings.bot.drain_seconds) for work in (responder.drain, retraining.stop))
        await asyncio.gather(*drained, *beside, *parts, return_exceptions=True)
        settling.cancel()
        return 0 if stopping.is_set() else 1


async def _freeze_when_warm(engine: Engine) -> None:
    """When all programs are there, nothing that is large comes any more: put it out of the way."""
    await engine.warmed_up()
    memory_tuning.freeze_loaded()
    await asyncio.to_thread(memory_tuning.trim_heap)


def load_clients(tokens: Tokens, tell: Tell) -> list[ConnectedRun]:
    """Import the client of each platform that has a token; tell how to get one for those that have none."""
    runs: list[ConnectedRun] = []
    for platform in platforms.PLATFORMS:
        if token := tokens.platforms.get(platform.name):
            runs.append(partial(platform.load_run(), token))
        else:
            tell(f"{platform.title}: {platform.missing_token}")
    if not runs:
        tell(UNREACHABLE)
    return runs


def about_tokens() -> set[str]:
    """Return the lines that `load_clients` tells where there are no tokens."""
    return {UNREACHABLE, *(f"{platform.title}: {platform.missing_token}" for platform in platforms.PLATFORMS)}


async def run_schedule(settings: BotSettings, retraining: RetrainSupervisor) -> None:
    """Retrain when the config says, until cancelled."""

    def schedule() -> "RetrainSchedule":
        from bot.retraining.scheduler import RetrainSchedule  # noqa: PLC0415 (SQLAlchemy takes a while to import; nobody waits for this)

        return RetrainSchedule(settings, retraining.start_scheduled, retraining.set_next)

    await retraining.load_last_outcome()
    await (await run_in_daemon_thread(schedule)).run()


async def serve_web(
    settings: BotSettings, tokens: Tokens, standing: ServeStatus, stopping: asyncio.Event, tell: Tell
) -> None:
    """Be on HTTP until `stopping` is set, from before there is a checkpoint; not at all where it is switched off."""
    if not settings.bot.web.port:
        return
    from bot.web.server import run  # noqa: PLC0415 (FastAPI takes a while to import)

    sources = AppState(
        settings=settings,
        why_not=standing.why_not,
        tally=standing.stats,
        engine=lambda: standing.engine,
        stored=CachedCounts(lambda: count_stored(settings.data.store_url)).newest,
        reloads=standing.reloads,
        retraining=standing.progress,
        stopping=stopping,
    )
    secrets = WebSecrets(tokens.api_key, tokens.web_password)
    await run(settings.bot.web, sources, stopping, settings.bot.drain_seconds, tell, secrets)


async def write_heartbeat(path: Path, stalls: LoopLagMonitor) -> None:
    """Show that the event loop turns, and how well: the image's health check looks at how old the file is.

    In it is the loop's longest stall since it was last written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        with suppress(OSError):  # a full disk is no reason to stop answering
            path.touch()
            path.write_text(f"longest stall {1e3 * stalls.take_longest():.1f} ms\n")
        await asyncio.sleep(HEARTBEAT_SECONDS)


async def run_until(work: Any, stopping: asyncio.Event) -> Any:
    """What `work` returns, or None where `stopping` is set before; then the work is cancelled."""
    doing, told = asyncio.ensure_future(work), asyncio.create_task(stopping.wait())
    await asyncio.wait({doing, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if doing.done():
        return doing.result()
    doing.cancel()
    with suppress(asyncio.CancelledError):
        await doing
    return None


@contextmanager
def stopped_by_signals() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and Ctrl-C set; the second of them ends the process at once."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()

    def asked(number: signal.Signals) -> None:
        stopping.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked, number)
    try:
        yield stopping
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _run_part(part: Coroutine[Any, Any, None], tell: Tell) -> None:
    """Run a platform; what keeps it from running is told, and the others go on."""
    try:
        await part
    except DannError as error:
        tell(str(error))


async def _wait_for_platforms(parts: list[asyncio.Task[None]]) -> None:
    """Wait until no platform runs, or one raises; without end where there is none, as something else may be served.

    Who stops waiting stops none of them, as gather would.
    """
    if not parts:
        await asyncio.Event().wait()
    done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_EXCEPTION)
    for part in done:
        part.result()


def _describe(snapshot: Snapshot) -> str:
    meta = snapshot.meta
    known = f", {meta.val_bpb:.3f} bits per byte of held-out posts, {meta.posts:,} posts" if meta else ""
    return f"dann: checkpoint {snapshot.id}{known}"
