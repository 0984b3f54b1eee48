"""What `/api/card` answers, as a form. Figures, ids, times and reasons: no field holds a post."""

from pydantic import BaseModel

from model.checkpoints.curve import Point
from model.config import SamplingParams
from training.store.retrain_outcome import RunVerdict


class CardServing(BaseModel):
    """The checkpoint that answers. `created` is ISO 8601, `newest_post` Unix seconds, `bytes` what its weights take.

    `val_bpb` is in bits per byte of held-out posts; it was learned in so many `seconds` and `steps`.
    """

    id: str
    created: str
    posts: int
    newest_post: float | None
    params: int
    bytes: int
    vocab_size: int
    architecture: str
    hidden_dim: int
    num_layers: int
    val_bpb: float
    seconds: float
    steps: int


class CardCheckpoint(BaseModel):
    """One checkpoint that is there; None is what cannot be read of it."""

    id: str
    created: str | None
    posts: int | None
    val_bpb: float | None
    current: bool


class CardRun(BaseModel):
    """One retraining. `started` is Unix seconds; figures are bits per byte of the same held-out posts; None is not known."""

    started: float
    verdict: RunVerdict
    reason: str
    candidate: str | None
    candidate_bpb: float | None
    incumbent_bpb: float | None
    new_posts: int | None
    seconds: float | None


class CardHistory(BaseModel):
    """What disk and store tell: of what serves, and of what came before it, newest first.

    `baselines` are bits per byte by name, `curve` points of seconds, steps, and bits per byte of what was being learned and
    of held-out posts.
    """

    checkpoint: CardServing | None
    baselines: dict[str, float] | None
    curve: list[Point]
    checkpoints: list[CardCheckpoint]
    runs: list[CardRun]


class CardRetraining(BaseModel):
    """How far the retraining is that runs: `share` of `part`, from 0 to 1."""

    part: str
    share: float
    val_bpb: float | None


class Card(CardHistory):
    """All of it. `defaults` are how replies are drawn where nothing else is asked for; `quiz`: whether there is one."""

    name: str
    retraining: CardRetraining | None
    defaults: SamplingParams
    quiz: bool
