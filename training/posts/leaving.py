"""Forget one person: their messages in the store and outside it, now and in later imports. Knows no terminal.

In this order, so that a kill at any moment leaves nothing that is told as done and is not:

1. with `now`, checkpoints that learned their posts are withdrawn: none is loaded any more, whoever asks
2. their posts are deleted, and they are noted as forgotten, in one transaction; with that no import restores them
3. `finish`: files made of posts, messages that wait for the store, replies under way, the withdrawn checkpoints' folders, and
   the bytes in the store's file; only then are they noted as finished. What was cut off is finished at the next start
"""

import json
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from model.checkpoints import retention
from model.checkpoints.atomic_files import replace_file
from model.checkpoints.folder import Meta, ids, read_meta
from model.checkpoints.withdrawal import remove_withdrawn, withdraw
from model.errors import DannError
from training.config.tables import DataConfig
from training.lock import training_lock
from training.posts.author_key import PERSON, AuthorKey, shown
from training.posts.forgetting import has_read, remove_derived
from training.servers import ask_servers
from training.store.people import Person
from training.store.posts import PostStore
from training.store.selector import SelectedPosts, Selector

COLLECTED = "collected.jsonl"
"""Messages that wait for the store, in the data folder (bot/serving/collect.py)."""
FEWEST_CHARACTERS = 6
"""Of an author's digest on a command line."""
SCRUB_SECONDS = 10.0
"""How long a server that reads the store is waited for before its file is cleared."""

log = logging.getLogger("dann")


class NobodyError(DannError):
    """Nobody is known by a name or an id, or several people are."""


@dataclass(frozen=True)
class Leaver:
    """Somebody by all of their authors, the posts of theirs, and what they asked for."""

    authors: frozenset[str]
    posts: SelectedPosts
    people: list[Person] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """How they are called without a name."""
        return shown(min(self.authors))

    def learnable(self) -> SelectedPosts:
        """Return the posts that a checkpoint may have learned: also those that were forgotten before."""
        gone = [person for person in self.people if person.lowest_seq is not None]
        seqs = [seq for seq in (self.posts.lowest_seq, *(person.lowest_seq for person in gone)) if seq is not None]
        times = [time for time in (self.posts.oldest, *(person.oldest for person in gone)) if time is not None]
        unknown = self.posts.without_time + sum(person.oldest is None for person in gone)
        ids_ = self.posts.ids or ["forgotten before"] * len(gone)
        lowest, oldest = min(seqs, default=None), min(times, default=None)
        return replace(self.posts, ids=ids_, lowest_seq=lowest, oldest=oldest, without_time=unknown)

    def forgotten(self) -> float | None:
        """Return when the last post of theirs was deleted, None if there are any or never were."""
        times = [person.forgotten for person in self.people if person.forgotten is not None]
        return max(times, default=None) if not self.posts.ids else None


@dataclass(frozen=True)
class LeavingResult:
    """What was forgotten: posts, the `checkpoints` that may have learned them, and what became of these.

    `withdrawn` ones never serve again, and `serves` does instead (None: nothing). `retired` ones go with the next publish.
    """

    posts: SelectedPosts
    checkpoints: list[str]
    retired: list[str]
    withdrawn: list[str]
    serves: str | None
    runs: list[str]
    servers: int


def find_person(store: PostStore, key: AuthorKey, given: str) -> Leaver:
    """Return the one person of this id or name, or of the beginning of their digest after "person:".

    Raises NobodyError where there are none or several.
    """
    if given.startswith(PERSON):
        beginning = given.removeprefix(PERSON).strip().lower()
        if len(beginning) < FEWEST_CHARACTERS or not beginning.isalnum():
            raise NobodyError(
                f"--author {given}: {PERSON} takes {FEWEST_CHARACTERS} or more letters and digits, as dann shows them"
            )
        found = store.authors_of([], beginning)
    else:
        found = store.authors_of([key.id(given), key.name(given)])
    people = store.people()
    leavers = [_leaver(store, authors, people) for authors in found]
    if len(leavers) == 1:
        return leavers[0]
    if leavers:
        listed = ", ".join(map(_described, leavers))
        raise NobodyError(f"--author {given}: several people are known by this: {listed}; give one of these instead")
    unknown = store.count_without_author()
    told = (
        f"{unknown:,} of others' posts have no author yet: import their exports again to know who wrote them"
        if unknown
        else "give a name or an id as the exports have it"
    )
    raise NobodyError(f"--author {given}: nobody with this id or name wrote a stored post; {told}")


def _leaver(store: PostStore, authors: frozenset[str], people: dict[str, Person]) -> Leaver:
    posts = store.find(Selector(authors=authors))
    return Leaver(authors, posts, [people[author] for author in sorted(authors) if author in people])


def _described(leaver: Leaver) -> str:
    posts = leaver.posts
    days = [time.strftime("%Y-%m-%d", time.gmtime(one)) for one in (posts.oldest, posts.newest) if one is not None]
    return f"{leaver.shown} ({len(posts.ids):,} posts{', ' if days else ''}{' to '.join(dict.fromkeys(days))})"


def learned_by(root: Path, leaver: Leaver) -> list[str]:
    """Return the ids of checkpoints that may have learned somebody's posts, oldest first.

    One that was made after these were deleted, of weights that had not learned them, has not.
    """
    posts, since = leaver.learnable(), leaver.forgotten()
    learned: list[str] = []
    existing = ids(root)
    for id_ in existing:
        meta = read_meta(root / id_)
        if not has_read(meta, posts) or (since is not None and _is_clean(meta, since, learned, existing)):
            continue
        learned.append(id_)
    return learned


def _is_clean(meta: Meta | None, since: float, learned: Collection[str], existing: Collection[str]) -> bool:
    """Return whether a checkpoint was made after `since`, of none or of clean weights."""
    made = meta.created_at() if meta else None
    if meta is None or made is None or made <= since or meta.started_from is None:
        return False
    return not meta.started_from or (meta.started_from in existing and meta.started_from not in learned)


def forget_person(
    store: PostStore, data: DataConfig, leaver: Leaver, *, now: bool, purge: bool = False
) -> LeavingResult:
    """Forget somebody, with `now` so that nothing which learned from them gives another answer.

    With `purge`, checkpoints that learned from them go once another is published. Raises DannError while a training runs, and
    where something could not be done: run it again then. After it returns, all of it is done.
    """
    root = data.checkpoints
    with training_lock(data.dir / "train.lock"):
        learned = learned_by(root, leaver)
        try:
            serves = withdraw(root, learned) if now else None
            retired = retention.retire(root, learned) if purge and learned and not now else []
            posts = _delete(store, leaver)
        except DannError as error:
            done = f"{', '.join(learned)} do not serve any more, but nothing was" if now and learned else "nothing was"
            raise DannError(f"{error}; {done} forgotten: run this again") from error
        runs, servers = _finish(store, data, leaver.authors, posts)
    return LeavingResult(posts, learned, retired, learned if now else [], serves, runs, servers)


def _delete(store: PostStore, leaver: Leaver) -> SelectedPosts:
    """Delete the posts for good, and note who left, all or nothing."""
    moment = time.time()
    with store.writing() as writer:
        posts = writer.find(Selector(authors=leaver.authors))  # an import may have added some
        writer.forget(posts.ids)
        known = writer.people()
        for author in sorted(leaver.authors):
            before = known.get(author, Person(author))
            seqs = [seq for seq in (before.lowest_seq, posts.lowest_seq) if seq is not None]
            times = [one for one in (before.oldest, posts.oldest) if one is not None]
            oldest = None if posts.without_time else min(times, default=None)
            left = {"lowest_seq": min(seqs, default=None), "oldest": oldest}
            when = moment if posts.ids or before.forgotten is None else before.forgotten
            writer.change_person(author, forgotten=when, finished=None, requested=None, **left)
    return posts


def finish_leaving(store: PostStore, data: DataConfig) -> int:
    """Finish what was cut off of forgetting people, and return of how many. Raises DannError where it is not possible."""
    waiting = [one for one in store.people().values() if one.forgotten is not None and one.finished is None]
    if waiting:
        oldest = [one.oldest for one in waiting]
        known = [one for one in oldest if one is not None]
        posts = SelectedPosts(["forgotten before"], 0, len(oldest) - len(known), min(known, default=None))
        with training_lock(data.dir / "train.lock"):
            _finish(store, data, {one.author for one in waiting}, posts)
    return len(waiting)


def _finish(
    store: PostStore, data: DataConfig, authors: Collection[str], posts: SelectedPosts
) -> tuple[list[str], int]:
    """Remove every trace outside the store's tables; return the runs that cannot be resumed, and how many serve."""
    try:
        runs = remove_derived(data, posts, purge=True)
        drop_collected(data.dir / COLLECTED, authors)
        servers = ask_servers(data.dir)
        remove_withdrawn(data.checkpoints)
        _scrub(store)
        with store.writing() as writer:
            for author in sorted(authors):
                writer.change_person(author, finished=time.time())
        store.empty_log()
    except DannError as error:
        raise DannError(
            f"{error}; the posts are deleted and stay out, but that is not all yet: run this again to finish it"
        ) from error
    return runs, servers


def _scrub(store: PostStore) -> None:
    """Clear the store's file, waiting a while for who reads it. Raises DannError where somebody still does."""
    deadline = time.monotonic() + SCRUB_SECONDS
    while True:
        try:
            store.scrub()
        except DannError as error:
            if not any(word in str(error) for word in ("reading", "locked")) or time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def drop_collected(file: Path, authors: Collection[str]) -> int:
    """Remove the messages of these authors that wait for the store in a file; return how many."""
    try:
        lines = file.read_text(errors="replace").split("\n")
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise DannError(f"{file}: cannot be read ({error.strerror})") from error
    kept = [line for line in lines if _author_of(line) not in authors]
    if len(kept) < len(lines):
        replace_file(file, "\n".join(kept).encode(), mode=0o600)
    return len(lines) - len(kept)


def _author_of(line: str) -> str:
    try:
        return str((json.loads(line)["post"] or {}).get("author") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def requests(store: PostStore) -> Sequence[Person]:
    """Return who asks to be forgotten, the first first."""
    asking = [one for one in store.people().values() if one.requested is not None]
    return sorted(asking, key=lambda one: one.requested or 0.0)
