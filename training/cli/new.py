"""`dann new cell NAME`: begin an architecture of one's own, with an experiment that compares it with the LSTM.

A file in model/architectures/cells is an architecture of its name, so that writing it is all there is to registering it: a
kill or a full disk leaves all of it or nothing. Only a source tree has a place for it.
"""

import argparse
import keyword
import os
import re
from pathlib import Path
from typing import Any

import model
from model.checkpoints.atomic_files import replace_file
from model.errors import DannError
from training.cli.shared import add_command, print_json, print_line
from training.config.tables import Settings

ROOT = Path(model.__file__).parents[1]
CELLS = Path("model", "architectures", "cells")
BASELINE = "cell-lstm"
"""The experiment that a new cell is compared with: the LSTM, small, for a minute."""
NAME_FORM = re.compile(r"(?=.{1,40}$)[a-z][a-z0-9]*(_[a-z0-9]+)*")
NAME_RULE = "at most 40 small letters, digits and single underscores, beginning with a letter, as in leaky_lstm"


def add_new(commands: Any) -> None:
    """Add `new` and its commands to a parser's subparsers."""
    about = "begin an architecture of your own"
    nested = commands.add_parser("new", help=about, description=about)
    named = nested.add_subparsers(metavar="COMMAND", required=True)
    cell = add_command(named, "cell", run_new_cell, "write a commented recurrent cell that trains, to change")
    cell.add_argument("name", metavar="NAME", help=f"what it is called: {NAME_RULE}")


def run_new_cell(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001
    """`dann new cell`."""
    root = source_tree(ROOT)
    cell, experiment = write_cell(root, args.name)
    if args.json:
        print_json(
            {"name": args.name, "class": class_name(args.name), "file": str(cell), "experiment": str(experiment)}
        )
        return 0
    print_line(f"{cell}: your cell, which trains as it is; change its equations")
    print_line(f"{experiment}: its experiment")
    print_line("then, in the source tree, with the commands of .venv/bin:")
    print_line(f"  python -m pytest -q -k {args.name} tests/model/architectures tests/model/checkpoints")
    print_line(f"  dann inspect {args.name}")
    for name in (BASELINE, experiment.stem):
        print_line(f"  dann experiment run {name} --text FILE --seeds 3")
    print_line(f"  dann experiment compare {experiment.stem} {BASELINE}")
    return 0


def source_tree(root: Path) -> Path:
    """The folder that dann is imported from; raises DannError where that is no source tree, or cannot be written."""
    if not (root / "pyproject.toml").is_file() or not (root / "tests").is_dir():
        raise DannError(
            f"{root}: dann is installed here, without its source tree, and a cell needs one; clone the repository and run "
            "`make test` in it, then try again there"
        )
    if not os.access(root / CELLS, os.W_OK):
        raise DannError(f"{root / CELLS}: you may not write here; use a source tree of your own")
    return root


def write_cell(root: Path, name: str) -> tuple[Path, Path]:
    """Write the cell and its experiment; returns both paths. Raises DannError for a name that will not do."""
    cell, experiment = root / CELLS / f"{name}.py", root / "experiments" / f"{name}.toml"
    if not NAME_FORM.fullmatch(name) or keyword.iskeyword(name):
        raise DannError(f"{name!r}: a cell's name is that of its Python file; use {NAME_RULE}")
    if cell.exists():
        raise DannError(f"{cell}: is there already; choose another name, or remove it")
    from model.architectures import ARCHITECTURES  # noqa: PLC0415 (JAX takes seconds to import)

    if name in ARCHITECTURES:
        raise DannError(f"{name!r}: an architecture of this name is there already; choose another name")
    for other in sorted((root / CELLS).glob("*.py")):
        if f"\nclass {class_name(name)}(" in other.read_text(encoding="utf-8"):
            raise DannError(f"{name!r}: its class {class_name(name)} is in {other} already; choose another name")
    question = experiment_source(name).encode()
    if experiment.exists() and experiment.read_bytes() != question:  # if it is the same, a kill left it
        raise DannError(f"{experiment}: is there already, and would be the experiment of {name!r}; choose another name")
    replace_file(experiment, question)
    replace_file(cell, cell_source(name).encode())  # last: from here on it is an architecture
    return cell, experiment


def class_name(name: str) -> str:
    """`leaky_lstm` is LeakyLstmCell, and `my_cell` MyCell: with "Cell" at its end, it is no other class's name."""
    return "".join(part.capitalize() for part in name.removesuffix("_cell").split("_")) + "Cell"


def cell_source(name: str) -> str:
    """The Python file of a new cell."""
    return CELL.replace("CLASS", class_name(name)).replace("NAME", name)


def experiment_source(name: str) -> str:
    """The TOML file of its experiment."""
    return EXPERIMENT.replace("BASELINE", BASELINE).replace("NAME", name)


CELL = '''"""NAME: say here in a line what is new in it, and whose idea it is.

    f, g, o = split(x W_x + b + h W_h)     three gates, from the input x and the last output h
    f = sigmoid(f + p * c)                 how much stays; through p, a "peephole", the gate also sees the cell itself
    c' = f * c + (1 - f) * tanh(g)         keep that much of the cell, take in as much of what is new as was let go
    h' = sigmoid(o) * tanh(c')             and show some of it

Write your equations first, then the code below: every shape follows from them. B is the batch, H is hidden_dim.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.parts.language_model import RecurrentLM
from model.architectures.parts.scan import Carry, Own, vectorized


class CLASS(RecurrentLM):
    """A language model of NAME layers; the carry is `(c, h)` a layer."""

    num_gates = 3  # f, g and o: x and r have 3 H columns. The network owns W_x, b and W_h, and multiplies for you.
    carry_size = 2  # c and h. What a layer remembers from token to token, each [B, H]; the output h comes last.

    def params(self, rngs: nnx.Rngs, hidden_dim: int) -> Own:  # noqa: ARG002 (zeros take no chance)
        """What the cell itself owns, drawn once for each layer: the peephole `[H]`.

        Zeros: a new network is the cell without it, and learns whether it helps. JAX derives the gradient. A cell that
        owns nothing has no `params`, and its `cell` has no `own`.
        """
        return {"p": jnp.zeros(hidden_dim)}

    @staticmethod
    def cell(x: jax.Array, r: jax.Array, carry: Carry, own: Own) -> Carry:
        """One step: `x[B, 3H]` holds x W_x + b, `r[B, 3H]` holds h W_h; returns the carry after it, shaped as before.

        Elementwise only: no matmuls here (a cell with matrices of its own is a StepLM, as mogrifier_lstm.py is), no sums
        over units (batch_invariant_sum, as in layer_norm_lstm.py), and nothing across rows, which are other people's
        texts. `vectorized` changes no number: XLA:CPU computes what is in
        it in a loop of its own, which is faster. Leave it out at first if you like.
        """
        c, _ = carry
        f, g, o = jnp.split(x + r, 3, axis=1)
        f = jax.nn.sigmoid(vectorized(f + own["p"] * c))
        c = vectorized(f * c + (1.0 - f) * jnp.tanh(vectorized(g)))
        return c, jax.nn.sigmoid(vectorized(o)) * jnp.tanh(c)

    def initial_bias(self, hidden_dim: int) -> jax.Array:
        """The bias b `[3H]` of a new network: zero, but 1 for f, so that at first it remembers."""
        return jnp.zeros(3 * hidden_dim).at[:hidden_dim].set(1.0)
'''

EXPERIMENT = """# dann experiment run NAME --text tinyshakespeare.txt --seeds 3
#
# What differs from BASELINE.toml is the architecture alone; change both files alike, or the answer is about something else.
# With more gates or fewer it has more weights or fewer too (column params): that may be the answer.
# Expected: write here what you expect, before you run it.

[experiment]
question = "Does the cell NAME learn more than the LSTM in the same steps?"

[tokenizer]
vocab_size = 512

[model]
architecture = "NAME"
embed_dim = 64
hidden_dim = 128

[train]
steps = 1000
batch_size = 32
bptt_length = 64
learning_rate = 0.01
evaluations = 4
"""
