"""A network that listens finds what its replies answer; a deaf one does not, however sure it is."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model.config import ModelConfig
from model.tokenizer import OTHER, Tokenizer
from training.data.conversations import Conversation, TrainingTurn
from training.evaluation.listening import _interval, listening
from training.evaluation.reply_nats import reply_nats

WORDS = [chr(ord("a") + number) for number in range(20)]
TOKENIZER = Tokenizer.train([], 259)


def conversations() -> list[Conversation]:
    """Twenty, in each of which the person repeats the letter that was said."""
    return [(TrainingTurn(mine=False, text=word), TrainingTurn(mine=True, text=word)) for word in WORDS]


class Listener(nnx.Module):
    """Repeats what stood after the newest OTHER, or always says "a" if `deaf`. Its carry is the token to say."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.config, self.deaf = ModelConfig(vocab_size=TOKENIZER.vocab_size), deaf

    def initial_carry(self, batch_size: int) -> Any:
        return jnp.zeros((batch_size, 1), jnp.int32)

    def __call__(self, tokens: jax.Array, carry: Any, **_: Any) -> tuple[jax.Array, Any]:
        said = jnp.argmax(tokens == OTHER, axis=1) + 1
        heard = jnp.take_along_axis(jnp.asarray(tokens), said[:, None], axis=1)
        target = jnp.full_like(heard, TOKENIZER.encode("a")[0]) if self.deaf else heard
        logits = 5.0 * jax.nn.one_hot(target, TOKENIZER.vocab_size)
        return jnp.broadcast_to(logits, (*tokens.shape, TOKENIZER.vocab_size)), carry


def test_one_that_repeats_finds_every_context_and_a_deaf_one_none() -> None:
    heard = listening(Listener(), TOKENIZER, conversations(), seed=0)
    assert heard is not None
    assert (heard.replies, heard.share) == (20, 1.0)
    assert heard.bits == pytest.approx(5.0 / np.log(2), rel=0.01)
    deaf = listening(Listener(deaf=True), TOKENIZER, conversations(), seed=0)
    assert deaf is not None
    assert deaf.share == 0.0
    assert deaf.bits == pytest.approx(0.0, abs=1e-5)


def test_conversations_without_others_or_too_few_of_them_say_nothing() -> None:
    alone = [(TrainingTurn(mine=True, text=word, alone=True),) for word in WORDS]
    assert listening(Listener(), TOKENIZER, alone, seed=0) is None
    assert listening(Listener(), TOKENIZER, conversations()[:9], seed=0) is None


def test_a_replys_nats_are_those_of_its_tokens_alone_whatever_is_read_beside_it() -> None:
    model: Any = Listener()
    context, reply = [0, OTHER, 10, 1], [10, 11]
    other = ([0, OTHER, 12, 1], [12] * 80)
    expected = -jax.nn.log_softmax(5.0 * jax.nn.one_hot(10, TOKENIZER.vocab_size))[np.asarray(reply)].sum()
    found = reply_nats(model, [other, (context, reply)])
    assert found[1] == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(("share", "count", "low", "high"), [(0.5, 100, 0.404, 0.596), (0.0, 20, 0.0, 0.161)])
def test_intervals_are_wilsons(share: float, count: int, low: float, high: float) -> None:
    np.testing.assert_allclose(_interval(share, count), (low, high), atol=0.001)
