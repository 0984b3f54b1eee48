"""Exports that dann cannot read, told by name with what helps, and what beside them counts."""

from pathlib import Path

import pytest

from training.exports.common.files import open_tree
from training.exports.detect import choose_readers, describe, detect


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("messages.html", '<!DOCTYPE html><html><div class="page_wrap">', "Telegram's HTML export"),
        ("den.html", '<html><body><div class="chatlog__message-group">', "DiscordChatExporter's HTML"),
        ("den.txt", "=" * 62 + "\nGuild: Den\n", "DiscordChatExporter's plain text"),
        ("message_1.json", '{"participants": [{"name": "x"}], "messages": []}', "Messenger's or Instagram's messages"),
        ("messages.json", '{"messages": [{"creator": {}, "created_date": "x"}]}', "Google's Takeout of Chat"),
        ("msgstore.db.crypt15", "\x01\x02", "WhatsApp's encrypted backup"),
        ("chat.db", "SQLite format 3\0", "iMessage's chat.db"),
        ("signal-2024-01-01.backup", "\x01", "Signal's backup"),
        ("2024-01-15.json", '[{"type": "message", "ts": "1705312800.000100"}]', "Slack's export"),
        ("comments.csv", "id,permalink,date,ip,subreddit\n1,x,2024,,a\n", "Reddit's export"),
        ("outbox.json", '{"@context": "x", "type": "OrderedCollection"}', "Mastodon's archive"),
        ("chan.log", "--- Log opened Mon Jan 15\n10:00 <heron> hi\n", "an IRC log"),
        ("talk.txt", "[LINE] Chat history with Heron\n", "LINE's text"),
    ],
)
def test_each_is_told_by_name_with_what_helps(tmp_path: Path, name: str, content: str, kind: str) -> None:
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    (file,) = open_tree(tmp_path / name)
    assert detect(file) is None
    assert describe(file).startswith(f"{kind} (")


def test_what_lies_beside_such_an_export_is_no_text_of_ones_own(tmp_path: Path) -> None:
    for name, content in {"them/inbox/message_1.json": '{"participants": [], "messages": []}', "them/notes/a.txt": "a\n",
                          "mine/b.txt": "b\n"}.items():  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert [file.path for file, _ in choose_readers(open_tree(tmp_path))] == ["mine/b.txt"]
