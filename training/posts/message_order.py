"""The order of a file's messages: a file may be newest first. Knows no format.

Posts are read from the store by time, and of one moment by their numbers there. Many times are whole minutes, so that posts
of one moment must be numbered as they were written.
"""

from collections.abc import Iterable, Iterator

from training.store.post import Post

_MOST_AT_ONCE = 100_000
"""Posts of one moment that are held in memory; more are those of a file that has days alone."""


class MessageOrder:
    """Tells whether a file is newest first, by the steps from each time in it to the next."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._forward = self._back = 0

    def add(self, time: float | None) -> None:
        """Add the time of the file's next message."""
        if time is None:
            return
        if self._last is not None:
            self._forward += time > self._last
            self._back += time < self._last
        self._last = time

    @property
    def newest_first(self) -> bool:
        """Whether most steps lead back; a file without order, or whose clock was set, is not."""
        return self._back > 2 * self._forward

    def as_written(self, posts: Iterable[Post]) -> Iterable[Post]:
        """Return the file's posts so that those of one moment are in the order in which they were written."""
        return _reversed_within_moments(posts) if self.newest_first else posts


def _reversed_within_moments(posts: Iterable[Post]) -> Iterator[Post]:
    moment: list[Post] = []
    for post in posts:
        if moment and (post.time != moment[0].time or len(moment) == _MOST_AT_ONCE):
            yield from reversed(moment)
            moment.clear()
        moment.append(post)
    yield from reversed(moment)
