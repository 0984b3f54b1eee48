"""Response body of `/api/card`: figures, ids, times and reasons; no field holds a post."""

from pydantic import BaseModel

from model.checkpoints.curve import Point
from model.config import SamplingParams
from training.store.retrain_outcome import RunVerdict


class CardBase(BaseModel):
    """The base that a checkpoint started from, and whom its texts are owed to; no credits where its datasheet is gone."""

    name: str
    licence: str
    credits: list[str]


class CardCopies(BaseModel):
    """What replies copied from training posts, unguarded: the longest run of words, the share that nearly repeat a post.

    `recited` is the share of `begun` learned posts that were gone on with word for word; None where none is long enough.
    """

    longest_words: int
    near_copies: float
    begun: int
    recited: float | None


class CardServing(BaseModel):
    """The serving checkpoint.

    `created` is ISO 8601, `newest_post` Unix seconds, `bytes` the size of its weights.

    `val_bpb` is in bits per byte of held-out posts; `seconds` and `steps` are what training took; `listening` is the share
    of held-out replies that find what they answer among 10 contexts (0.1 is guessing), None where not measured, as `copies`.
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
    listening: float | None
    copies: CardCopies | None
    base: CardBase | None


class CardCheckpoint(BaseModel):
    """A checkpoint on disk; None stands for what cannot be read."""

    id: str
    created: str | None
    posts: int | None
    val_bpb: float | None
    current: bool


class CardRun(BaseModel):
    """A retraining run.

    `started` is Unix seconds; figures are bits per byte of the same held-out posts; None: unknown.
    """

    started: float
    verdict: RunVerdict
    reason: str
    candidate: str | None
    candidate_bpb: float | None
    incumbent_bpb: float | None
    new_posts: int | None
    seconds: float | None


class CardHistory(BaseModel):
    """Data from disk and store: the serving checkpoint, earlier ones and runs, newest first.

    `baselines` are bits per byte by name; a point of `curve` has seconds, steps, and bits per byte of training posts and of
    held-out posts.
    """

    checkpoint: CardServing | None
    baselines: dict[str, float] | None
    curve: list[Point]
    checkpoints: list[CardCheckpoint]
    runs: list[CardRun]


class CardRetraining(BaseModel):
    """Progress of a running retraining: `share` of `part`, from 0 to 1."""

    part: str
    share: float
    val_bpb: float | None


class Card(CardHistory):
    """The whole card.

    `defaults` are the sampling parameters of [sample]; `quiz`: whether the quiz is on.
    """

    name: str
    retraining: CardRetraining | None
    defaults: SamplingParams
    quiz: bool
