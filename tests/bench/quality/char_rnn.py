"""Karpathy's char-rnn: `experiments/char-rnn.toml` beside a port of his own step in PyTorch, same text, same split, one run.

Both are scored by dann's evaluation: the port's weights make a network of dann's, with his two biases a layer added up.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from model.architectures import build
from model.checkpoints.checkpoint import set_weights
from model.config import ModelConfig
from model.tokenizer import Tokenizer
from tests.bench.options import EPOCHS, TEXT
from tests.bench.report import Report, library, table
from training.data.text_file import read_text
from training.lab.source import score_text

TRAIN_FRACTION = 0.95
WHOLE, QUICK = 50, 2
SEED = 0
SAME = 1e-3
"""Nats per character by which PyTorch and dann may score the same weights differently."""
PORT = "tests.bench.contenders.training.char_rnn_pytorch"


def run(quick: bool) -> Report:
    """A row each: figures of the epoch that knew val best, and seconds of training alone."""
    given = os.environ.get(TEXT)
    if not given:
        return Report("needs --text FILE, Tiny Shakespeare", {})
    epochs = int(os.environ.get(EPOCHS, QUICK if quick else WHOLE))
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "char-rnn.toml, dann": _ours(Path(given).resolve(), epochs, Path(folder)),
            f"train.lua, PyTorch {library('torch')}": _port(Path(given), epochs, Path(folder)),
        }
    heads = ["", "parameters", "steps", "val@256-reset", "val-stateful", "seconds"]
    keys = ("params", "steps", "val_reset", "val_stateful", "seconds")
    rows = [[name, *(_shown(of[key]) for key in keys)] for name, of in found.items()]
    return Report(f"{epochs} epochs, seed {SEED}\n\n{table(heads, rows)}", found)


def _ours(text: Path, epochs: int, folder: Path) -> dict[str, Any]:
    command = ["experiment", "run", "char-rnn", "--text", str(text), "--json"]
    sets = [f"data.dir={folder / 'data'}", f"train.epochs={epochs}", f"train.evaluations={epochs}"]
    options = [word for one in sets for word in ("--set", one)]
    ran = subprocess.run(
        [sys.executable, "-m", "training", *command, *options], check=True, stdout=subprocess.PIPE, text=True
    )
    row = json.loads(ran.stdout)
    return {
        "params": row["params"],
        "steps": row["steps"],
        "val_reset": row["val_reset_nats_per_char"]["mean"],
        "val_stateful": row["val_stateful_nats_per_char"]["mean"],
        "seconds": row["seconds"],
    }


def _port(path: Path, epochs: int, folder: Path) -> dict[str, Any]:
    text = read_text(path, TRAIN_FRACTION)
    tokenizer = Tokenizer.of_characters([text.train])
    train, val = (np.asarray(ids, np.int32) for ids in tokenizer.encode_batch([text.train, text.val]))
    job, weights = folder / "job.npz", folder / "weights.npz"
    np.savez(job, train=train, val=val, vocabulary=tokenizer.vocab_size, epochs=epochs, seed=SEED)
    ran = subprocess.run(
        [sys.executable, "-m", PORT, str(job), str(weights)], check=True, stdout=subprocess.PIPE, text=True
    )
    told = json.loads(ran.stdout)
    figures = score_text(network_of(weights, tokenizer.vocab_size), tokenizer, text.val)
    assert abs(figures.val_stateful_nats_per_char - min(told["curve"])) < SAME, "they are not one network"
    return {
        "params": sum(array.size for array in np.load(weights).values()),
        "steps": told["steps"],
        "val_reset": figures.val_reset_nats_per_char,
        "val_stateful": figures.val_stateful_nats_per_char,
        "seconds": told["seconds"],
        "curve": told["curve"],
    }


def network_of(weights: Path, vocabulary: int) -> Any:
    """The port's network as one of dann's."""
    model = build(ModelConfig(vocab_size=vocabulary, embed_dim=0, hidden_dim=128, num_layers=2), seed=0)
    with np.load(weights) as found:
        set_weights(model, dict(found))
    return model


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}" if value < 10 else f"{value:,.0f}"
