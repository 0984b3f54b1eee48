"""Find which stored post an imported one is: by its id, an alias, or an id that another message may have. Knows no query."""

from collections.abc import Mapping
from dataclasses import replace

from training.store.post import Post


def ids_of(post: Post) -> list[str]:
    """Return all ids under which a post may be stored or forgotten."""
    by = post.found_by
    return [post.id, *by.aliases, *by.doubtful_ids, *([by.other_id] if by.other_id else [])]


class Matcher:
    """Matches the posts of one file with those that are stored."""

    def __init__(self) -> None:
        self._stored_as: dict[str, str] = {}

    def as_stored(self, post: Post, known: Mapping[str, Post]) -> Post:
        """Return a post under the id that it is stored under, if it is; so too what it replies to, if that came before it."""
        by, follows = post.found_by, post.reply_to in self._stored_as
        if post.reply_to and follows:
            post = replace(post, reply_to=self._stored_as[post.reply_to])
        if by.other_id and post.id in known and not _are_same(known[post.id], post):
            post = replace(post, id=by.other_id)
        if post.id in known:
            return post
        if alias := next((alias for alias in by.aliases if alias in known), None):
            return replace(post, id=alias)
        for id_ in by.doubtful_ids:
            before = known.get(id_)
            if before and _are_same(before, post, both=by.all_must_match):
                self._stored_as[post.id] = id_
                reply_to = post.reply_to if follows else before.reply_to or post.reply_to
                return replace(post, id=id_, reply_to=reply_to)
        return post


def _are_same(before: Post, post: Post, *, both: bool = False) -> bool:
    """Return whether two posts of one id are one, which may have been edited: by text or time, or by both."""
    same_text, same_time = before.text == post.text, before.time == post.time
    return (same_text and same_time) if both else same_text or (same_time and post.time is not None)
