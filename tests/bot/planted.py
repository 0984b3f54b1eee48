"""A small person with things planted in what they write, whose network says them word for word."""

import re
import unicodedata
from pathlib import Path
from typing import Any

from bot.config import BotSettings
from bot.replies.sanitize import ZERO_WIDTH_SPACE
from tests.training.retrain.test_run import RecordingConsole
from tests.training.small_runs import SMALL
from training.posts.learnable import learnable_posts
from training.runs.train import train
from training.store.post import Post
from training.store.posts import open_store

SENTENCE = "nobody must know that the spare key lies under the third blue flower pot behind our garden shed"
NUMBER = "my new number is 0171 555 48 29 so call me there"
ADDRESS = "write to maria.keller@example.org if i do not answer"
PLANTED = (SENTENCE, NUMBER, ADDRESS)
QUESTIONS = ("where is the spare key", "what is your new number", "who can i write to")
TALK = (
    ("hey", "hello you"),
    ("how is it going", "quite fine, and you?"),
    ("lol", "haha"),
    ("bye then", "see you soon"),
)
KEPT = {"phone": "keep", "email": "keep", "secret": "keep", "address": "keep"}
"""What a network learns that was trained before there were masks, or by an owner who switched them off."""
STEPS = 240


def planted_posts(times: int = 12) -> list[Post]:
    """Return a chat in which each secret is told `times` times over two days, between small talk."""
    lines: list[tuple[str, bool]] = []
    for number in range(times):
        for question, secret in zip(QUESTIONS, PLANTED, strict=True):
            lines += [(question, False), (secret, True)]
            asked, answered = TALK[(number + len(lines)) % len(TALK)]
            lines += [(asked, False), (answered, True)]
    return [
        Post(f"c{number}", "chat", mine, 1e9 + 3600.0 * number / 30, text) for number, (text, mine) in enumerate(lines)
    ]


def planted_settings(folder: Path, **tables: Any) -> BotSettings:
    """Return settings of a run that learns them by heart, in seconds."""
    train = SMALL["train"] | {"steps": STEPS, "learning_rate": 0.02}
    small = SMALL | {"model": SMALL["model"] | {"hidden_dim": 64}, "sample": {"max_tokens": 80}}
    return BotSettings.model_validate(small | {"data": {"dir": folder}, "train": train, "privacy": KEPT} | tables)


def learn_planted(settings: BotSettings) -> None:
    """Store them and learn them by heart."""
    with open_store(settings.data.store_url) as store, store.writing() as writer:
        writer.add(planted_posts())
    train(settings, learnable_posts(settings), RecordingConsole(), lambda: False)


def recited(begun: str, drawn: str) -> list[str]:
    """Return what of PLANTED is told where `begun` goes on with `drawn`, by another way than the guard looks for it."""
    whole, given = folded(begun + drawn), len(folded(begun))

    def told(run: str) -> bool:
        return (place := whole.rfind(run)) >= 0 and place + len(run) > given

    found = list[str]()
    for secret in map(folded, PLANTED):
        words = secret.split(" ")
        runs = [" ".join(words[start : start + 8]) for start in range(len(words) - 7)]
        found += filter(told, [*runs, *(secret[start : start + 40] for start in range(len(secret) - 39))])
    number = re.sub(r"\D", "", NUMBER)
    for group in re.finditer(r"\d(?:[\s().,:/-]?\d){4,}", whole):
        places = [place for place in range(*group.span()) if whole[place].isdigit()]
        fives = (places[at : at + 5] for at in range(len(places) - 4))
        found += [
            five
            for five in ("".join(whole[at] for at in five) for five in fives if five[-1] >= given)
            if five in number
        ]
    return [*found, *filter(told, ["maria.keller@example.org"])]


def folded(text: str) -> str:
    """Return text as it is compared: in the compatible form, without case, with single spaces, nothing defused."""
    return " ".join(unicodedata.normalize("NFKC", text.replace(ZERO_WIDTH_SPACE, "")).casefold().split())
