"""`dann demo`: export, import, train and chat with a made-up person, in two minutes."""

import asyncio
import sys
from functools import partial

from rich.console import Console

from bot.app import about_tokens, serve
from bot.chat import in_words
from bot.config import BotSettings, Tokens
from bot.platform import Tell
from bot.web.http.listen import free_port_for
from model.checkpoints.atomic_files import private_folder
from model.engine.engine import Engine, Turn
from training.cli.shared import interruptible, print_line
from training.demo_persona import FRIENDS, NAME, write_export
from training.loop import devices
from training.posts.guarding import load_guarded
from training.posts.importer import scan_exports, store_exports
from training.posts.learnable import learnable_posts
from training.runs.terminal import TrainingConsole
from training.runs.train import train
from training.store.posts import open_store

NUM_EXCHANGES = 4000
MINUTES = 1.0
QUESTIONS = (
    "hey", "how is training going", "what learning rate are you using?", "did you fix the bug",
    "did you eat today", "plans for this weekend?", "go to sleep",
)  # fmt: skip


def demo(settings: BotSettings, console: Console) -> int:
    """Run everything in `<data>/demo`, apart from real posts; at a terminal, then serve the page until Ctrl-C."""
    settings = _set_up(settings)
    _train(settings, console)
    _converse(settings, Console())
    if sys.stdin.isatty():
        return show_page(settings, partial(print_line, console=console))
    print_line("Now with your own: dann import PATH, dann train, dann say", console)
    return 0


def show_page(settings: BotSettings, tell: Tell) -> int:
    """Serve only the page until Ctrl-C; on another port where its own is taken."""
    web = settings.bot.web.model_copy(update={"port": free_port_for(settings.bot.web)})
    schedule = settings.bot.schedule.model_copy(update={"cron": "", "interval_hours": 0.0})
    bot = settings.bot.model_copy(update={"web": web, "schedule": schedule})
    data = settings.data.model_copy(update={"inbox": ""})
    tell("Here is its page; Ctrl-C ends it. Then with your own: dann import PATH, dann train, dann serve")

    def without_tokens(line: str) -> None:
        if line not in about_tokens():
            tell(line)

    return asyncio.run(serve(settings.model_copy(update={"bot": bot, "data": data}), Tokens(), without_tokens))


def _set_up(settings: BotSettings) -> BotSettings:
    data = settings.data.model_copy(update={"dir": settings.data.dir / "demo", "url": ""})
    train_config = settings.train.model_copy(update={"minutes": MINUTES, "hosts": 1, "host": 0, "base": "off"})
    devices.prepare(train_config)
    private_folder(data.dir)
    return settings.model_copy(update={"data": data, "train": train_config})


def _train(settings: BotSettings, console: Console) -> None:
    """Make up the person, import their export, and train."""
    export = settings.data.dir / "export.jsonl"
    with export.open("w", encoding="utf-8") as file:
        write_export(file, NUM_EXCHANGES, seed=1)
    about = f"A made-up person called {NAME}: {export} holds a chat with {', '.join(FRIENDS)} that nobody wrote "
    print_line(f"{about}(training/demo_persona.py is the grammar it was drawn from).", console)
    with open_store(settings.data.store_url) as store:
        report = store_exports(store, scan_exports([export], NAME))
    print_line(f"imported {report.mine:,} of {NAME}'s posts and {report.context:,} of the others'", console)
    with interruptible() as stopping:
        train(settings, learnable_posts(settings), TrainingConsole(console), stopping)


def _converse(settings: BotSettings, out: Console) -> None:
    """Ask a few questions, as one conversation."""
    engine = Engine(load_guarded(settings, settings.data.checkpoints))
    turns: list[Turn] = []
    for number, question in enumerate(QUESTIONS):
        turns.append(Turn(mine=False, text=question))
        said = in_words(engine.reply(turns, settings.sample, seed=number))
        turns.append(Turn(mine=True, text=said))
        out.print(f"[dim]you   {question}[/dim]", highlight=False)
        out.print(f"[bold]{NAME}[/bold]  ", end="")
        print_line(said, out)
