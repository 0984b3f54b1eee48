"""`dann serve`: connect its parts, start and stop them, handle signals. Wiring only."""

import asyncio
import gc
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
from bot.replies.permissions import Permissions
from bot.replies.responder import Responder
from bot.replies.types import Replier
from bot.retraining.notify import OwnerNotifier
from bot.retraining.supervisor import RetrainSupervisor
from bot.serving.admin import Admin
from bot.serving.collect import Collector
from bot.serving.privacy import Privacy
from bot.serving.reload import Reload, load_first
from bot.serving.status import NOT_COMPILED, WITHDRAWN, ServeStatus
from bot.serving.store_counts import CachedCounts, count_stored
from bot.serving.withdrawals import Withdrawals, finish_leaving, withdraw
from bot.web.http.auth import WebSecrets
from bot.web.state import AppState
from model.checkpoints.atomic_files import private_folder
from model.checkpoints.checkpoint import Snapshot
from model.engine.engine import Engine
from model.errors import DannError
from training.posts.guarding import load_guarded
from training.servers import registered

if TYPE_CHECKING:
    from bot.retraining.scheduler import RetrainSchedule

ConnectedRun = Callable[[BotSettings, Replier, Tell, Collector, OwnerNotifier], Coroutine[Any, Any, None]]
"""A platform's `run` with its token."""

HEARTBEAT_FILE = "serving"
HEARTBEAT_SECONDS = 5.0
"""Between two touches of the file."""
UNREACHABLE = "nobody can reach dann without a token; `dann chat` talks to it here"


async def serve(settings: BotSettings, tokens: Tokens, tell: Tell) -> int:
    """Serve until SIGTERM or Ctrl-C, and return the exit code.

    It is 1 where every platform that has a token refused it. Raises DannError for a checkpoint that cannot be served.
    """
    status, data = ServeStatus(), settings.data
    withdrawals = Withdrawals(data.checkpoints)
    with stopped_by_signals() as stopping, registered(data.dir) as server:
        lag = LoopLagMonitor()
        monitors = [lag.run(), write_heartbeat(data.dir / HEARTBEAT_FILE, lag), withdrawals.run(server)]
        monitors.append(_run_part(finish_leaving(data), tell))
        monitoring = [asyncio.create_task(monitor) for monitor in monitors]
        web = asyncio.create_task(_run_part(serve_web(settings, tokens, status, withdrawals, stopping, tell), tell))
        inbox = settings.data.inbox_folder
        importing = asyncio.create_task(import_from(inbox, settings, tell)) if inbox else None
        try:
            engine = await run_until(_load_engine(settings, tell), stopping)
            if engine is None:
                return 0
            return await _serve_platforms(settings, tokens, engine, status, withdrawals, stopping, tell)
        finally:
            stopping.set()
            if importing:
                importing.cancel()
            await web
            for task in monitoring:
                task.cancel()
            (settings.data.dir / HEARTBEAT_FILE).unlink(missing_ok=True)


async def import_from(inbox: Path, settings: BotSettings, tell: Tell) -> None:
    """Import what is dropped into the inbox, until cancelled."""

    def watch() -> Callable[..., Coroutine[Any, Any, None]]:
        from bot.serving.inbox import watch_inbox  # noqa: PLC0415 (thirty readers, which no reply waits for: in a thread)

        return watch_inbox

    await (await run_in_daemon_thread(watch))(settings, inbox, tell)


async def _load_engine(settings: BotSettings, tell: Tell) -> Engine:
    """Load the serving checkpoint; only the engine refers to it, so that its memory is freed when another serves."""
    snapshot = await load_first(settings.data.checkpoints, tell, partial(load_guarded, settings))
    bot = settings.bot
    return Engine(snapshot, slots=bot.slots, waiting=bot.waiting, usual=settings.sample)


async def _serve_platforms(
    settings: BotSettings,
    tokens: Tokens,
    engine: Engine,
    status: ServeStatus,
    withdrawals: Withdrawals,
    stopping: asyncio.Event,
    tell: Tell,
) -> int:
    """Answer on every platform with a token, from the engine's checkpoint and those that replace it."""
    status.waits_for = NOT_COMPILED
    is_owner = Permissions(settings.bot).is_owner
    privacy = Privacy(settings.data, status.news.tell, settings.bot.history_minutes, is_owner)
    async with engine, Collector(settings, privacy) as collector:
        knowing = asyncio.create_task(privacy.load())
        with memory_tuning.without_collecting():  # the clients are imported while the engine's thread compiles
            runs = load_clients(tokens, tell)
        if about := collector.about():
            tell(about)
        await run_until(engine.ready(), stopping)
        gc.freeze()
        freezing = asyncio.create_task(_freeze_when_warm(engine))
        tell(_describe(engine.snapshot))
        await knowing
        reload = Reload(engine, settings.data.checkpoints, tell, load=partial(load_guarded, settings))
        news = status.news
        retraining = RetrainSupervisor(settings, news, tell)
        status.engine, status.reload, status.retraining = engine, reload, retraining
        status.admin = admin = Admin(engine, reload, retraining=retraining, stats=status.stats, asking=privacy.asking)
        responder = Responder(engine, settings, admin, privacy=privacy, stats=status.stats)
        for look in (partial(withdraw, engine, responder), privacy.look, collector.look):
            withdrawals.add(look)
        await withdraw(engine, responder, await withdrawals.read())  # since the checkpoint was loaded
        connected = [_run_part(run(settings, responder, tell, collector, news), tell) for run in runs]
        platform_tasks = [asyncio.create_task(part) for part in connected]
        others = (reload.run(), run_schedule(settings, retraining), privacy.keep_loading())
        other_tasks = [asyncio.create_task(part) for part in others]
        await run_until(_wait_for_platforms(platform_tasks), stopping)
        if stopping.is_set():
            tell("stopping: what is under way is finished first")
        for task in (*other_tasks, *platform_tasks):  # all drain at the same time: their waits must not add up
            task.cancel()
        drained = (drain(settings.bot.drain_seconds) for drain in (responder.drain, retraining.stop))
        await asyncio.gather(*drained, *other_tasks, *platform_tasks, return_exceptions=True)
        freezing.cancel()
        return 0 if stopping.is_set() else 1


async def _freeze_when_warm(engine: Engine) -> None:
    """Freeze and trim memory again when all programs are compiled: nothing large is allocated after that."""
    await engine.warmed_up()
    gc.freeze()
    await asyncio.to_thread(memory_tuning.trim_heap)


def load_clients(tokens: Tokens, tell: Tell) -> list[ConnectedRun]:
    """Import the client of each platform that has a token; print how to get the others."""
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
    """Retrain by the schedule of the config, until cancelled."""

    def schedule() -> "RetrainSchedule":
        from bot.retraining.scheduler import RetrainSchedule  # noqa: PLC0415 (SQLAlchemy takes a while to import, here in a thread)

        return RetrainSchedule(settings, retraining.start_scheduled, retraining.set_next)

    await retraining.load_last_outcome()
    await (await run_in_daemon_thread(schedule)).run()


async def serve_web(
    settings: BotSettings,
    tokens: Tokens,
    status: ServeStatus,
    withdrawals: Withdrawals,
    stopping: asyncio.Event,
    tell: Tell,
) -> None:
    """Serve HTTP, unless it is switched off, from before there is a checkpoint."""
    if not settings.bot.web.port:
        return
    from bot.web.server import run  # noqa: PLC0415 (FastAPI takes a while to import)

    state = AppState(
        settings=settings,
        why_not=status.why_not,
        stats=status.stats,
        engine=status.serving,
        store_counts=CachedCounts(lambda: count_stored(settings.data.store_url)).newest,
        reloads=status.reloads,
        retraining=status.progress,
        stopping=stopping,
        paused=status.paused,
        report=status.report,
        on_withdrawal=withdrawals.add,
    )
    secrets = WebSecrets(tokens.api_key, tokens.web_password)
    await run(settings.bot.web, state, stopping, settings.bot.drain_seconds, tell, secrets)


async def write_heartbeat(path: Path, lag: LoopLagMonitor) -> None:
    """Write the event loop's longest stall to a file every few seconds: the image's health check reads its age."""
    private_folder(path.parent)
    while True:
        with suppress(OSError):  # a full disk is no reason to stop answering
            path.touch()
            path.write_text(f"longest stall {1e3 * lag.take_longest():.1f} ms\n")
        await asyncio.sleep(HEARTBEAT_SECONDS)


async def run_until(work: Any, stopping: asyncio.Event) -> Any:
    """Return what `work` returns, or cancel it and return None once `stopping` is set."""
    task, stopped = asyncio.ensure_future(work), asyncio.create_task(stopping.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        return task.result()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return None


@contextmanager
def stopped_by_signals() -> Iterator[asyncio.Event]:
    """Yield an event that SIGTERM and Ctrl-C set; a second signal ends the process at once."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        stopping.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        yield stopping
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _run_part(part: Coroutine[Any, Any, None], tell: Tell) -> None:
    """Run a part; print the DannError that keeps it from running, and let the others go on."""
    try:
        await part
    except DannError as error:
        tell(str(error))


async def _wait_for_platforms(tasks: list[asyncio.Task[None]]) -> None:
    """Wait until no platform runs, or one raises; without platforms, wait until cancelled, as the page may still be served.

    Cancelling the wait cancels no task, as gather would.
    """
    if not tasks:
        await asyncio.Event().wait()
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()


def _describe(snapshot: Snapshot) -> str:
    if not snapshot.id:
        return f"dann: {WITHDRAWN}"
    meta = snapshot.meta
    figures = f", {meta.val_bpb:.3f} bits per byte of held-out posts, {meta.posts:,} posts" if meta else ""
    return f"dann: checkpoint {snapshot.id}{figures}"
