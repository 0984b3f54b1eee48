"""What is inspected: a network, its text and its settings at a size for probes, and one pass over a window.

Everything of the project is looked up when it is needed, through its module, so that what is inspected is what runs.
Shape suffixes: S rows, T steps of a window, T1 = T + 1, V the vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model import architectures, tokenizer
from model.architectures import LanguageModel
from model.checkpoints.checkpoint import Snapshot
from model.config import MIN_VOCAB_SIZE, ModelConfig
from model.errors import DannError
from model.tokenizer import Tokenizer
from training.config.tables import Settings, TrainConfig
from training.data import corpus as data_corpus
from training.data import dataset as data_dataset
from training.data.dataset import Dataset
from training.inspect.reference import mean_nats, peak_rate
from training.inspect.sample_text import ALPHABET, sample_posts
from training.runs import sizing
from training.store.post import Post

MOST_ROWS, MOST_STEPS = 8, 32
"""A probe's batch and window are no larger: bugs show in small ones, and quickly."""
SMALL = sizing.Size(vocab_size=320, hidden_dim=64, dropout=0.1, weight_drop=0.1, embedding_dropout=0.1)
"""What "auto" stands for here: the shipped text is little, and a bug shows in a small network too."""
LIVELY_SEED = 7


@dataclass(frozen=True)
class WindowPass:
    """One pass over a window: `logits[S, T, V]`, the carry after it, the mean loss and its gradient by name."""

    logits: np.ndarray
    carry: Any
    loss: float
    gradient: dict[str, np.ndarray]


class Subject:
    """A network under inspection, with everything the probes share. Compiles nothing before it is asked to."""

    def __init__(self, settings: Settings, snapshot: Snapshot | None = None) -> None:
        settings = sizing.settled(settings, SMALL)
        own = settings.train
        self.train: TrainConfig = own.model_copy(
            update={
                "batch_size": min(own.batch_size, MOST_ROWS),
                "bptt_length": min(own.bptt_length, MOST_STEPS),
                "learning_rate": peak_rate(own),
                "rate_scaling": "none",  # it was scaled with the batch that is configured
                "devices": 1,
                "hosts": 1,
                "minutes": 10_000.0,  # by steps
            }
        )
        self.settings, self.snapshot = settings, snapshot
        self.rows, self.steps = self.train.batch_size, self.train.bptt_length

    @cached_property
    def posts(self) -> list[Post]:
        """The posts that the network learns; of a checkpoint, those that its tokenizer can spell."""
        posts = sample_posts()
        if self.snapshot is None:
            return posts
        spelled = [post for post in posts if _spells(self.snapshot.tokenizer, post.text)]
        if sum(post.mine for post in spelled) < data_corpus.MIN_POSTS:
            raise DannError(
                f"checkpoint {self.snapshot.id}: its tokenizer spells {len(spelled)} of {len(posts)} posts of the text that "
                "is inspected with; inspect its architecture by name"
            )
        return spelled

    @cached_property
    def corpus(self) -> data_corpus.Corpus:
        """The posts, split."""
        return data_corpus.build_corpus(self.posts, self.settings.data)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The checkpoint's tokenizer, or one of the configured kind."""
        if self.snapshot is not None:
            return self.snapshot.tokenizer
        return make_tokenizer(self.settings.tokenizer.kind, int(self.settings.tokenizer.vocab_size), self.posts)

    @cached_property
    def dataset(self) -> Dataset:
        """Both parts of the text as tokens."""
        parts = self.corpus.train, self.corpus.val
        return data_dataset.build_dataset(*parts, self.tokenizer, self.train.other_weight, self.train.seed)

    @cached_property
    def shape(self) -> ModelConfig:
        """The network's shape, with its dropout."""
        if self.snapshot is not None:
            return self.snapshot.model.config
        table = self.settings.model.model_dump()
        return ModelConfig.model_validate(table | {"vocab_size": self.tokenizer.vocab_size})

    @cached_property
    def model(self) -> LanguageModel:
        """The network without dropout, as it begins, or with the checkpoint's weights."""
        return self.build()

    def build(self, **changes: Any) -> LanguageModel:
        """Another network like it, without dropout where `changes` of its shape name none."""
        shape = self.shape.without_dropout().model_copy(update=changes)
        model = architectures.build(shape, self.train.seed)
        if self.snapshot is not None and not changes:
            nnx.update(model, nnx.state(self.snapshot.model, nnx.Param))
        return model

    @cached_property
    def start(self) -> dict[str, np.ndarray]:
        """The weights it begins with, by name."""
        return named(nnx.state(self.model, nnx.Param))

    @cached_property
    def lively(self) -> dict[str, np.ndarray]:
        """Weights stirred so that every part has an effect: a new network's logits are so alike that bugs hide."""
        rng = np.random.default_rng(LIVELY_SEED)
        return {
            name: (1.5 * array + rng.standard_normal(array.shape) * (array.shape[0] ** -0.5 if array.ndim > 1 else 0.2))
            .astype(np.float32)
            for name, array in self.start.items()
        }  # fmt: skip

    @property
    def vivid(self) -> dict[str, np.ndarray]:
        """The lively weights, doubled: a network so sure of itself, and with so long a memory, that small slips show."""
        return {name: 2.0 * array for name, array in self.lively.items()}

    def state(self, params: Mapping[str, np.ndarray]) -> Any:
        """Parameters by name as the state of the network."""
        return unnamed(nnx.state(self.model, nnx.Param), params)

    def empty_carry(self, rows: int = 0) -> Any:
        """The carry before the first token, on the host."""
        return jax.device_get(self.model.initial_carry(rows or self.rows))

    def run(
        self,
        params: Mapping[str, np.ndarray],
        tokens_SxT1: np.ndarray,
        weights_SxT: np.ndarray | None = None,
        carry: Any = None,
    ) -> WindowPass:
        """Read a window `[S, T + 1]`, of which each token is the target of the one before it."""
        weights = np.ones(np.shape(tokens_SxT1[:, 1:]), np.float32) if weights_SxT is None else weights_SxT
        carry = self.empty_carry(len(tokens_SxT1)) if carry is None else carry
        logits, after, gradient = jax.device_get(self._program(self.state(params), tokens_SxT1, weights, carry))
        logits = np.asarray(logits, np.float64)
        return WindowPass(logits, after, mean_nats(logits, tokens_SxT1[:, 1:], weights), named(gradient))

    @cached_property
    def _program(self) -> Any:
        graph = nnx.graphdef(self.model)

        def read(params: Any, tokens_SxT1: jax.Array, weights_SxT: jax.Array, carry: Any) -> Any:
            def loss(params: Any) -> Any:
                network: Any = nnx.merge(graph, params)
                logits, after = network(tokens_SxT1[:, :-1], carry)
                picked = jnp.take_along_axis(jax.nn.log_softmax(logits), tokens_SxT1[:, 1:, None], -1)[..., 0]
                return -(picked * weights_SxT).sum() / jnp.maximum(weights_SxT.sum(), 1.0), (logits, after)

            gradient, (logits, after) = jax.grad(loss, has_aux=True)(params)
            return logits, after, gradient

        return jax.jit(read)

    def step_through(self, params: Mapping[str, np.ndarray], tokens_SxT: np.ndarray, carry: Any = None) -> np.ndarray:
        """Logits `[S, T, V]` of tokens read one at a time, as replies are drawn."""
        carry = self.empty_carry() if carry is None else carry
        return np.asarray(self._step_program(self.state(params), tokens_SxT, carry), np.float64)

    @cached_property
    def _step_program(self) -> Any:
        graph = nnx.graphdef(self.model)

        def read(params: Any, tokens_SxT: jax.Array, carry: Any) -> jax.Array:
            def step(carry: Any, tokens_S: jax.Array) -> tuple[Any, jax.Array]:
                network: Any = nnx.merge(graph, params)
                logits, carry = network(tokens_S[:, None], carry)
                return carry, logits[:, 0]

            return jax.lax.scan(step, carry, tokens_SxT.T)[1].swapaxes(0, 1)

        return jax.jit(read)

    def read_whole(self, params: Mapping[str, np.ndarray], tokens_SxT: np.ndarray) -> np.ndarray:
        """Logits `[S, T, V]` of a text of any length in one window, from an empty carry."""
        graph = nnx.graphdef(self.model)
        program = jax.jit(lambda params, tokens, carry: nnx.merge(graph, params)(tokens, carry)[0])
        return np.asarray(program(self.state(params), tokens_SxT, self.empty_carry()), np.float64)

    @cached_property
    def random_tokens(self) -> np.ndarray:
        """A window of random tokens without BOS `[S, T + 1]`."""
        rng = np.random.default_rng(1)
        return rng.integers(1, self.shape.vocab_size, (self.rows, self.steps + 1)).astype(np.int32)


def _spells(tokenizer: Tokenizer, text: str) -> bool:
    try:
        tokenizer.encode(text)
    except DannError:
        return False
    return True


def current(module: ModuleType, name: str) -> Any:
    """What a module calls by this name now, which is what its functions call."""
    return getattr(module, name)


def make_tokenizer(kind: str, vocab_size: int, posts: Sequence[Post]) -> Tokenizer:
    """A tokenizer of this kind for these posts, made by the project."""
    if kind == "characters":
        return tokenizer.Tokenizer.of_characters([ALPHABET])
    return tokenizer.Tokenizer.train([post.text for post in posts], max(vocab_size, MIN_VOCAB_SIZE))


def named(state: Any) -> dict[str, np.ndarray]:
    """A network's state by dotted name, on the host."""
    pairs, _ = jax.tree_util.tree_flatten_with_path(state)
    return {_dotted(path): np.asarray(leaf) for path, leaf in pairs}


def unnamed(state: Any, params: Mapping[str, np.ndarray]) -> Any:
    """`named` undone, with the structure of `state`."""
    pairs, structure = jax.tree_util.tree_flatten_with_path(state)
    return jax.tree.unflatten(structure, [params[_dotted(path)] for path, _ in pairs])


def _dotted(path: Sequence[Any]) -> str:
    keys = [str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", "")))) for key in path]
    return ".".join(key for key in keys if key not in {"", "value"})
