"""How fast the store takes and gives posts: 91,000 (a busy channel's year) in less than four seconds."""

import tempfile
import time

from training.store.post import Post
from training.store.posts import open_store

POSTS = 91_000
LIMIT_SECONDS = 4.0


def run(quick: bool) -> str:
    """Add posts to a new store, add them again, read them."""
    count = POSTS // 10 if quick else POSTS
    posts = [
        Post(f"bench:{n}", f"c{n % 7}", mine=n % 5 == 0, time=1.5e9 + n, text=f"message {n} " * 6, source="bench")
        for n in range(count)
    ]
    with tempfile.TemporaryDirectory() as folder, open_store(f"sqlite:///{folder}/posts.db") as store:
        begin = time.perf_counter()
        with store.writing() as writer:
            writer.add(posts)
        added = time.perf_counter()
        with store.writing() as writer:
            writer.add(posts)
        again = time.perf_counter()
        read = sum(1 for _ in store.posts())
        end = time.perf_counter()
    verdict = "ok" if added - begin < LIMIT_SECONDS and read == count else "TOO SLOW"
    return (
        f"{count:,} posts: {added - begin:.2f} s to add (limit {LIMIT_SECONDS:.0f}), "
        f"{again - added:.2f} s to add again, {end - again:.2f} s to read: {verdict}"
    )
