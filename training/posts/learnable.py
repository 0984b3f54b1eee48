"""The posts that may be learned: the store's, with what is private masked. The one way from the store to what reads text.

Training, retraining, experiments, evaluation, the quiz and what they count, index and compare read posts here; so posts
that were stored before a setting changed are masked too. `tests/training/posts/test_learnable.py` finds a reader that goes
around it. Forgetting, edits and `dann posts` need the text as it is stored.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import groupby

from training.config.privacy import PrivacyConfig
from training.config.tables import Settings
from training.store.post import Post

log = logging.getLogger("dann")


def learnable_posts(settings: Settings) -> Iterator[Post]:
    """Yield the posts that may be learned, by channel and time; the store is opened when the first is read."""
    from training.store.posts import open_store  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    with open_store(settings.data.store_url) as store:
        yield from masked_posts(store.posts(), settings.privacy)


def learnable_text(settings: Settings, id_: str) -> str | None:
    """Return the text of a post as `learnable_posts` has it; None where there is no such post, or it may not be learned."""
    from training.store.posts import open_store  # noqa: PLC0415

    with open_store(settings.data.store_url) as store:
        text = store.text_of(id_)
    return None if text is None else settings.privacy.masking().masked(text)


def masked_posts(posts: Iterable[Post], privacy: PrivacyConfig) -> Iterator[Post]:
    """Yield posts, ordered by channel, as they may be learned: masked, without those that are dropped or kept out."""
    masking, patterns = privacy.masking(), privacy.except_channels
    unmatched = set(patterns)
    for channel, members in groupby(posts, key=lambda post: post.channel):
        if matched := [pattern for pattern in patterns if keeps_out(pattern, channel)]:
            unmatched.difference_update(matched)
            continue
        for post in members:
            text = masking.masked(post.text)
            if text is not None:
                yield post if text is post.text else replace(post, text=text)
    for pattern in sorted(unmatched):
        log.warning(
            "privacy.except_channels: no channel that is stored is called %s, so it keeps none out; "
            "`dann posts --channels` lists them",
            pattern,
        )


def keeps_out(pattern: str, channel: str) -> bool:
    """Return whether a pattern of `except_channels` is a channel's, or that of the chat that it is a topic of."""
    parts = channel.split(":")
    return any(fnmatchcase(":".join(parts[:count]), pattern) for count in range(1, len(parts) + 1))


def mask_phrases(texts: Sequence[str], privacy: PrivacyConfig) -> list[str]:
    """Return the phrases of masks that stand in texts: those that a new tokenizer has a token for."""
    return [phrase for phrase in privacy.phrases() if any(phrase in text for text in texts)]
