"""`/dann-privacy`: what a person may see and ask of dann, and who is ignored. Knows no platform's client.

People are known by a keyed digest of their id (training/posts/author_key.py): no name and no id is stored. Until the store
and the secret have been read, everybody but the owners is ignored, as anybody may have asked for it; what keeps them from
being read is said once, and tried again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from bot.process.daemon_thread import run_in_daemon_thread
from bot.replies.types import Author, Channel
from model.checkpoints.folder import current_or_none, read_meta
from model.errors import DannError
from training.config.tables import DataConfig
from training.posts.author_key import AuthorKey, shown

if TYPE_CHECKING:
    from training.store.people import Person
    from training.store.posts import PostStore

T = TypeVar("T")

WAIT_SECONDS = 5.0
"""How long a command waits for another writer to the store."""
RETRY_SECONDS = 5.0
"""Pause before the store is read again, where it could not be read."""

log = logging.getLogger("dann.privacy")


class Privacy:
    """Who is ignored, and the commands; `tell_owners` sends the owners a text, `is_owner` knows who they are.

    `known`: whether it has been read who is ignored.
    """

    def __init__(
        self,
        data: DataConfig,
        tell_owners: Callable[[str], Awaitable[None]],
        history_minutes: float,
        is_owner: Callable[[Channel, Author], bool] = lambda _channel, _author: False,
    ) -> None:
        self.known = False
        self._trouble = ""
        self._data = data
        self._is_owner = is_owner
        self._tell_owners = tell_owners
        self._minutes = history_minutes
        self._key: AuthorKey | None = None
        self._ignored: frozenset[str] = frozenset()
        self.forgotten: frozenset[str] = frozenset()
        self._asking = 0
        self._telling: set[asyncio.Future[None]] = set()

    async def load(self) -> None:
        """Read who is ignored and who was forgotten, where there is a store; what keeps it from that is logged once."""
        try:
            await self.look(frozenset())
        except Exception as error:
            bug = None if isinstance(error, DannError) else error
            if str(error) != self._trouble:
                why = "who is to be ignored is not known: %s; owners alone are answered until it is, and dann keeps trying"
                log.warning(why, error, exc_info=bug)
            self._trouble = str(error)
        else:
            if self._trouble:
                log.warning("who is to be ignored is known again")
            self._trouble = ""

    async def keep_loading(self) -> None:
        """Try until it is known who is ignored."""
        while not self.known:
            await asyncio.sleep(RETRY_SECONDS)
            await self.load()

    async def look(self, _withdrawn: frozenset[str]) -> None:
        """Read it again. Raises DannError."""
        if not self._data.url and not self._data.store_file.exists():  # opening it would create it
            self.known = True
            return
        await run_in_daemon_thread(lambda: self._with_store(lambda _key, store: self._remember(store.people())))

    def ignores(self, channel: Channel, author: Author) -> bool:
        """Whether this person asked not to be answered, remembered or learned from, or may have."""
        if not self.known:
            return not (author.is_me or self._is_owner(channel, author))
        return bool(self._ignored) and self.author(channel.platform, author.id) in self._ignored

    def asking(self) -> str:
        """Say for the owners why nobody else is answered, or how many people ask to be forgotten; "" for neither."""
        if not self.known:
            return (
                f"only owners are answered, as it is not known who is to be ignored: {self._trouble or 'not read yet'}"
            )
        who = "1 person asks" if self._asking == 1 else f"{self._asking:,} people ask"
        return f"{who} to be forgotten: `dann forget --requests` lists the commands" if self._asking else ""

    def author(self, platform: str, id_: str) -> str | None:
        """Return the digest of a person on a platform; None where there is no key yet."""
        return self._key.author(platform, id_) if self._key and id_ else None

    async def run(self, channel: Channel, author: Author, command: str) -> str:
        """Run a person's command and describe the result. Raises DannError, one line, for what cannot be done."""
        command = command.strip().lower().replace("_", "-")
        work = {"show": self._show, "ignore-me": self._ignore, "answer-me": self._answer, "forget-me": self._ask}.get(
            command
        )
        if work is None:
            raise DannError("there are show, ignore-me, answer-me and forget-me")

        def run(key: AuthorKey, store: "PostStore") -> tuple[str, bool]:
            digest = key.author(channel.platform, author.id)
            if digest is None:
                raise DannError("who you are is not known here")
            said = work(store, channel.platform, digest)
            self._remember(store.people())
            return said, command == "forget-me" and said.startswith("asked")

        try:
            said, is_news = await run_in_daemon_thread(lambda: self._with_store(run))
        except DannError as error:
            log.warning("/dann-privacy could not be done: %s", error)
            raise DannError("that cannot be looked up at the moment; try again later") from error
        if is_news:
            digest = self.author(channel.platform, author.id) or ""
            who = f"{author.name or 'somebody'} on {channel.platform.title()}"
            line = f"{who} asks to be forgotten; this does it: dann forget --author {shown(digest)} --now"
            task = asyncio.ensure_future(self._tell_owners(line))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        return said

    def _with_store(self, work: "Callable[[AuthorKey, PostStore], T]") -> T:
        """In a thread: do something with the store and its key."""
        from training.posts.secret_file import author_key  # noqa: PLC0415 (SQLAlchemy takes half a second to import)
        from training.store.posts import open_store  # noqa: PLC0415

        with open_store(self._data.store_url, WAIT_SECONDS) as store:
            self._key = author_key(self._data, store)
            return work(self._key, store)

    def _remember(self, people: "dict[str, Person]") -> None:
        self._ignored = frozenset(one.author for one in people.values() if one.ignored is not None)
        self._asking = sum(one.requested is not None for one in people.values())
        self.forgotten = frozenset(one.author for one in people.values() if one.forgotten is not None)
        self.known = True

    def _show(self, store: "PostStore", platform: str, author: str) -> str:
        from training.posts.forgetting import has_read  # noqa: PLC0415
        from training.store.selector import Selector  # noqa: PLC0415

        posts, person = store.find(Selector(authors=frozenset({author}))), store.people().get(author)
        serving = current_or_none(self._data.checkpoints)
        learned = serving is not None and has_read(read_meta(self._data.checkpoints / serving), posts)
        voice = "may have learned from them" if learned else "has not learned from them"
        state = "you are ignored" if person and person.ignored is not None else "you are answered"
        if person and person.requested is not None:
            state += f", and asked on {_day(person.requested)} to be forgotten"
        elif person and person.forgotten is not None:
            state += f", and were forgotten on {_day(person.forgotten)}"
        return "\n".join(
            [
                f"stored: {len(posts.ids):,} messages that you wrote on {platform.title()}, to learn from",
                f"in memory: what each channel said in its last {self._minutes:g} minutes, to answer it; no file has it",
                f"the voice that answers now {voice}",
                f"{state}; ignore-me, answer-me and forget-me change that",
            ]
        )

    def _ignore(self, store: "PostStore", platform: str, author: str) -> str:
        with store.writing() as writer:
            writer.change_person(author, platform=platform, ignored=time.time())
        return "you are not answered, remembered or learned from any more; answer-me takes that back"

    def _answer(self, store: "PostStore", platform: str, author: str) -> str:
        with store.writing() as writer:
            writer.change_person(author, platform=platform, ignored=None)
        return "you are answered again"

    def _ask(self, store: "PostStore", platform: str, author: str) -> str:
        person = store.people().get(author)
        if person and person.requested is not None:
            return f"you asked on {_day(person.requested)}; the owner has not done it yet"
        with store.writing() as writer:
            writer.change_person(author, platform=platform, requested=time.time())
        return "asked: the owner decides on it with one command; ignore-me works at once"


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
