"""What a network is made of: the numbers that decide its shape, validated once and saved beside its weights."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


class ModelConfig(BaseModel):
    """The shape of one network. Frozen; unknown keys are refused.

    `embed_dim` is the width of the learned embedding, or 0 for one-hot input, where the first layer's input matrix is
    itself the table of rows. `tie_embeddings` uses the embedding as the output matrix too (through a projection when
    `embed_dim != hidden_dim`), so it needs `embed_dim > 0`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = "lstm"
    vocab_size: PositiveInt
    embed_dim: int = Field(0, ge=0)
    hidden_dim: PositiveInt = 256
    num_layers: PositiveInt = 1
    tie_embeddings: bool = False
    dropout: float = Field(0.0, ge=0.0, lt=1.0)


Input = Literal["one-hot", "embedding"]
