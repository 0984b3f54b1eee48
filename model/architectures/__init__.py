"""The registry of architectures, by their names in config.toml, and the contract they share.

An architecture is a Flax NNX module made from a ModelConfig, with `initial_carry(batch_size)` and
`__call__(tokens[B, T], carry, noise=None, dtype=float32) -> (logits[B, T, V], carry)`. The same call trains
(T = bptt_length) and decodes (T = 1): the carry is the cache. Reading BOS empties it. One with `decodes = False` is
trained and compared only. tests/model/architectures/test_contract.py holds all of them to it.

A file in cells/ is an architecture of its name; `dann new cell` begins one. Others have a line in ARCHITECTURES.
"""

import difflib
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.parts.author_errors import author_errors
from model.architectures.parts.dropout import DropoutKeys
from model.architectures.parts.scan import MatmulDtype
from model.config import ModelConfig
from model.errors import DannError

CELLS = "model.architectures.cells"
"""Each module in it is an architecture, and has one class: a subclass of RecurrentLM or StepLM, or what the contract says."""


class Registry(Mapping[str, type[Any]]):
    """Architectures by name: those of `lines` ("module.Class" by name), and each module of the package CELLS.

    A module is imported when its name is looked up: a cell that cannot be imported breaks nothing but itself.
    """

    def __init__(self, lines: Mapping[str, str]) -> None:
        self._lines = lines

    def __getitem__(self, name: str) -> type[Any]:
        """The class; raises KeyError for an unknown name, and DannError for a module that cannot be imported."""
        if name in self._lines:
            module, class_name = self._lines[name].rsplit(".", 1)
            kind: type[Any] = getattr(import_module(f"model.architectures.{module}"), class_name)
            return kind
        return _only_class(f"{CELLS}.{name}", self.cells()[name])

    def __iter__(self) -> Iterator[str]:
        yield from self._lines
        yield from self.cells()

    def __len__(self) -> int:
        return len(self._lines) + len(self.cells())

    def __contains__(self, name: object) -> bool:
        return name in self._lines or name in self.cells()

    def cells(self) -> dict[str, Path]:
        """The file of each cell in CELLS, by name."""
        found = pkgutil.iter_modules(import_module(CELLS).__path__)
        files = {
            name: Path(str(getattr(finder, "path", ""))) / f"{name}.py"
            for finder, name, is_package in found
            if not is_package
        }
        return {name: files[name] for name in sorted(files) if name not in self._lines and not name.startswith("_")}


def _only_class(module_name: str, file: Path) -> type[Any]:
    """The one class of networks that a module defines."""
    with author_errors(file):
        module = import_module(module_name)
    found = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, nnx.Module) and kind.__module__ == module_name
    ]
    public = [kind for kind in found if not kind.__name__.startswith("_")]
    if len(public) != 1:
        names = ", ".join(kind.__name__ for kind in public) or "none"
        raise DannError(f"{file}: must define one public class of networks; found {names}; see docs/contributing.md")
    return public[0]


ARCHITECTURES = Registry(
    {
        "lstm": "lstm.LSTM",
        "gru": "gru.GRU",
        "rnn": "rnn.RNN",
        "lstm_attention": "lstm_attention.LSTMAttention",
        "mingru": "mingru.MinGRU",
        "minlstm": "minlstm.MinLSTM",
        "transformer": "transformer.Transformer",
        "looped": "looped.Looped",
        "halting": "halting.Halting",
    }
)


class LanguageModel(Protocol):
    """The interface of a network for training and decoding."""

    config: ModelConfig

    def initial_carry(self, batch_size: int) -> Any:
        """The carry before the first token; a pytree of arrays whose first axis is the batch."""

    def __call__(
        self, tokens: jax.Array, carry: Any, *, noise: DropoutKeys | None = None, dtype: MatmulDtype = jnp.float32
    ) -> tuple[jax.Array, Any]:
        """Logits `[B, T, V]` of the token after each of `tokens[B, T]`, and the carry after the last.

        With `noise`, dropout is applied (dropout.py); matmuls use the compute dtype `dtype` (scan.py).
        One that adds to the training loss also has `call_with_extra_loss`, called alike, which returns a third array: what
        to add to the loss of each token `[B, T]`, in nats (halting.py).
        """


def build(config: ModelConfig, seed: int) -> LanguageModel:
    """A network with initial weights; raises DannError for a name that is no architecture, or a class that fails."""
    kind = architecture(config.architecture)
    with author_errors(kind):
        model: LanguageModel = kind(config, rngs=nnx.Rngs(seed))
    return model


def is_cell(name: str) -> bool:
    """Whether an architecture is a file in CELLS, where people write their own."""
    return name in ARCHITECTURES.cells()


def architecture(name: str) -> type[Any]:
    """The class of an architecture; raises DannError for an unknown name."""
    if name not in ARCHITECTURES:
        names = ", ".join(sorted(ARCHITECTURES))
        near = difflib.get_close_matches(name, ARCHITECTURES, n=1)
        meant = f"did you mean {near[0]}? There are" if near else "choose one of"
        raise DannError(f"model.architecture: {name!r} is not known; {meant} {names}")
    return ARCHITECTURES[name]


def decodes(kind: type[Any]) -> bool:
    """Whether an architecture writes token by token, and so can be a voice."""
    return bool(getattr(kind, "decodes", True))


def require_decoding(name: str, where: str = "model.architecture") -> None:
    """Raise DannError for an architecture that is trained and compared only; `where` begins the message."""
    if not decodes(architecture(name)):
        raise DannError(
            f"{where}: {name!r} does not write token by token, so it cannot be a voice; compare it with others by "
            "`dann experiment run`, and train one that does, such as lstm"
        )
