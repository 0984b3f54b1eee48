"""The index of what a checkpoint's replies may not recite: made of the store's posts, kept with the checkpoint.

A training makes that of its checkpoint before it is published; a checkpoint without one gets it when it is loaded to serve.
It is of every post that the store had when the checkpoint was trained: as stored, and as learned, masked. What the weights
that it began with had learned stays in there, also when it was forgotten since. Knows no network and no reply.
"""

import logging
import secrets
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from model.checkpoints.folder import read_meta
from model.checkpoints.guard_file import GUARD, read_guard, write_guard
from model.errors import DannError
from model.privacy.fingerprints import Key
from model.privacy.guard_index import GuardedText, GuardIndex
from training.config.privacy import PrivacyConfig
from training.config.tables import Settings
from training.posts.secret_file import FILE, author_key, stored_key
from training.store.post import Post

if TYPE_CHECKING:
    from model.checkpoints.checkpoint import Snapshot

log = logging.getLogger("dann")

SECONDS_A_DAY = 86_400
MINE = "me"
"""The author of the owner's posts, which have none in the store."""
OFF = "or set [privacy] guard = false to let replies recite posts"


def load_guarded(settings: Settings, root: Path, id_: str | None = None) -> "Snapshot":
    """Load a checkpoint, by default the one that serves, with the index that guards its replies.

    Raises DannError where either cannot be used: none serves unguarded, unless [privacy] guard is off.
    """
    from model.checkpoints import checkpoint  # noqa: PLC0415 (JAX takes seconds to import)

    snapshot = checkpoint.load(root, id_)
    if not settings.privacy.guard:
        return snapshot
    return replace(snapshot, guard=_guard_of(settings, root, snapshot.id))


def guard_checkpoint(settings: Settings, id_: str, learned: Iterable[str], parent: str | None) -> None:
    """Make the index of a checkpoint that was just saved; `learned` are the texts that it read, of a store's posts.

    `parent` is the checkpoint whose weights it began with. Nothing is made with the guard off, or without a store. Raises
    DannError where it cannot be made: the checkpoint should not be published then.
    """
    from training.store.database import store_exists  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    root = settings.data.checkpoints
    if not settings.privacy.guard or not store_exists(settings.data.store_url):
        return
    try:
        secret = stored_key(settings.data)
        before = read_guard(root / parent, secret.guard()) if parent and secret else None
        _make(settings, root, id_, set(learned), before and before[0])
    except DannError as error:
        raise DannError(
            f"{error}; {id_} is saved, and does not serve: it has no index of what it may not recite"
        ) from error


def _guard_of(settings: Settings, root: Path, id_: str) -> GuardIndex | None:
    """Return a checkpoint's index: the one that is kept, or a new one where there is none or settings changed.

    None for a checkpoint that learned no posts.
    """
    folder, before = root / id_, None
    if (meta := read_meta(folder)) and not meta.posts:
        return None
    if secret := stored_key(settings.data):
        key = secret.guard()
        if found := read_guard(folder, key):
            kept, header = found
            if header.settings == settings_digest(settings, key):
                return kept
            log.info("%s: made again, as [privacy] words or regions changed", folder / GUARD)
            return _make(settings, root, id_, (), kept)
        before = read_guard(root / meta.started_from, key) if meta and meta.started_from else None
    elif (folder / GUARD).exists():
        raise DannError(
            f"{settings.data.dir / FILE}: is gone, and {folder / GUARD} can be read with it alone; bring it back from a "
            f"backup, or remove the index, which is made of the store again; {OFF}"
        )
    log.info("%s: made of the store, as this checkpoint has no index of what it may not recite", folder / GUARD)
    return _make(settings, root, id_, (), before and before[0])


def _make(settings: Settings, root: Path, id_: str, learned: Collection[str], earlier: GuardIndex | None) -> GuardIndex:
    """Make and keep the index of a checkpoint."""
    from model.base.find import base_words  # noqa: PLC0415 (no reply waits for it)
    from training.store.database import store_exists  # noqa: PLC0415
    from training.store.posts import open_store  # noqa: PLC0415

    if not store_exists(settings.data.store_url):
        raise DannError(
            f"{root / id_}: has no index of what it may not recite, and there is no store to make one of "
            f"({settings.data.store_file}); bring the store back, {OFF}"
        )
    meta = read_meta(root / id_)
    highest, num_learned, base = (meta.highest_seq, meta.posts, meta.base) if meta else (None, 0, "off")
    with open_store(settings.data.store_url) as store:
        key = author_key(settings.data, store).guard()
        posts, known = store.posts_up_to(highest), base_words(settings.data.bases, base)
        index = GuardIndex.of(_texts(posts, learned), key, settings.privacy.masking(), earlier, known)
    if earlier is None and not (found := index.tables.posts):
        raise DannError(
            f"{root / id_}: has no index of what it may not recite, and the store has none of the posts that it learned; "
            f"bring back the store that has them, {OFF}"
        )
    if earlier is None and found < num_learned:
        log.warning("%s learned %d posts, and the store has %d: replies may recite the rest", id_, num_learned, found)
    write_guard(root, id_, index, settings_digest(settings, key))
    return index


def index_in_memory(posts: Iterable[Post], privacy: PrivacyConfig, known_words: Container[str]) -> GuardIndex:
    """Make the index of posts that are in no store, with a key drawn by lot; it is kept nowhere."""
    return GuardIndex.of(_texts(posts, ()), Key(secrets.token_bytes(32)), privacy.masking(), known_words=known_words)


def _texts(posts: Iterable[Post], learned: Collection[str]) -> Iterator[GuardedText]:
    """Yield the posts, and then what was learned of posts that changed meanwhile."""
    left = set(learned)
    for post in posts:
        left.discard(post.text)
        day = None if post.time is None else int(post.time // SECONDS_A_DAY)
        yield GuardedText(post.text, author=MINE if post.mine else post.author, day=day)
    for text in sorted(left):
        yield GuardedText(text)


def settings_digest(settings: Settings, key: Key) -> str:
    """Return a keyed digest of the settings that decide which details an index has."""
    return key.digest(repr((settings.privacy.words, settings.privacy.regions)))
