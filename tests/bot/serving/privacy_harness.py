"""A store with what two people of a platform wrote, and what `/dann-privacy` finds there."""

from pathlib import Path

from bot.serving.privacy import Privacy
from training.config.tables import DataConfig
from training.posts.secret_file import author_key
from training.store.people import Person
from training.store.post import Post
from training.store.posts import open_store


class PrivacyHarness:
    """A Privacy over a store of its own; `news` is what the owners were told."""

    def __init__(self, folder: Path, source: str, *wrote: int) -> None:
        self.data = DataConfig(dir=folder / "data")
        self.news: list[str] = []
        self.source = source
        with open_store(self.data.store_url) as store:
            key = author_key(self.data, store)
            with store.writing() as writer:
                writer.add(
                    Post(
                        f"{source}:{n}",
                        "c",
                        mine=False,
                        time=1.0,
                        text="hi",
                        source=source,
                        author=key.author(source, str(id_)),
                    )
                    for n, id_ in enumerate(wrote)
                )
        self.privacy = Privacy(self.data, self.tell, 60.0)

    async def tell(self, text: str) -> None:
        self.news.append(text)

    def person(self, id_: int) -> Person | None:
        with open_store(self.data.store_url) as store:
            author = author_key(self.data, store).author(self.source, str(id_))
            return store.people().get(author or "")

    def bytes_stored(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.data.dir.rglob("*") if path.is_file())
