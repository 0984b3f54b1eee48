"""The checkpoints that the chat's benches serve: one made on the spot, and one that is there already."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from model.architectures import build
from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Meta
from model.config import ModelConfig
from model.tokenizer import Tokenizer
from tests.bench.options import GIVEN
from tests.bench.rounds.children import ROOT
from training.config.tables import Settings
from training.posts.guarding import load_guarded
from training.posts.secret_file import FILE

LAYERS, HIDDEN, VOCABULARY = 2, 512, 1024


def prose() -> list[str]:
    """English to learn a vocabulary from: the documents of this repository."""
    return [line for file in sorted((ROOT / "docs").glob("*.md")) for line in file.read_text("utf-8").splitlines()]


def make(folder: Path) -> str:
    """A network of random weights, 2 x 512, V 1,024: as heavy as a trained one. Returns what it is."""
    tokenizer = Tokenizer.train(prose(), VOCABULARY)
    config = ModelConfig(vocab_size=tokenizer.vocab_size, hidden_dim=HIDDEN, num_layers=LAYERS)
    model = build(config, seed=0)
    meta = Meta(
        created=datetime.now(UTC).isoformat(), step=1, seconds=1, val_bpb=8.0, posts=0, newest_post=None, seed=0,
        code_version="0", settings={},
    )  # fmt: skip
    root = folder / "checkpoints"
    checkpoint.save(root, "random", model, tokenizer, meta)
    checkpoint.publish(root, "random")
    return f"{LAYERS} x {HIDDEN}, V {tokenizer.vocab_size:,}, random weights"


def given() -> Path | None:
    """The folder that the environment names."""
    return Path(found) if (found := os.environ.get(GIVEN)) else None


def take(source: Path, folder: Path) -> str:
    """Copy the checkpoint that serves there, with what guards its replies; returns what it is."""
    id_ = checkpoint.current(source)
    snapshot = load_guarded(Settings.model_validate({"data": {"dir": source.parent}}), source)
    root = folder / "checkpoints"
    shutil.copytree(source / str(id_), root / str(id_))
    if snapshot.guard is not None:
        shutil.copy2(source.parent / FILE, folder / FILE)
    checkpoint.publish(root, str(id_))
    config = snapshot.model.config
    return f"{id_}: {config.num_layers} x {config.hidden_dim}, V {config.vocab_size:,}"
