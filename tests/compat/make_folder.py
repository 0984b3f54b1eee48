"""Make the data folder of an older version again: `python tests/compat/make_folder.py CHECKOUT OUT.tar.xz`.

CHECKOUT is a checkout of that version with its `.venv` set up. Every command runs in a temporary folder with
`data.dir=data`, so that no path of a machine gets into the files. All texts are made up here. It takes two minutes.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

ME = "oleander"
OTHER = "sam"
WHO = ("the beans", "my neighbour", "this kettle", "the old bus", "a heron", "the choir", "nobody", "the cat")
DOES = ("is late again", "smells of rain", "wants a biscuit", "fell off the shelf", "sings at noon", "grew a beard")
ENDS = ("", "", " lol", " i think", " and i love it", "?", "!!", " as ever")
EXPERIMENTS = {
    "beans": (
        '[experiment]\nquestion = "how far does a small network get with one text?"\ntext = "voice.txt"\n'
        'train_fraction = 0.8\nmixed = true\n\n[tokenizer]\nkind = "characters"\n'
    ),
    "posts": '[experiment]\nquestion = "and with the posts?"\n\n[model]\narchitecture = "rnn"\n',
}
CONFIG = """\
[data]
dir = "data"
me = "oleander"

[tokenizer]
vocab_size = 270

[model]
embed_dim = 8
hidden_dim = 8
embedding_dropout = 0.0
dropout = 0.0
weight_drop = 0.0

[train]
steps = 400
batch_size = 4
bptt_length = 16
evaluations = 2
precision = "float32"
devices = 1

[eval]
samples = 20

[retrain]
min_new_posts = 5
samples = 20
variety = 0.0
copied = 1.0
same = 1.0
tolerance = 1.0
start = "warm"

[sample]
max_tokens = 24
"""


def main() -> None:
    """Make the folder and pack it."""
    dann = Path(sys.argv[1]).resolve() / ".venv" / "bin" / "dann"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_files(folder)
        make(dann, folder)
        for path in (folder / "data").glob("compiled"):
            shutil.rmtree(path)
        pack(folder, Path(sys.argv[2]))


def make(dann: Path, folder: Path) -> None:
    """Import, train, retrain, forget, pin, run experiments, and serve."""
    environment = {"PATH": os.environ["PATH"], "JAX_PLATFORMS": "cpu", "LANG": "C.UTF-8", "HOME": str(folder)}

    def run(*arguments: str, code: int = 0) -> None:
        done = subprocess.run([dann, *arguments], cwd=folder, env=environment, check=False)
        if done.returncode != code:
            sys.exit(f"dann {' '.join(arguments)}: exit code {done.returncode}")

    run("import", "exports", *(f"exports/{name}" for name in ("chat.jsonl", "table.csv", "lines.txt")), "--me", ME)
    run("train")
    wait()
    run("train", "--seed", "3", "--set", "model.architecture=gru", "--set", "model.tie_embeddings=true")
    wait()
    run("rollback")  # so that the next rollback does not lead to the newest but one
    run("import", "later.jsonl", "--me", ME)
    run("retrain", "--why", "schedule", "--set", "retrain.tolerance=0", "--set", "train.learning_rate=1e-6",
        "--set", "retrain.start=scratch", code=1)  # fmt: skip
    wait()
    run("import", "latest.jsonl", "--me", ME)
    run("retrain")
    wait()
    run("retrain")
    run("forget", "--contains", "the heron knows my address", "--yes")
    ids = sorted(path.name for path in (folder / "data" / "checkpoints").iterdir() if (path / "meta.json").exists())
    run("pin", ids[0])
    run("experiment", "run", "beans", "--seeds", "2")
    run("experiment", "run", "posts")
    unfinished(dann, folder, environment)
    served(dann, folder, environment)


def unfinished(dann: Path, folder: Path, environment: dict[str, str]) -> None:
    """Start a training and kill it once it can be resumed."""
    sets = ("--set=train.steps=2000", "--set=train.save_seconds=0.01", "--set=train.seed=5")
    process = subprocess.Popen([dann, *sets, "train"], cwd=folder, env=environment)
    while process.poll() is None and not [*(folder / "data" / "runs").glob("*/resume.safetensors")]:
        time.sleep(0.001)
    process.kill()
    if process.wait() != -signal.SIGKILL:
        sys.exit("the run that was to stay unfinished has finished")


def served(dann: Path, folder: Path, environment: dict[str, str]) -> None:
    """Serve until the inbox is empty: one export of it can be read, the other cannot."""
    inbox = folder / "data" / "inbox"
    shutil.copytree(folder / "inbox", inbox, dirs_exist_ok=True)
    process = subprocess.Popen([dann, "--set=bot.web.port=0", "serve"], cwd=folder, env=environment)
    while process.poll() is None and [path for path in inbox.iterdir() if path.is_file()]:
        time.sleep(0.2)
    time.sleep(1)
    process.terminate()
    process.wait(30)


def wait() -> None:
    """Let a second pass, as checkpoints are named by the second."""
    time.sleep(1.1)


def write_files(folder: Path) -> None:
    """Write exports in several formats, settings, and experiments."""
    files = {
        "config.toml": CONFIG,
        "voice.txt": "".join(f"{one}\n" for one in said(7, 420)),
        "exports/chat.jsonl": "".join(f"{json.dumps(one)}\n" for one in chat(0, 120)),
        "exports/telegram/result.json": json.dumps(telegram(), ensure_ascii=False),
        "exports/WhatsApp Chat with sam.txt": "".join(whatsapp()),
        "exports/table.csv": "id,author,time,text\n" + "".join(table()),
        "exports/lines.txt": "".join(f"{one}\n" for one in said(4, 20)),
        "later.jsonl": "".join(f"{json.dumps(one)}\n" for one in chat(200, 120)),
        "latest.jsonl": "".join(f"{json.dumps(one)}\n" for one in chat(400, 100)),
        "inbox/lines-of-may.txt": "".join(f"{one}\n" for one in said(8, 10)),
        "inbox/broken.zip": "PK\x03\x04",
        **{f"experiments/{name}.toml": text for name, text in EXPERIMENTS.items()},
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def said(seed: int, number: int) -> Iterator[str]:
    """Yield made-up sentences."""
    chance = random.Random(seed)
    for _ in range(number):
        yield f"{chance.choice(WHO)} {chance.choice(DOES)}{chance.choice(ENDS)}"


def times(first: str, number: int) -> Iterator[datetime]:
    """Yield times three minutes apart, with nine hours after every twelfth."""
    at = datetime.fromisoformat(first).replace(tzinfo=UTC)
    for count in range(number):
        yield at
        at += timedelta(hours=9) if count % 12 == 11 else timedelta(minutes=3)


def chat(first: int, number: int) -> Iterator[dict[str, str]]:
    """Yield records of JSON lines; every other message is one's own."""
    texts = list(said(first, number))
    texts[5] = "the heron knows my address" if first == 0 else texts[5]
    when = times(f"{2023 + first // 200}-05-01T10:00:00", number)
    for count, (text, at) in enumerate(zip(texts, when, strict=True), first):
        author = ME if count % 2 else OTHER
        yield {"id": str(count), "channel": "shed", "author": author, "time": at.isoformat(), "text": text}


def telegram() -> dict[str, object]:
    """Make Telegram Desktop's export of one chat."""
    messages = [
        {"id": count, "type": "message", "date": at.strftime("%Y-%m-%dT%H:%M:%S"), "date_unixtime": f"{at.timestamp():.0f}",
         "from": ME if count % 2 else OTHER, "from_id": "user11" if count % 2 else "user12", "text": text,
         "text_entities": [{"type": "plain", "text": text}]}
        for count, (text, at) in enumerate(zip(said(1, 30), times("2023-07-01T10:00:00", 30), strict=True), 1)
    ]  # fmt: skip
    return {"name": OTHER, "type": "personal_chat", "id": 77, "messages": messages}


def whatsapp() -> Iterator[str]:
    """Yield lines of a WhatsApp export, as Android writes it in Britain."""
    for count, (text, at) in enumerate(zip(said(2, 30), times("2023-08-01T10:00:00", 30), strict=True)):
        yield f"{at:%d/%m/%Y, %H:%M} - {ME if count % 2 else OTHER}: {text}\n"


def table() -> Iterator[str]:
    """Yield rows of a CSV table."""
    for count, (text, at) in enumerate(zip(said(3, 20), times("2023-09-01T10:00:00", 20), strict=True)):
        yield f"{count},{ME if count % 2 else OTHER},{at.isoformat()},{text}\n"


def pack(folder: Path, archive: Path) -> None:
    """Pack without owners and times; refuse files that hold a path or the name of this machine."""

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        return info

    private = [text.encode() for text in (str(folder), str(Path.home()), os.uname().nodename)]
    for path in folder.rglob("*"):
        text = path.is_file() and path.suffix != ".safetensors"  # a short name may well occur in numbers
        if text and any(re.search(rb"(?<!\w)" + re.escape(one) + rb"(?!\w)", path.read_bytes()) for one in private):
            sys.exit(f"{path.relative_to(folder)} tells of this machine")
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for path in sorted(folder.iterdir()):
            packed.add(path, path.name, filter=plain)


if __name__ == "__main__":
    main()
