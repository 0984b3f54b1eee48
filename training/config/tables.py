"""The tables of config.toml that training reads, each a frozen model, with the defaults that config.toml shows."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from model.config import MIN_VOCAB_SIZE, SamplingParams

Auto = Literal["auto"]
Rate = Annotated[float, Field(ge=0, lt=1)]
"""A part of 1 that is left out."""


class ConfigTable(BaseModel):
    """One table of config.toml: frozen, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=True,
        coerce_numbers_to_str=True,  # data.me = 901 is an id
    )


OWN_FOLDERS = ("checkpoints", "runs", "compiled")
"""What dann keeps in `data.dir`, besides the store."""


class DataConfig(ConfigTable):
    """Where posts are kept and how they become conversations."""

    dir: Path = Path("data")
    url: str = ""
    me: str = ""
    inbox: str = "inbox"
    conversation_gap_minutes: float = Field(60.0, gt=0)
    context_turns: int = Field(8, ge=0)

    @model_validator(mode="after")
    def _the_inbox_is_its_own(self) -> Self:
        """What lies in an inbox is moved away, which must not befall anything else."""
        if (folder := self.inbox_folder) is None:
            return self
        folder, home = folder.resolve(), self.dir.resolve()
        taken = [home, *home.parents, Path.home().resolve(), *(home / name for name in OWN_FOLDERS)]
        if folder in taken:
            raise ValueError(f"inbox must be a folder for nothing else, in which what comes is moved: {folder} is not")
        return self

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store: `url`, or the SQLite file under `dir`."""
        return self.url or f"sqlite:///{self.store_file}"

    @property
    def store_file(self) -> Path:
        """Where the store is, if `url` does not say otherwise."""
        return self.dir / "posts.db"

    @property
    def inbox_folder(self) -> Path | None:
        """Where exports are dropped to be imported, in `dir` unless `inbox` is absolute; None: nowhere."""
        return self.dir / Path(self.inbox).expanduser() if self.inbox else None

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints and CURRENT are."""
        return self.dir / "checkpoints"

    @property
    def runs(self) -> Path:
        """Where each training run keeps its metrics, and what resuming needs."""
        return self.dir / "runs"


class TokenizerConfig(ConfigTable):
    """How text is cut into tokens; characters have no use for `vocab_size`."""

    kind: Literal["bpe", "characters"] = "bpe"
    vocab_size: Auto | Annotated[int, Field(ge=MIN_VOCAB_SIZE, le=65_536)] = "auto"


class NetworkConfig(ConfigTable):
    """The network; "auto" is settled from the text, minutes and cores (training/runs/sizing.py)."""

    architecture: str = "lstm"
    embed_dim: int = Field(128, ge=0)
    hidden_dim: Auto | PositiveInt = "auto"
    num_layers: PositiveInt = 1
    tie_embeddings: bool = False
    embedding_dropout: Auto | Rate = "auto"
    input_dropout: Rate = 0.0
    hidden_dropout: Rate = 0.0
    dropout: Auto | Rate = "auto"
    weight_drop: Auto | Rate = "auto"

    @model_validator(mode="after")
    def _tying_needs_an_embedding(self) -> Self:
        if self.tie_embeddings and not self.embed_dim:
            raise ValueError("tie_embeddings needs embed_dim above 0: one-hot input has no embedding to tie")
        return self


class TrainConfig(ConfigTable):
    """One training run: how long, on what, and how weights move."""

    minutes: float = Field(10.0, gt=0, le=7 * 24 * 60)
    steps: int = Field(0, ge=0)
    epochs: int = Field(0, ge=0)
    seed: int = Field(0, ge=0, lt=2**31)
    batch_size: PositiveInt = 32
    bptt_length: PositiveInt = 64
    random_offsets: bool = True
    resets: float = Field(0.0, ge=0, le=1)
    other_weight: float = Field(1.0, ge=0, le=1)
    init_range: float = Field(0.0, ge=0)
    optimizer: Literal["adamw", "rmsprop", "sgd"] = "adamw"
    learning_rate: float = Field(0.01, gt=0)
    rate_scaling: Literal["none", "sqrt", "linear"] = "none"
    reference_batch: PositiveInt = 32
    schedule: Literal["cosine", "linear", "wsd", "exponential", "constant"] = "cosine"
    warmup: float = Field(0.03, ge=0, lt=1)
    decay_fraction: float = Field(0.2, gt=0, le=1)
    decay_after_epochs: int = Field(10, ge=0)
    decay_per_epoch: float = Field(0.97, gt=0, le=1)
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.99, ge=0, lt=1)
    momentum: float = Field(0.9, ge=0, lt=1)
    rms_decay: float = Field(0.95, ge=0, lt=1)
    weight_decay: float = Field(0.05, ge=0)
    clip_norm: float = Field(1.0, ge=0)
    clip_value: float = Field(0.0, ge=0)
    average: float = Field(0.99, ge=0, lt=1)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    devices: Auto | PositiveInt = "auto"
    hosts: PositiveInt = 1
    host: int = Field(0, ge=0)
    coordinator: str = ""
    evaluations: PositiveInt = 6
    save_seconds: float = Field(30.0, gt=0)

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.steps and self.epochs:
            raise ValueError("steps and epochs both say when the run ends: set one of them to 0")
        return self

    @model_validator(mode="after")
    def _hosts_can_meet(self) -> Self:
        if self.host >= self.hosts:
            raise ValueError(f"host must be below hosts, from 0 to {self.hosts - 1}: it is {self.host}")
        if self.hosts > 1 and not re.fullmatch(r"[^\s/]+:[1-9]\d{0,4}", self.coordinator):
            raise ValueError(f'coordinator must be "address:port" of host 0 where hosts is {self.hosts}')
        if self.batch_size % self.hosts:
            raise ValueError(f"batch_size is dealt out over hosts: make it a multiple of {self.hosts}")
        return self

    @model_validator(mode="after")
    def _the_rate_rises_before_it_falls(self) -> Self:
        if self.schedule == "wsd" and self.warmup + self.decay_fraction > 1:
            raise ValueError("warmup and decay_fraction are parts of the run: with schedule wsd, at most 1 together")
        return self


class EvalConfig(ConfigTable):
    """How a checkpoint is judged."""

    samples: int = Field(500, ge=10, le=100_000)
    seed: int = Field(0, ge=0, lt=2**31)


class RetrainConfig(ConfigTable):
    """When training anew is worth it, how it begins, and what its candidate must be to be published (gate.py)."""

    min_new_posts: int = Field(50, ge=0)
    start: Literal["scratch", "warm", "shrink_perturb"] = "shrink_perturb"
    minutes: float = Field(10.0, gt=0, le=7 * 24 * 60)
    tolerance: float = Field(0.02, ge=0, le=1)
    samples: int = Field(300, ge=20, le=10_000)
    longest_copy: int = Field(30, ge=0)
    copied: float = Field(0.05, ge=0, le=1)
    variety: float = Field(0.85, ge=0, le=1)
    same: float = Field(0.1, ge=0, le=1)
    keep: PositiveInt = 5


class Settings(BaseSettings):
    """Every table that training needs; bot/config.py adds its own in a subclass. Made by training/config/load.py."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="DANN_", env_nested_delimiter="__")

    data: DataConfig = DataConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    model: NetworkConfig = NetworkConfig()
    train: TrainConfig = TrainConfig()
    eval: EvalConfig = EvalConfig()
    retrain: RetrainConfig = RetrainConfig()
    sample: SamplingParams = SamplingParams()
