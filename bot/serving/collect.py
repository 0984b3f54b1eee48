"""Collect the owner's own messages into the store as they are written, if configured.

Changes are queued at once and written by one task, in order and in a thread, so that the event loop never waits for the
database. A store that refuses is tried again; what it has not taken when dann stops waits in a file for the next start. Knows
no platform's client, and never the text of anybody whose id is not listed.
"""

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from bot.config import BotSettings
from bot.replies.permissions import Permissions, platform_tables
from bot.replies.types import Author, Channel
from bot.serving.privacy import Privacy
from model.checkpoints.atomic_files import replace_file
from model.errors import DannError
from training.config.privacy import PrivacyConfig
from training.config.tables import DataConfig
from training.posts.author_key import AuthorKey
from training.store.post import Post

FILE = "collected.jsonl"
RETRY_SECONDS = 2.0
"""Pause after a store that refused."""
LOCK_SECONDS = 2.0
"""How long one attempt waits for another writer's lock."""

log = logging.getLogger("dann.collecting")


@dataclass(frozen=True, slots=True)
class PostChange:
    """One change to the store: the message becomes `post`, or is forgotten (None).

    `author` is who wrote it, until the post has their digests: the secret may not be readable yet. No file has it.
    """

    id: str
    post: Post | None
    author: Author | None = None

    def signed(self, key: AuthorKey) -> "PostChange":
        """Return it with the author's digests: of who it is, and by which they are found."""
        if self.post is None or self.author is None:
            return self
        digest, known_as = (
            key.author(self.post.source, self.author.id),
            (key.id(self.author.id), key.name(self.author.name)),
        )
        return PostChange(self.id, replace(self.post, author=digest, known_as=known_as) if digest else self.post)


class Collector:
    """Context that queues changes to the store and writes them; on exit the rest, for at most `drain_seconds`.

    `privacy` knows who is ignored or was forgotten; with it, the digest of each author is kept.
    """

    def __init__(self, settings: BotSettings, privacy: Privacy | None = None) -> None:
        self._privacy = privacy
        self._tables = platform_tables(settings.bot)
        self._permissions = Permissions(settings.bot)
        self._data = settings.data
        self._policy = settings.privacy
        self._file = settings.data.dir / FILE
        self._seconds = settings.bot.drain_seconds
        self._waiting: list[PostChange] = []
        self._changed = asyncio.Event()
        self._stopping = False
        self._warned = False
        self._task: asyncio.Task[None] | None = None

    def collects(self, platform: str) -> bool:
        """Whether anybody's messages are collected there."""
        return self._tables[platform].collect

    def wants(self, channel: Channel, author: Author) -> bool:
        """Whether this author is listed for collecting, in a channel where dann may be."""
        table = self._tables[channel.platform]
        listed = table.collect_from or table.owners
        if not (
            table.collect and author.id in listed and not author.is_bot and self._permissions.admits_channel(channel)
        ):
            return False
        if self._privacy is None or not self._privacy.known:  # what is written is looked at again then
            return True
        return not self._privacy.ignores(channel, author)

    def add(self, post: Post, author: Author | None = None) -> None:
        """Store a new or edited message, with the digest of its author."""
        self._queue(PostChange(post.id, post, author if self._privacy else None))

    async def look(self, _withdrawn: frozenset[str]) -> None:
        """Drop what waits of people who were forgotten."""
        if self._privacy is None:
            return
        for number, change in enumerate(self._waiting):  # in its place: a part of the list may be being written
            if change.post is None:
                continue
            author = change.post.author
            if change.author:
                author = self._privacy.author(change.post.source, change.author.id)
            if author in self._privacy.forgotten:
                self._waiting[number] = PostChange(change.id, None)

    def forget(self, id_: str) -> None:
        """Forget a message that its author deleted, if it is stored."""
        self._queue(PostChange(id_, None))

    def about(self) -> str:
        """Describe in one line where messages are collected; "" if nowhere."""
        where = " and ".join(platform.title() for platform in self._tables if self.collects(platform))
        kept = f"what its owner writes on {where} is kept to learn from (config.toml: collect)"
        return f"collecting: {kept}" if where else ""

    async def __aenter__(self) -> Self:
        self._waiting = [*await asyncio.to_thread(_leftover_changes, self._file), *self._waiting]
        if self._waiting:
            self._changed.set()
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        self._changed.set()
        if self._task:
            await asyncio.wait({self._task}, timeout=self._seconds)
            self._task.cancel()
        if self._waiting:
            await asyncio.to_thread(self._save_for_next_start, list(self._waiting))

    def _queue(self, change: PostChange) -> None:
        self._waiting.append(change)
        self._changed.set()

    async def _write(self) -> None:
        """Write what is queued; ends when dann is stopping and nothing is left."""
        while self._waiting or not self._stopping:
            await self._changed.wait()
            self._changed.clear()
            batch = list(self._waiting)
            if not batch or await asyncio.to_thread(self._is_written, batch):
                del self._waiting[: len(batch)]
            else:
                await asyncio.sleep(RETRY_SECONDS)
                self._changed.set()

    def _is_written(self, batch: Sequence[PostChange]) -> bool:
        """In a thread: write all of the batch or nothing. Writing it twice changes nothing more."""
        try:
            _write_batch(self._data, batch, self._policy)
            self._file.unlink(missing_ok=True)  # a batch begins with what was in there
        except Exception as error:
            if not self._warned:
                bug = not isinstance(error, DannError | OSError)
                log.warning("collected messages wait, as the store does not take them: %s", error, exc_info=bug)
            self._warned = True
            return False
        self._warned = False
        return True

    def _save_for_next_start(self, changes: Sequence[PostChange]) -> None:
        """Save to a file what the store has not taken."""
        try:
            changes = self._signed(changes)
            lines = (json.dumps({"id": change.id, "post": change.post and _fields(change.post)}) for change in changes)
            replace_file(self._file, "".join(f"{line}\n" for line in lines).encode())
            self._file.chmod(0o600)
            log.warning("%s: %d collected messages wait there for the next start", self._file, len(changes))
        except (DannError, OSError):
            log.exception("%d collected messages are lost", len(changes))

    def _signed(self, changes: Sequence[PostChange]) -> list[PostChange]:
        from training.posts.secret_file import stored_key  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

        if not any(change.author for change in changes):
            return list(changes)
        try:
            if key := stored_key(self._data):
                return [change.signed(key) for change in changes]
            trouble = "there is no secret yet"
        except DannError as error:
            trouble = str(error)
        kept = [change for change in changes if change.author is None]
        log.warning(
            "%d collected messages are lost, as who wrote them cannot be noted: %s", len(changes) - len(kept), trouble
        )
        return kept


def _write_batch(data: DataConfig, batch: Sequence[PostChange], privacy: PrivacyConfig) -> None:
    from training.posts.secret_file import author_key  # noqa: PLC0415 (SQLAlchemy takes half a second to import)
    from training.store.posts import open_store  # noqa: PLC0415

    with open_store(data.store_url, LOCK_SECONDS) as store:
        if any(change.author for change in batch):  # makes the secret with the first post
            key = author_key(data, store)
            ignored = {person.author for person in store.people().values() if person.ignored is not None}
            signed = [change.signed(key) for change in batch]
            batch = [change for change in signed if change.post is None or change.post.author not in ignored]
        choices, masking = store.choices(), privacy.masking()
        with store.writing() as writer:
            for forgotten, changes in groupby(batch, key=lambda change: change.post is None):
                if forgotten:
                    writer.forget([change.id for change in changes])
                else:
                    posts = (change.post for change in changes if change.post)
                    wanted = (post for post in posts if not choices.keep_out(post.channel))
                    writer.add(post for post in wanted if masking.masked(post.text) is not None)
        if any(change.post is None for change in batch):
            store.empty_log()


def _leftover_changes(file: Path) -> list[PostChange]:
    """Read what an earlier start left, skipping lines that are no change. Raises DannError if it cannot be read."""
    try:
        return list(_read(file)) if file.exists() else []
    except OSError as error:
        raise DannError(f"{file}: collected messages wait there, and cannot be read ({error.strerror})") from error


IMPORT_ONLY = {"found_by", "aliases", "outdated", "doubtful_ids", "all_must_match", "other_id", "former_channel"}
"""What only an import sets in a Post: none is in a file, but the last six, empty, in those of versions before."""


def _fields(post: Post) -> dict[str, Any]:
    return {name: value for name, value in asdict(post).items() if name not in IMPORT_ONLY}


def _post(fields: Mapping[str, Any]) -> Post:
    return Post(**{name: value for name, value in fields.items() if name not in IMPORT_ONLY})


def _read(file: Path) -> Iterator[PostChange]:
    for number, line in enumerate(file.read_text(errors="replace").split("\n"), 1):
        if not line:
            continue
        try:
            change = json.loads(line)
            yield PostChange(change["id"], change["post"] and _post(change["post"]))
        except (ValueError, TypeError, KeyError, AttributeError):
            log.warning("%s: line %d is no collected message, and passed over", file, number)
