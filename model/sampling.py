"""From logits to a token id: SamplingParams and pure functions. Knows no text and no network."""

from pydantic import BaseModel, ConfigDict, Field


class SamplingParams(BaseModel):
    """How one reply is drawn. Frozen; out-of-range values are refused, never clamped.

    The filters apply in llama.cpp's order (repetition penalty, top-k, top-p, min-p) and temperature comes last.
    Temperature 0 is greedy. `top_k` 0, `top_p` 1, `min_p` 0 and `repetition_penalty` 1 switch a filter off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    temperature: float = Field(0.8, ge=0.0, le=2.0)
    top_k: int = Field(40, ge=0)
    top_p: float = Field(0.95, gt=0.0, le=1.0)
    min_p: float = Field(0.05, ge=0.0, le=1.0)
    repetition_penalty: float = Field(1.0, ge=1.0, le=2.0)
    max_tokens: int = Field(160, ge=1, le=4096)
