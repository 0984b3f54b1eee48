"""ModelConfig, the shape of a network, and SamplingParams, how a reply is sampled; validated once.

Imports nothing heavy: every command reads settings, and few of them need JAX.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from pydantic.fields import FieldInfo

MIN_VOCAB_SIZE = 256 + 3
"""Every byte and the three special tokens."""


class ModelConfig(BaseModel):
    """The shape of one network. Frozen; unknown keys are refused.

    `embed_dim` is the width of the learned embedding, or 0 for one-hot input, where the first layer's input matrix is
    itself the table of rows. `tie_embeddings` uses the embedding as the output matrix too (through a projection when
    `embed_dim != hidden_dim`), so it needs `embed_dim > 0`. Dropout rates (AWD-LSTM's five, Merity et al. 1708.02182), from
    0 to 1: `embedding_dropout` of whole tokens, `input_dropout` of the first layer's inputs, `hidden_dropout` between
    layers, `dropout` before the output, `weight_drop` of recurrent connections. `attention_dim` is the width of the
    attention head's keys, `attention_window` how many tokens back it sees, where the architecture has one. A transformer has
    `num_heads` heads that share `hidden_dim` evenly, and feed-forward layers of `feedforward_dim` units (0: 8/3 of
    `hidden_dim`, rounded up to a multiple of 8); looped blocks run `rounds` times; halting adds `ponder_penalty` nats to a
    token's loss for each round it takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = "lstm"
    vocab_size: PositiveInt
    embed_dim: int = Field(0, ge=0)
    hidden_dim: PositiveInt = 256
    num_layers: PositiveInt = 1
    tie_embeddings: bool = False
    embedding_dropout: float = Field(0.0, ge=0.0, lt=1.0)
    input_dropout: float = Field(0.0, ge=0.0, lt=1.0)
    hidden_dropout: float = Field(0.0, ge=0.0, lt=1.0)
    dropout: float = Field(0.0, ge=0.0, lt=1.0)
    weight_drop: float = Field(0.0, ge=0.0, lt=1.0)
    attention_dim: PositiveInt = 64
    attention_window: PositiveInt = 256
    num_heads: PositiveInt = 4
    feedforward_dim: int = Field(0, ge=0)
    rounds: PositiveInt = 2
    ponder_penalty: float = Field(0.01, ge=0.0)

    def without_dropout(self) -> "ModelConfig":
        """The same shape without dropout: networks that agree in it decode by the same programs."""
        rates = ("embedding_dropout", "input_dropout", "hidden_dropout", "dropout", "weight_drop")
        return self.model_copy(update=dict.fromkeys(rates, 0.0))


class SamplingParams(BaseModel):
    """Sampling parameters of one reply. Frozen; out-of-range values are refused, never clamped.

    The filters apply in llama.cpp's order (repetition penalty, top-k, top-p, min-p) and temperature comes last.
    Temperature 0 is greedy. `top_k` 0, `top_p` 1, `min_p` 0, `word_min_p` 0 and `repetition_penalty` 1 switch a filter off.
    `guidance` comes before all of them, then `word_min_p`; `candidates` after: each of these is a whole reply. Neither
    guidance nor candidates does anything without a conversation, nor guidance in a network that never learned to reply after
    an empty one (checkpoint.py). The defaults sample the network's own distribution, drawn towards what was said, without its
    least likely tokens and its unlikely words: sharper settings make a reply easier to tell from the person's
    (experiments/LOG.md). With `top_k` and `top_p` off, sampling is fastest (sampling.py).

    The command line, `/dann`, HTTP and the page's dials take names, help, examples and ranges from these fields
    (`SAMPLING_OPTIONS`). `typed_name` is what users type where that is not the field's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    temperature: float = Field(
        1.0, ge=0.0, le=2.0, title="Temperature", examples=[0.8], json_schema_extra={"typed_name": "temp"},
        description="0 always takes the likeliest token, 1 is the voice as learned, 2 is wild",
    )  # fmt: skip
    top_k: int = Field(
        0, ge=0, le=1_000_000, title="Top-k", examples=[40],
        description="choose among this many of the likeliest tokens; 0: among all",
    )  # fmt: skip
    top_p: float = Field(
        1.0, gt=0.0, le=1.0, title="Top-p", examples=[0.9],
        description="choose among the likeliest tokens that together hold this much probability; 1: all",
    )  # fmt: skip
    min_p: float = Field(
        0.003, ge=0.0, le=1.0, title="Min-p", examples=[0.05],
        description="choose among tokens at least this likely, where the likeliest counts as 1; 0: all",
    )  # fmt: skip
    repetition_penalty: float = Field(
        1.0, ge=1.0, le=2.0, title="Repetition penalty", examples=[1.1],
        description="above 1, tokens that are in the reply already become less likely; 1: off",
    )  # fmt: skip
    max_tokens: int = Field(
        160, ge=1, le=4096, title="Length", examples=[100], json_schema_extra={"typed_name": "length"},
        description="the longest the reply may be, in tokens (parts of words)",
    )  # fmt: skip
    guidance: float = Field(
        1.5, ge=0.0, le=3.0, title="Guidance", examples=[1],
        description="above 0, what the conversation makes likelier is made likelier still, by so much; 0: off",
    )  # fmt: skip
    candidates: int = Field(
        1, ge=1, le=4, title="Candidates", examples=[4],
        description="draw this many replies and keep the one that answers best; 1: off",
    )  # fmt: skip
    word_min_p: float = Field(
        0.1, ge=0.0, le=1.0, title="Min-p in words", examples=[0.2],
        description="go on with a word by parts at least this likely, where the likeliest counts as 1; 0: by any",
    )  # fmt: skip

    @property
    def is_chosen(self) -> bool:
        """Whether there are candidates to choose from; at temperature 0 all would be the same."""
        return self.candidates > 1 and self.temperature > 0


MAX_SEED = 2**32 - 1
"""The largest random seed of a reply."""
SEED_HELP = "random seed: the same seed gives the same text again"
SEED_EXAMPLE = "7"


@dataclass(frozen=True, slots=True)
class SamplingOption:
    """One field of SamplingParams as users meet it; `bounds` are pydantic's ge, gt and le."""

    field: str
    typed_name: str
    label: str
    help: str
    example: str
    kind: type[float] | type[int]
    default: float
    bounds: Mapping[str, Any]

    @property
    def minimum(self) -> float:
        """The lower end of the range, which a field with `gt` does not allow itself."""
        return float(self.bounds.get("ge", self.bounds.get("gt")))

    @property
    def maximum(self) -> float:
        """The highest allowed value."""
        return float(self.bounds["le"])


def _sampling_option(name: str, field: FieldInfo) -> SamplingOption:
    extra = field.json_schema_extra
    return SamplingOption(
        field=name,
        typed_name=str(extra["typed_name"]) if isinstance(extra, dict) else name,
        label=field.title or "",
        help=field.description or "",
        example=str((field.examples or [""])[0]),
        kind=int if field.annotation is int else float,
        default=field.default,
        bounds={key: getattr(part, key) for part in field.metadata for key in ("ge", "gt", "le") if hasattr(part, key)},
    )


SAMPLING_OPTIONS = {name: _sampling_option(name, field) for name, field in SamplingParams.model_fields.items()}
"""Every field of SamplingParams, by its name."""
