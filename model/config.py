"""ModelConfig, the shape of a network, and SamplingParams, how a reply is sampled; validated once.

Imports nothing heavy: every command reads settings, and few of them need JAX.
"""

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

MIN_VOCAB_SIZE = 256 + 3
"""Every byte and the three special tokens."""


class ModelConfig(BaseModel):
    """The shape of one network. Frozen; unknown keys are refused.

    `embed_dim` is the width of the learned embedding, or 0 for one-hot input, where the first layer's input matrix is
    itself the table of rows. `tie_embeddings` uses the embedding as the output matrix too (through a projection when
    `embed_dim != hidden_dim`), so it needs `embed_dim > 0`. Dropout rates (AWD-LSTM's five, Merity et al. 1708.02182), from
    0 to 1: `embedding_dropout` of whole tokens, `input_dropout` of the first layer's inputs, `hidden_dropout` between
    layers, `dropout` before the output, `weight_drop` of recurrent connections.
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

    def without_dropout(self) -> "ModelConfig":
        """The same shape without dropout: networks that agree in it decode by the same programs."""
        rates = ("embedding_dropout", "input_dropout", "hidden_dropout", "dropout", "weight_drop")
        return self.model_copy(update=dict.fromkeys(rates, 0.0))


class SamplingParams(BaseModel):
    """How the tokens of one reply are sampled. Frozen; out-of-range values are refused, never clamped.

    The filters apply in llama.cpp's order (repetition penalty, top-k, top-p, min-p) and temperature comes last.
    Temperature 0 is greedy. `top_k` 0, `top_p` 1, `min_p` 0 and `repetition_penalty` 1 switch a filter off.
    The defaults sample from the network's own distribution without its least likely tokens: sharper ones are told from the
    person more easily (experiments/LOG.md). Sampling is fastest where `top_k` and `top_p` are off (sampling.py).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    temperature: float = Field(1.0, ge=0.0, le=2.0)
    top_k: int = Field(0, ge=0, le=1_000_000)
    top_p: float = Field(1.0, gt=0.0, le=1.0)
    min_p: float = Field(0.003, ge=0.0, le=1.0)
    repetition_penalty: float = Field(1.0, ge=1.0, le=2.0)
    max_tokens: int = Field(160, ge=1, le=4096)
