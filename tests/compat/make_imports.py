"""Make the store of an older version's imports again: `python tests/compat/make_imports.py CHECKOUT OUT.tar.xz`.

CHECKOUT is a checkout of that version with its `.venv` set up. Every format that it read is here, with what it read otherwise
than today: names in mentions, dates, other calendars, pasted messages, edited tweets. All texts are made up.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.compat.make_folder import pack

ME = "oleander"
FORGOTTEN = "the heron"
"""What is forgotten in every export."""
EXPORTS = (
    "telegram.json", "no-id.json", "channel.json", "den.csv", "rounded.csv", "package", "package-csv", "sam.txt",
    "thai.txt", "svenska.txt", "archive", "lines.jsonl", "stamps.jsonl", "table.csv", "dated.csv", "posts.txt",
)  # fmt: skip
"""Imported one after the other, each with `--me`."""


def main() -> None:
    """Write the exports, import them with that version, forget, and pack."""
    dann = Path(sys.argv[1]).resolve() / ".venv" / "bin" / "dann"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, text in files().items():
            path = folder / "exports" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC", "HOME": temporary}
        commands = [["import", f"exports/{name}", "--me", ME] for name in EXPORTS]
        for command in [*commands, ["forget", "--contains", FORGOTTEN, "--yes"]]:
            subprocess.run([dann, *command], cwd=folder, env=environment, check=True)
        pack(folder, Path(sys.argv[2]))


def files() -> dict[str, str]:
    """Return the text of every file by its path."""
    return {
        **chats(),
        "package/messages/c9/messages.json": json.dumps(
            [{"ID": 10**18 + n, "Timestamp": f"2023-04-0{n} 20:35:54", "Contents": text, "Attachments": ""}
             for n, text in enumerate(("packed beans", "the heron packs", "<@12> waters"), 1)]
        ),
        "package-csv/messages/c8/messages.csv": "ID,Timestamp,Contents,Attachments\n"
        "9.0E+17,2020-11-02 20:01:54.001000+00:00,rounded beans,\n9.0E+17,2020-11-02 20:02:54+00:00,the heron rounds,\n",
        "archive/data/tweets.js": "window.YTD.tweets.part0 = " + json.dumps([
            tweet(1002, "all beans are ripe", ("1001", "1002")), tweet(1001, "al beans are ripe", ("1001", "1002")),
            tweet(1004, "the heron is right", ("1003", "1004")), tweet(1003, "the heon is right", ("1003", "1004")),
            tweet(1005, "plain beans", ("1005",)),
        ]),
        "lines.jsonl": lines({"id": "1", "author": "sam", "text": "one bean", "time": "2023-05-01T10:00:00Z"},
                             {"author": ME, "text": "two beans", "time": 1682935260},
                             {"author": ME, "text": "the heron counts", "time": "2023-05-01T10:02:00Z"}),
        "stamps.jsonl": lines(*({"author": who, "text": text, "timestamp": f"2023-05-02T10:0{n}:00Z"} for n, (who, text) in
                                enumerate((("sam", "stamped"), (ME, "stamped too"), (ME, "the heron stamps"))))),
        "table.csv": "id,author,time,text\n1,sam,2023-09-01,a table\n9.1E+17,oleander,2023-09-02,of beans\n"
        "9.1E+17,oleander,2023-09-03,the heron eats\n",
        "dated.csv": "date,author,text\n15.01.2024 10:00,sam,dated\n15.01.2024 10:01,oleander,dated too\n"
        "1/16/2024 9:00 AM,oleander,the heron dates\n",
        "posts.txt": "my own beans\nthe heron is here\nmy own kettle\n",
    }  # fmt: skip


def chats() -> dict[str, str]:
    """Return the chats of several people."""
    said = (("sam", "are the beans in"), (ME, "nearly"), (ME, "the heron comes"), ("sam", "which heron"))
    telegram = [
        {"id": n, "type": "message", "date": f"2023-07-01T10:0{n}:00", "from": who, "from_id": f"user{len(who)}",
         "text": text}
        for n, (who, text) in enumerate(said, 1)
    ]  # fmt: skip
    discord = [
        {"id": str(900 + n), "type": "Default", "timestamp": f"2023-07-02T10:0{n}:00+00:00", "content": f"@lurker {text}",
         "author": {"id": str(len(who)), "name": who, "discriminator": "0", "isBot": False}, "mentions": []}
        for n, (who, text) in enumerate(said)
    ]  # fmt: skip
    header = "AuthorID,Author,Date,Content,Attachments,Reactions\n"
    return {
        "telegram.json": json.dumps({"name": "sam", "type": "personal_chat", "id": 77, "messages": telegram}),
        "no-id.json": json.dumps({"name": "sam", "type": "personal_chat", "messages": telegram}),
        "channel.json": json.dumps({"guild": {"id": "1"}, "channel": {"id": "2"}, "messages": discord}),
        "den.csv": header + "".join(
            f'"{len(who)}","{who}","{15 + n}.01.2024 10:0{n}","@Lurking Lou {text}","",""\n'
            for n, (who, text) in enumerate(said)
        ),
        "rounded.csv": header + "".join(
            f"4.5E+17,{who},2024-02-01T10:0{n}:00.0000000+00:00,{text},,\n" for n, (who, text) in enumerate(said[1:])
        ),
        "sam.txt": "".join(
            f"01/08/2023, 10:0{n} - {who}: @\u2068Somebody Else\u2069 {text}\n" for n, (who, text) in enumerate(said)
        ) + "13/08/2023, 10:05 - oleander: a plan:\n14.08.2023 10:00 - breakfast: eggs\n14.08.2023 12:00 - lunch: soup\n"
        + "13/08/2023, 10:06 - sam: the herons:\n[12/08/2023, 10:00:00] oleander: the heron said\nso\n",
        "thai.txt": "".join(f"13/6/2561 21:2{n} - {who}: {text}\n" for n, (who, text) in enumerate(said)),
        "svenska.txt": "".join(
            f"[2023-01-05 21:2{n}:00] {who}: {text} \u200e<Det här meddelandet redigerades>\n" for n, (who, text) in
            enumerate(said)
        ) + "[2023-01-05 21:29:00] sam: <Media har utelämnats>\n[2023-01-05 21:30:00] sam: Du raderade det här meddelandet\n",
    }  # fmt: skip


def tweet(id_: int, text: str, versions: tuple[str, ...]) -> dict[str, object]:
    """Return a tweet; `versions` are the ids of all it has."""
    edits = {"initial": {"editTweetIds": list(versions)}}
    return {"tweet": {"id_str": str(id_), "full_text": text, "created_at": f"Wed Oct 19 20:{id_ % 60:02}:25 +0000 2022",
                      "edit_info": edits, "entities": {}}}  # fmt: skip


def lines(*objects: Mapping[str, object]) -> str:
    """Return JSON lines."""
    return "".join(f"{json.dumps(one)}\n" for one in objects)


if __name__ == "__main__":
    main()
