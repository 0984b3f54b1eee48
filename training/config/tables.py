"""The tables of config.toml that training reads, as frozen models with their defaults."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from model.config import MIN_VOCAB_SIZE, SamplingParams
from training.config.privacy import PrivacyConfig
from training.config.table import ConfigTable

Auto = Literal["auto"]
Rate = Annotated[float, Field(ge=0, lt=1)]
"""The share of values that dropout zeroes."""


OWN_FOLDERS = ("checkpoints", "runs", "bases", "compiled", "servers")
"""Folders that dann keeps in `data.dir`, besides the store."""


class DataConfig(ConfigTable):
    """Paths of posts and checkpoints, and how posts become conversations."""

    dir: Path = Path("data")
    url: str = ""
    me: str = ""
    inbox: str = "inbox"
    all_mine: list[Literal["text", "csv", "jsonl"]] = Field([])
    only_chats: list[str] = Field([])
    except_chats: list[str] = Field([])
    keep_imported_days: float = Field(7.0, ge=0)
    conversation_gap_minutes: float = Field(60.0, gt=0)
    context_turns: int = Field(8, ge=0)

    @model_validator(mode="after")
    def _inbox_is_a_separate_folder(self) -> Self:
        """Refuse folders with other files, because dann moves the files of its inbox."""
        if (folder := self.inbox_folder) is None:
            return self
        folder, data = folder.resolve(), self.dir.resolve()
        in_use = [data, *data.parents, Path.home().resolve(), *(data / name for name in OWN_FOLDERS)]
        if folder in in_use:
            raise ValueError(f"inbox must be a folder for nothing else, as dann moves its files: {folder} is not")
        return self

    @property
    def store_url(self) -> str:
        """The store's SQLAlchemy URL: `url`, or the SQLite file in `dir`."""
        return self.url or f"sqlite:///{self.store_file}"

    @property
    def store_file(self) -> Path:
        """The store's SQLite file, used unless `url` is set."""
        return self.dir / "posts.db"

    @property
    def inbox_folder(self) -> Path | None:
        """The folder of exports to import, in `dir` unless `inbox` is absolute; None for no inbox."""
        return self.dir / Path(self.inbox).expanduser() if self.inbox else None

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints and CURRENT."""
        return self.dir / "checkpoints"

    @property
    def bases(self) -> Path:
        """The folder of bases learned here."""
        return self.dir / "bases"

    @property
    def runs(self) -> Path:
        """The folder of training runs, with metrics and resume files."""
        return self.dir / "runs"


class TokenizerConfig(ConfigTable):
    """The tokenizer; `characters` ignores `vocab_size`."""

    kind: Literal["bpe", "characters"] = "bpe"
    vocab_size: Auto | Annotated[int, Field(ge=MIN_VOCAB_SIZE, le=65_536)] = "auto"


class NetworkConfig(ConfigTable):
    """The network; "auto" is chosen from the text, minutes and cores (training/runs/sizing.py)."""

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
    attention_dim: PositiveInt = 64
    attention_window: PositiveInt = 256
    num_heads: PositiveInt = 4
    feedforward_dim: int = Field(0, ge=0)
    rounds: PositiveInt = 2
    ponder_penalty: float = Field(0.01, ge=0)

    @model_validator(mode="after")
    def _tying_needs_an_embedding(self) -> Self:
        if self.tie_embeddings and not self.embed_dim:
            raise ValueError("tie_embeddings needs embed_dim above 0: one-hot input has no embedding to tie")
        return self


OptimizerName = Literal["adamw", "rmsprop", "sgd", "lion", "muon", "lamb", "madam", "softmax_rate"]
"""What training/loop/optimizers has, by name."""


class TrainConfig(ConfigTable):
    """A training run: its length, data, devices and optimizer."""

    minutes: float = Field(10.0, gt=0, le=7 * 24 * 60)
    steps: int = Field(0, ge=0)
    tokens: int = Field(0, ge=0)
    epochs: int = Field(0, ge=0)
    most_epochs: int = Field(0, ge=0)
    seed: int = Field(0, ge=0, lt=2**31)
    base: str = "auto"
    batch_size: PositiveInt = 32
    bptt_length: PositiveInt = 64
    windows: Literal["stream", "conversations"] = "stream"
    random_offsets: bool = True
    carry: Literal["keep", "refresh", "conversation"] = "keep"
    resets: float = Field(0.0, ge=0, le=1)
    without_context: float = Field(0.0, ge=0, lt=1)
    other_weight: float = Field(1.0, ge=0, le=1)
    init_range: float = Field(0.0, ge=0)
    output_bias: Literal["zero", "frequencies"] = "frequencies"
    loss: Literal["mean", "sum"] = "mean"
    optimizer: OptimizerName = "adamw"
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
    softmax_of: Literal["weight", "distance"] = "distance"
    softmax_tau: float = Field(1.0, gt=0)
    softmax_inner: Literal["adamw", "sgd"] = "adamw"
    softmax_shuffled: bool = False
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
    calibration_replies: int = Field(1000, ge=0, le=100_000)
    save_seconds: float = Field(30.0, gt=0)

    @model_validator(mode="after")
    def _one_stop_condition(self) -> Self:
        given = [key for key in ("steps", "tokens", "epochs") if getattr(self, key)]
        if len(given) > 1:
            raise ValueError(f"{given[0]} and {given[1]} both say when the run ends: set one of them to 0")
        return self

    @model_validator(mode="after")
    def _hosts_can_connect(self) -> Self:
        if self.host >= self.hosts:
            raise ValueError(f"host must be below hosts, from 0 to {self.hosts - 1}: it is {self.host}")
        if self.hosts > 1 and not re.fullmatch(r"[^\s/]+:[1-9]\d{0,4}", self.coordinator):
            raise ValueError(f'coordinator must be "address:port" of host 0 where hosts is {self.hosts}')
        if self.batch_size % self.hosts:
            raise ValueError(f"batch_size is dealt out over hosts: make it a multiple of {self.hosts}")
        return self

    @model_validator(mode="after")
    def _warmup_ends_before_decay(self) -> Self:
        if self.schedule == "wsd" and self.warmup + self.decay_fraction > 1:
            raise ValueError("warmup and decay_fraction are parts of the run: with schedule wsd, at most 1 together")
        return self


class FinetuneConfig(ConfigTable):
    """What replaces keys of [train] where a voice starts from a base."""

    most_epochs: int = Field(8, ge=0)
    batch_size: PositiveInt = 8
    bptt_length: PositiveInt = 128
    windows: Literal["stream", "conversations"] = "stream"
    without_context: float = Field(0.1, ge=0, lt=1)
    other_weight: float = Field(0.3, ge=0, le=1)
    learning_rate: float = Field(0.0015, gt=0)
    weight_decay: float = Field(0.0, ge=0)


class EvalConfig(ConfigTable):
    """The evaluation of a checkpoint."""

    samples: int = Field(500, ge=10, le=100_000)
    seed: int = Field(0, ge=0, lt=2**31)


class RetrainConfig(ConfigTable):
    """Retraining: when, from which weights, and the gate for its candidate (retrain/gate.py)."""

    min_new_posts: int = Field(50, ge=0)
    start: Literal["scratch", "warm", "shrink_perturb"] = "shrink_perturb"
    minutes: float = Field(10.0, gt=0, le=7 * 24 * 60)
    tolerance: float = Field(0.02, ge=0, le=1)
    samples: int = Field(300, ge=20, le=10_000)
    longest_copy: int = Field(30, ge=0)
    copied: float = Field(0.05, ge=0, le=1)
    near_copies: float = Field(0.02, ge=0, le=1)
    recited: float = Field(0.1, ge=0, le=1)
    variety: float = Field(0.85, ge=0, le=1)
    same: float = Field(0.1, ge=0, le=1)
    keep: PositiveInt = 5


class Settings(BaseSettings):
    """All tables that training needs, loaded by load.py; bot/config.py subclasses it."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="DANN_", env_nested_delimiter="__")

    data: DataConfig = DataConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    model: NetworkConfig = NetworkConfig()
    train: TrainConfig = TrainConfig()
    finetune: FinetuneConfig = FinetuneConfig()
    eval: EvalConfig = EvalConfig()
    retrain: RetrainConfig = RetrainConfig()
    sample: SamplingParams = SamplingParams()
