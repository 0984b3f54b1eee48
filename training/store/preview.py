"""What an import would add to the store, counted without writing: the rows of a dry run. Creates no database."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

import sqlalchemy as sa

from training.store.database import explain_errors, open_database, store_exists
from training.store.post import Post
from training.store.stored_choices import StoredChoices
from training.store.tables import METADATA
from training.store.writer import AddResult, Writer, in_batches


class Preview(Writer):
    """Counts what a Writer would add; `added` are hashes of the ids that this run would have written.

    So are pairs of an id with its text.
    """

    def __init__(self, connection: sa.Connection, added: set[int]) -> None:
        super().__init__(connection)
        self._added = added

    def add(self, posts: Iterable[Post]) -> AddResult:
        """Count as `Writer.add` does, but for a second version of a post within one run: a duplicate here."""
        counts = AddResult()
        for batch in in_batches(posts):
            fresh = [post for post in batch if self._added.isdisjoint(map(hash, (post.id, *post.found_by.aliases)))]
            counts.duplicates += len(batch) - len(fresh)
            for id_, post in self._changes(fresh, counts).changed.items():
                self._added.update((hash(id_), hash((id_, post.text))))
        return counts

    def known_ids(self, ids: Collection[str]) -> set[str]:
        """Return as `Writer.known_ids` does, with those that this run would have written."""
        return super().known_ids(ids) | {id_ for id_ in ids if hash(id_) in self._added}

    def compare(self, texts: Mapping[str, Collection[str]]) -> tuple[set[str], int]:
        """Compare as `Writer.compare` does, with those that this run would have written."""
        mine = {id_: some for id_, some in texts.items() if hash(id_) in self._added}
        same, others = super().compare({id_: texts[id_] for id_ in texts.keys() - mine.keys()})
        found = {id_ for id_, some in mine.items() if any(hash((id_, text)) in self._added for text in some)}
        return same | found, others + len(mine) - len(found)

    def remember_owners(self, source: str, mine: Collection[str], others: Collection[str]) -> None:
        """Remember nobody."""

    def remember_choices(self, choices: StoredChoices, most_messages: int, *, clear: bool, clear_only: bool) -> None:
        """Remember nothing."""


class PreviewStore:
    """Stands in for a PostStore where nothing is to be stored."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._added: set[int] = set()

    @contextmanager
    def writing(self) -> Iterator[Preview]:
        """Read one state of the store until the block ends."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            yield Preview(connection, self._added)


@contextmanager
def preview_store(url: str) -> Iterator[PreviewStore]:
    """Open the store at a SQLAlchemy URL for counting; one that is not there counts as empty."""
    if store_exists(url):
        with open_database(url) as engine:
            yield PreviewStore(engine)
        return
    engine = sa.create_engine("sqlite://")  # in memory
    try:
        METADATA.create_all(engine)
        yield PreviewStore(engine)
    finally:
        engine.dispose()
