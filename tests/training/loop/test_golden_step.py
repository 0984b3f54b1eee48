"""One step of a fixed tiny network, against numbers pinned here: the arithmetic of training does not change unnoticed.

Other tests ask that training works; a slip that only makes it a little worse passes them all.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from model.architectures import build
from model.config import ModelConfig
from model.tokenizer import Tokenizer
from training.config.tables import TrainConfig
from training.data.conversations import TrainingTurn
from training.data.dataset import build_dataset
from training.loop.clock import DISPATCH_STEPS
from training.loop.optimizer import global_norm
from training.loop.step import initial_state, make_dispatch

pytestmark = pytest.mark.slow

CONVERSATIONS = [
    (TrainingTurn(mine=False, text=f"is run {number} done"), TrainingTurn(mine=True, text=f"loss {number}, lol"))
    for number in range(12)
]
SHAPE: dict[str, Any] = {
    "hidden_dim": 16, "embed_dim": 8, "num_layers": 2, "tie_embeddings": True,
    "embedding_dropout": 0.1, "input_dropout": 0.1, "hidden_dropout": 0.2, "dropout": 0.2, "weight_drop": 0.2,
}  # fmt: skip
TRAIN = TrainConfig(
    batch_size=4, bptt_length=8, devices=1, precision="float32", resets=0.5, clip_norm=0.1, weight_decay=0.01, seed=1
)
RATE = 0.01
GOLDEN = {
    # optimizer: (loss, gradient norm before clipping, norm of the parameters' change, loss of the step after it)
    "adamw": (5.6349869, 0.55033118, 0.76959145, 5.5990820),
    "sgd": (5.6349869, 0.55033118, 0.0050429916, 5.6266956),
}
SUSPECTS = """
One step no longer gives the numbers pinned in {file}: {name} is {found!r} and was {pinned!r}.
If you meant to change what training computes, pin the new numbers and say so in CHANGELOG.md: runs before and after are not
comparable. If you did not, look at what differs:
- loss and both norms: the tokenizer (merges, ids of special tokens), the dataset's order or weights, the initializer, the
  shift between a token and its target, the mean over counted tokens against a sum, the carry (handed on, emptied at BOS
  and by `resets`), dropout (its keys, its rates, what it is applied to), the cell's equations;
- both norms alone: a gradient written by hand (scan.py, lstm.py), the sum over devices;
- the change alone: the order of clipping, optimizer and weight decay (optimizer.py);
- the next loss alone: the sign of the update, or the carry that the first step handed on.
After an upgrade of JAX, the random numbers behind initializer and dropout may be others: compare with the old version.
"""


@pytest.mark.parametrize("optimizer", GOLDEN)
def test_one_step_gives_the_pinned_numbers(optimizer: str) -> None:
    """The second step of an epoch, with a carry that is not empty, so that resets and the carry matter."""
    tokenizer = Tokenizer.train([turn.text for turns in CONVERSATIONS for turn in turns], 280)
    stream = build_dataset(CONVERSATIONS, CONVERSATIONS[:2], tokenizer, other_weight=0.5, seed=0).train
    config = TRAIN.model_copy(update={"optimizer": optimizer})
    model = build(ModelConfig(vocab_size=tokenizer.vocab_size, **SHAPE), seed=0)
    state = initial_state(model, config, stream)
    carry = jax.tree.map(lambda array: jnp.linspace(-1.0, 1.0, array.size).reshape(array.shape), state.carry)
    before = jax.device_get(state.params)
    rates = np.full(DISPATCH_STEPS, RATE, np.float32)
    dispatch = make_dispatch(model, config, stream)
    after, metrics = dispatch(state._replace(carry=carry, step=jnp.int32(1)), rates, 1)
    change = jax.tree.map(np.subtract, jax.device_get(after.params), before)
    _, next_metrics = dispatch(after, rates, 1)
    found = (*map(float, metrics[0]), float(global_norm(change)), float(next_metrics[0, 0]))
    names = ("loss", "gradient norm", "change", "next loss")
    for name, value, pinned in zip(names, found, GOLDEN[optimizer], strict=True):
        assert value == pytest.approx(pinned, rel=1e-5), SUSPECTS.format(
            file=__file__, name=name, found=value, pinned=pinned
        )
