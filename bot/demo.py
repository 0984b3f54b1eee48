"""All of dann in two minutes on a made-up person: export, import, train, a conversation; at a terminal, then chat."""

import sys

from rich.console import Console

from bot.chat import Chat
from bot.config import BotSettings
from model import checkpoint
from model.engine import Engine, Turn
from training import devices
from training.command import interruptible
from training.demo_persona import FRIENDS, NAME, write_export
from training.importer import look_through, store_exports
from training.progress import TrainingConsole
from training.run import train
from training.store.posts import open_store

EXCHANGES = 4000
MINUTES = 1.0
QUESTIONS = (
    "hey", "how is training going", "what learning rate are you using?", "did you fix the bug",
    "did you eat today", "plans for this weekend?", "go to sleep",
)  # fmt: skip


def demo(settings: BotSettings, told: Console) -> int:
    """Run it in `<data>/demo`, apart from real posts."""
    data = settings.data.model_copy(update={"dir": settings.data.dir / "demo", "url": ""})
    train_config = settings.train.model_copy(update={"minutes": MINUTES, "hosts": 1, "host": 0})
    settings = settings.model_copy(update={"data": data, "train": train_config})
    devices.prepare(train_config)
    data.dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    export = data.dir / "export.jsonl"
    with export.open("w", encoding="utf-8") as file:
        write_export(file, EXCHANGES, seed=1)
    told.print(
        f"A made-up person called {NAME}: {export} holds a chat with {', '.join(FRIENDS)} that nobody wrote "
        "(training/demo_persona.py is the grammar it was drawn from).",
        highlight=False,
        soft_wrap=True,
    )
    with open_store(data.store_url) as store:
        report = store_exports(store, look_through([export], NAME))
        posts = list(store.posts())
    told.print(f"imported {report.mine:,} of {NAME}'s posts and {report.context:,} of the others'", highlight=False)
    with interruptible() as stopping:
        train(settings, posts, TrainingConsole(told), stopping)
    engine = Engine(checkpoint.load(data.checkpoints))
    out = Console()
    turns: list[Turn] = []
    for number, question in enumerate(QUESTIONS):
        turns.append(Turn(mine=False, text=question))
        reply = engine.reply(turns, settings.sample, seed=number)
        turns.append(Turn(mine=True, text=reply.text))
        out.print(f"[dim]you   {question}[/dim]", highlight=False)
        out.print(f"[bold]{NAME}[/bold]  ", end="")
        out.print(reply.text, markup=False, highlight=False, soft_wrap=True)
    if sys.stdin.isatty():
        Chat(engine, settings.sample, NAME, seed=None).run(sys.stdin, out)
    told.print("Now with your own: dann import PATH, dann train, dann say", highlight=False)
    return 0
