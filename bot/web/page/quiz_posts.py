"""Posts the quiz may show: the person's own, held out, of listed sources, naming nobody.

Others' words are never shown; only the network reads them, as the message to answer. A post that is in the store more than
once is no question: nobody could tell who wrote it. Everything here blocks: call it in a thread. Knows no HTTP.
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

MIN_CHARACTERS, MAX_CHARACTERS = 3, 200
MAX_QUESTIONS = 2000
_NUMBER = re.compile(r"\d(?:[\s().,:/-]?\d){4,}")
"""Five digits or more, however grouped: a telephone number, an account, a birthday."""


@dataclass(frozen=True, slots=True)
class QuizQuestion:
    """A post by its id and text, and the turns that the network answers in its place."""

    post: str
    text: str
    turns: Sequence[Turn]


@dataclass(frozen=True, slots=True)
class QuizPool:
    """Questions for one checkpoint; `stored` are fingerprints of all posts in the store."""

    questions: list[QuizQuestion]
    stored: frozenset[int]

    def is_original(self, text: str) -> bool:
        """Whether no post has this text; a drawn text that one has would be real as well."""
        return fingerprint(text) not in self.stored


def read_pool(settings: BotSettings, meta: Meta) -> QuizPool:
    """Read the pool from the store. Raises DannError."""
    from training.data.conversations import split_conversations  # noqa: PLC0415 (serving has no other use for these, and SQLAlchemy is slow)
    from training.data.split import unlearned_posts  # noqa: PLC0415
    from training.evaluation.prompts import held_out_prompts  # noqa: PLC0415
    from training.posts.learnable import learnable_posts  # noqa: PLC0415

    posts = list(learnable_posts(settings))
    held_out, sources = unlearned_posts(posts, meta).old, settings.bot.web.quiz_sources
    stored = Counter(fingerprint(post.text) for post in posts)
    shown = {
        post.text: post.id
        for post in posts
        if post.mine and post.id in held_out and post.source in sources
        if stored[fingerprint(post.text)] == 1
        and may_be_shown(post.text, settings.persona.name, settings.privacy.phrases())
    }
    cut = split_conversations(posts, settings.data, frozenset(shown.values()))
    prompts = held_out_prompts([conversation for conversation in cut if conversation[-1].val])
    questions = [QuizQuestion(shown[prompt.answer], prompt.answer, prompt.turns) for prompt in prompts]
    return QuizPool(random.SystemRandom().sample(questions, min(MAX_QUESTIONS, len(questions))), frozenset(stored))


def is_unchanged(settings: BotSettings, question: QuizQuestion) -> bool:
    """Whether the post is still in the store with this text; it may be edited or forgotten. Raises DannError."""
    from training.posts.learnable import learnable_text  # noqa: PLC0415

    return learnable_text(settings, question.post) == question.text


def may_be_shown(text: str, name: str, phrases: Sequence[str] = ()) -> bool:
    """Whether sanitizing changes nothing, and no link, mention, address, long number or mask's phrase is in it.

    Real and drawn texts pass the same check, so that it gives neither away.
    """
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS or "@" in text or _NUMBER.search(text):
        return False
    if any(phrase in text for phrase in phrases):  # masked, a post is not what the person wrote
        return False
    return sanitize(text, [name]) == text


def fingerprint(text: str) -> int:
    """A hash that ignores case and spaces, and tells nothing of the text."""
    return hash(" ".join(text.casefold().split()))
