"""A record from named fields, as dann's own JSONL and CSV have them."""

from collections.abc import Mapping

from training.exports import words
from training.exports.record import OWNER, Record
from training.exports.timestamps import unix_seconds


def record(fields: Mapping[str, object], source: str) -> Record:
    """Make a record; ids and channels are this source's own. Without an author, everything is the owner's."""
    text = words.clean(str(fields.get("text") or ""))
    author = _text(fields.get("author"))
    channel = f"{source}:{_text(fields.get('channel'))}"
    id_, reply_to = _text(fields.get("id")), _text(fields.get("reply_to"))
    return Record(
        id=f"{channel}:{id_}" if id_ else "",
        author=author or OWNER,
        names=(author,) if author else (),
        channel=channel,
        time=unix_seconds(fields.get("time")),
        text=text,
        reply_to=f"{channel}:{reply_to}" if reply_to else None,
        dropped=words.reason_to_drop(text),
    )


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
