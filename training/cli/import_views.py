"""What `dann import` prints: the report, the preview of a dry run, the list of chats."""

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from training.cli.private import private_json, private_rows
from training.cli.shared import iso, print_json, print_line, print_table
from training.exports.common.record import OWNER
from training.exports.common.stream_errors import one_line

if TYPE_CHECKING:
    from training.posts.chat_selection import FoundChat
    from training.posts.importer import Exports, ImportReport
    from training.posts.owner import Authors

AUTHORS_SHOWN = 10
SAMPLES = 3
COUNTS = ("read", "kept", "updated", "duplicates", "forgotten", "mine", "context", "dropped", "formats")


def report_json(report: "ImportReport") -> dict[str, Any]:
    """Return the object of `--json`."""
    found = {key: getattr(report, key) for key in COUNTS}
    found |= {key: counts for key, counts in private_json(report.private).items() if counts}
    return found | {
        key: value for key in ("unread", "skipped", "stored_before", "authored") if (value := getattr(report, key))
    }


def print_report(report: "ImportReport", *, owner_known: bool = True) -> None:
    """Print an import's counts."""
    rows = [("read", report.read), ("kept", report.kept)]
    rows += [("  yours", report.mine), ("  others', as context", report.context)] if owner_known else []
    rows += [("updated", report.updated), ("already there", report.duplicates)]
    rows += [("forgotten before", report.forgotten)] if report.forgotten else []
    rows += [("whose author is known now", report.authored)] if report.authored else []
    rows += [("left out", report.dropped.total())]
    rows += [(f"  {reason.replace('_', ' ')}", count) for reason, count in report.dropped.most_common()]
    rows += [(f"from {name}", count) for name, count in report.formats.most_common()]
    rows += private_rows(report.private)
    print_table([(name, f"{count:,}") for name, count in rows])


def print_preview(
    args: argparse.Namespace, exports: "Exports", report: "ImportReport", unclear: Exception | None
) -> None:
    """Print what an import would keep: counts, authors, and sample lines of the owner and of others."""
    authors = _authors(exports, owner_known=unclear is None)
    mine, others = (_samples(exports, mine=mine) for mine in (True, False))
    if args.json:
        unknown = {"mine": None, "context": None} if unclear else {}
        samples = {
            "mine": [text for _, text in mine],
            "others": [{"author": name, "text": text} for name, text in others],
        }
        print_json({**report_json(report), **unknown, "dry_run": True, "authors": authors, "samples": samples})
        return
    print_report(report, owner_known=unclear is None)
    rows = [("kept", "", "from", "author")]
    for author in authors[:AUTHORS_SHOWN]:
        line = f": {author['line']}" if unclear and author["line"] else ""
        rows.append(
            (f"{author['kept']:,}", "yours" if author["mine"] else "", author["format"], f"{author['name']}{line}")
        )
    _print_columns(rows, right=1)
    if len(authors) > AUTHORS_SHOWN:
        print_line(f"and {len(authors) - AUTHORS_SHOWN:,} more authors")
    if not unclear:
        _print_samples("yours, for instance", [text for _, text in mine])
        _print_samples("others', for instance", [f"{name}: {text}" for name, text in others])
    print_line("nothing was stored")


def print_chats(args: argparse.Namespace, exports: "Exports", unclear: Exception | None) -> None:
    """Print each chat with its counts, the largest first."""
    chats = sorted(exports.chats, key=lambda chat: -chat.spoken.total())
    if args.json:
        found = [
            {
                "id": chat.id, "name": chat.title, "names": list(chat.names), "formats": list(chat.sources),
                "messages": chat.spoken.total(), "mine": None if unclear else _mine(exports, chat),
                "newest": iso(chat.newest), "kept_out": chat.kept_out or None,
            }
            for chat in chats
        ]  # fmt: skip
        print_json({"chats": found})
        return
    rows = [("", "messages", "newest", "id", "chat") if unclear else ("yours", "others'", "newest", "id", "chat")]
    for chat in chats:
        mine, every = _mine(exports, chat), chat.spoken.total()
        counts = ("", f"{every:,}") if unclear else (f"{mine:,}", f"{every - mine:,}")
        kept_out = f"  (kept out: {chat.kept_out})" if chat.kept_out else ""
        rows.append((*counts, (iso(chat.newest) or "-")[:10], one_line(chat.id), f"{chat.title}{kept_out}"))
    _print_columns(rows, right=2)


def _mine(exports: "Exports", chat: "FoundChat") -> int:
    return sum(count for (source, author), count in chat.spoken.items() if author in exports.mine.get(source, {OWNER}))


def _authors(exports: "Exports", *, owner_known: bool) -> list[dict[str, Any]]:
    """Return each author whose messages would be kept, those with the most first."""
    named = _named(exports)
    kept: Counter[tuple[str, str]] = Counter()
    lines: dict[tuple[str, str], str] = {}
    for chat in exports.chats:
        if not chat.kept_out:
            kept.update(chat.spoken)
            for author, sampled in chat.lines.items():
                lines.setdefault(author, next((line for one in sampled for line in one.lines()), ""))
    return [
        {
            "format": source, "id": author, "name": named[source].shown(author) if author else "you",
            "kept": count, "mine": author in exports.mine[source] if owner_known else None,
            "line": lines.get((source, author), ""),
        }
        for (source, author), count in kept.most_common()
    ]  # fmt: skip


def _named(exports: "Exports") -> dict[str, "Authors"]:
    """Return all authors by format."""
    from training.posts.owner import Authors  # noqa: PLC0415 (help needs no import of exports)

    named: dict[str, Authors] = {}
    for authors in exports.authors():
        named.setdefault(authors.source, Authors("", authors.source)).add(authors)
    return named


def _samples(exports: "Exports", *, mine: bool) -> list[tuple[str, str]]:
    """Return up to three lines of the owner's or of others', from the largest chats first, each with its author's name."""
    from training.posts.file_scan import spaced  # noqa: PLC0415

    named = _named(exports)
    found = [
        (one_line(named[source].shown(author)) if author else "you", line)
        for chat in sorted(exports.chats, key=lambda chat: -chat.spoken.total())
        if not chat.kept_out
        for (source, author), sampled in chat.lines.items()
        if (author in exports.mine.get(source, ())) == mine
        for lines in sampled
        for line in lines.lines()
    ]
    return spaced(found, SAMPLES)


def guess_lines(exports: "Exports", guess: "Authors", most: int) -> list[str]:
    """Return up to `most` sample lines of authors that are taken for the owner."""
    from training.posts.file_scan import spaced  # noqa: PLC0415

    kept_out = exports.kept_out
    scans = [scan for scan in exports.scans if scan.reader.name == guess.source]
    lines = [
        line
        for scan in [scan for scan in scans if scan.file.label == guess.label] or scans
        for id_, chat in scan.chats.items()
        for author, sampled in chat.lines.items()
        if author in guess.counts and id_ not in kept_out
        for line in sampled.lines()
    ]
    return spaced(lines, most)


def _print_samples(title: str, lines: Sequence[str]) -> None:
    if lines:
        print_line(f"{title}:")
        for line in lines:
            print_line(f"  {line}")


def _print_columns(rows: Sequence[tuple[str, ...]], right: int) -> None:
    """Print rows in columns, the first `right` of them to the right; the last, with people's names, goes on freely."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for row in rows:
        cells = [
            cell.rjust(width) if number < right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=False))
            if width
        ]
        print_line("  ".join([*cells, row[-1]]).rstrip())
