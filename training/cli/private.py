"""What is private, for the owner at the terminal: counts of an import, `dann posts --private` and `--channels`."""

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model.privacy.details import GUESSED, KINDS
from training.cli.shared import iso, print_json, print_line, print_table
from training.config.tables import Settings
from training.exports.common.stream_errors import one_line
from training.store.post import Post

DOTS = 6
"""Most dots in the place of what is not shown."""


@dataclass(frozen=True, slots=True)
class ShownDetail:
    """A private detail of a stored post: `shown` is its beginning, and its end where it is long."""

    kind: str
    shown: str
    post: Post
    start: int
    end: int

    def as_json(self) -> dict[str, Any]:
        """The object of `--json`."""
        where = {
            "post": self.post.id,
            "channel": self.post.channel,
            "mine": self.post.mine,
            "time": iso(self.post.time),
        }
        return {"kind": self.kind, "shown": self.shown, **where, "start": self.start, "end": self.end}


def private_json(counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Return counts by kind, those apart that are guessed."""
    found = {kind: counts[kind] for kind in KINDS if counts.get(kind)}
    sure = {kind: count for kind, count in found.items() if kind not in GUESSED}
    return {"private": sure, "perhaps_private": {kind: found[kind] for kind in GUESSED if kind in found}}


def private_rows(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return rows of counts by kind, those apart that are guessed; none where there is nothing."""
    return [
        row
        for title, found in private_json(counts).items()
        if found
        for row in (
            (title.replace("_", " "), sum(found.values())),
            *((f"  {'own words' if kind == 'own' else kind}", count) for kind, count in found.items()),
        )
    ]


def run_private(args: argparse.Namespace, settings: Settings) -> int:
    """`dann posts --private`: list what is private in the store, masked in part, and where it stands."""
    counts: Counter[str] = Counter()
    found = []
    for detail in _stored_details(settings):
        counts[detail.kind] += 1
        if args.json:
            found.append(detail.as_json())
            continue
        post = detail.post
        date, whose = (iso(post.time) or "-")[:10], "yours" if post.mine else "others'"
        print_line(
            f"{detail.kind:<11}  {detail.shown:<12}  {whose:<7}  {date:<10}  {one_line(post.channel)}  {one_line(post.id)}"
        )
    if args.json:
        print_json({**private_json(counts), "found": found})
        return 0
    if not counts:
        print_line("nothing private was found")
        return 0
    print_table([(name, f"{count:,}") for name, count in private_rows(counts)])
    policies = {kind: getattr(settings.privacy, kind) for kind in KINDS if counts[kind]}
    listed = ", ".join(f"{kind} = {policy}" for kind, policy in policies.items())
    print_line(f"the store keeps these; what is learned from it reads them as [privacy] says: {listed}")
    return 0


def _stored_details(settings: Settings) -> Iterator[ShownDetail]:
    from training.store.posts import open_store  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    detector = settings.privacy.masking().detector
    with open_store(settings.data.store_url) as store:
        for post in store.posts():
            for kind, start, end in detector.details(post.text):
                yield ShownDetail(kind, masked_in_part(kind, post.text[start:end]), post, start, end)


def masked_in_part(kind: str, text: str) -> str:
    """Return what the owner knows a detail by: its first characters, and its last two where that gives little away."""
    first = one_line(text)
    is_secret = kind in {"secret", "key", "own", "credentials"}
    lead = 1 if len(first) < 10 else 2 if is_secret else 3
    tail = 2 if len(first) >= 10 and not is_secret else 0
    hidden = min(DOTS, max(1, len(first) - lead - tail))
    return f"{first[:lead]}{'•' * hidden}{first[len(first) - tail :]}"


def run_channels(args: argparse.Namespace, settings: Settings) -> int:
    """`dann posts --channels`: list the channels that are stored, those with the most posts first."""
    from training.posts.learnable import keeps_out  # noqa: PLC0415
    from training.store.posts import open_store  # noqa: PLC0415

    with open_store(settings.data.store_url) as store:
        channels = store.channels()
    patterns = settings.privacy.except_channels
    found: list[dict[str, Any]] = [
        {
            "channel": channel,
            "mine": mine,
            "context": context,
            "kept_out": any(keeps_out(pattern, channel) for pattern in patterns),
        }
        for channel, mine, context in channels
    ]
    if args.json:
        print_json({"channels": found})
        return 0
    for one in found:
        kept_out = "  (kept out of the voice)" if one["kept_out"] else ""
        print_line(f"{one['mine']:>9,} yours  {one['context']:>9,} others'  {one_line(one['channel'])}{kept_out}")
    return 0
