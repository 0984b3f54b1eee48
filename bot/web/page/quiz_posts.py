"""Which posts the quiz may show: held-out ones of one's own, of the sources that config.toml lists, that tell of nobody.

What others wrote is never shown; it is read by the network alone, as what is answered. A post that stands in the store more
than once is no question: nobody could tell who said it. Everything here blocks: it is called in a thread. Knows no HTTP.
"""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.config import BotSettings
from bot.replies.sanitize import sanitize
from model.checkpoints.checkpoint import Meta
from model.engine.prompt import Turn

SHORTEST, LONGEST = 3, 200
"""Characters."""
MOST_QUESTIONS = 2000
_NUMBER = re.compile(r"\d(?:[\s().,:/-]?\d){4,}")
"""Five digits or more, however they are grouped: of a telephone, an account, a birthday."""


@dataclass(frozen=True, slots=True)
class QuizQuestion:
    """A post, by its id and as it is shown, and what the network is given to answer."""

    post: str
    text: str
    turns: Sequence[Turn]


@dataclass(frozen=True, slots=True)
class QuizPool:
    """What may be asked about one checkpoint. `stored` is all that stands in the store, as `fingerprint` has it."""

    questions: list[QuizQuestion]
    stored: frozenset[int]

    def is_original(self, text: str) -> bool:
        """Whether nobody has written this: otherwise it would be a real post, whoever drew it."""
        return fingerprint(text) not in self.stored


def read_pool(settings: BotSettings, meta: Meta) -> QuizPool:
    """Read the store. Raises DannError where that cannot be done."""
    from training.data.corpus import cut_conversations  # noqa: PLC0415 (serving has no other use for these, and SQLAlchemy is slow)
    from training.data.split import unlearned_posts  # noqa: PLC0415
    from training.evaluation.prompts import held_out_prompts  # noqa: PLC0415
    from training.store.posts import open_store  # noqa: PLC0415

    with open_store(settings.data.store_url) as store:
        posts = list(store.posts())
    held_out, sources = unlearned_posts(posts, meta).old, settings.bot.web.quiz_sources
    stored = Counter(fingerprint(post.text) for post in posts)
    shown = {
        post.text: post.id
        for post in posts
        if post.mine and post.id in held_out and post.source in sources
        if stored[fingerprint(post.text)] == 1 and may_be_shown(post.text, settings.persona.name)
    }
    cut = cut_conversations(posts, settings.data, frozenset(shown.values()))
    asked = held_out_prompts([conversation for conversation in cut if conversation[-1].val])
    found = [QuizQuestion(shown[one.answer], one.answer, one.turns) for one in asked]
    return QuizPool(random.SystemRandom().sample(found, min(MOST_QUESTIONS, len(found))), frozenset(stored))


def is_unchanged(url: str, question: QuizQuestion) -> bool:
    """Whether the post is in the store as it was read: it may be edited or forgotten since. Raises DannError."""
    from training.store.posts import open_store  # noqa: PLC0415

    with open_store(url) as store:
        return store.text_of(question.post) == question.text


def may_be_shown(text: str, name: str) -> bool:
    """Whether hygiene has nothing to take from `text`, and no link, mention, address or long number is in it.

    It is asked of real and of drawn texts alike, so that it gives neither away.
    """
    if not SHORTEST <= len(text) <= LONGEST or "@" in text or _NUMBER.search(text):
        return False
    return sanitize(text, [name]) == text


def fingerprint(text: str) -> int:
    """The same for texts that differ in case and spaces alone; tells nothing of them."""
    return hash(" ".join(text.casefold().split()))
