"""The tables of config.toml that training reads, and the one way any entry point reads settings.

Order of precedence: `--set table.key=value`, the environment (`DANN_TABLE__KEY`), config.toml, the defaults below.
Read once in the entry point and handed down; nothing here happens at import.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from model.config import Input
from model.errors import DannError
from model.sampling import SamplingParams

CONFIG_FILE = Path("config.toml")
ENV_PREFIX = "DANN_"
Auto = Literal["auto"]


class Table(BaseModel):
    """One table of config.toml: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


class DataConfig(Table):
    """Where posts are kept and how they become conversations."""

    dir: Path = Path("data")
    url: str = ""
    me: str = ""
    conversation_gap_minutes: float = Field(60.0, gt=0)
    context_turns: int = Field(8, ge=0)

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store: `url`, or the SQLite file under `dir`."""
        return self.url or f"sqlite:///{self.dir / 'posts.db'}"


class TokenizerTable(Table):
    """How text is cut into tokens."""

    vocab_size: Auto | int = Field("auto")


class ModelTable(Table):
    """The network; "auto" is settled from the amount of text and the minutes (training/sizing.py)."""

    architecture: str = "lstm"
    input: Input = "one-hot"
    embed_dim: Auto | PositiveInt = "auto"
    hidden_dim: Auto | PositiveInt = "auto"
    num_layers: Auto | PositiveInt = "auto"
    tie_embeddings: bool = False
    dropout: Auto | float = "auto"


class TrainConfig(Table):
    """One training run."""

    minutes: float = Field(10.0, gt=0, le=7 * 24 * 60)
    steps: int = Field(0, ge=0)
    seed: int = Field(0, ge=0, lt=2**31)


class Settings(BaseSettings):
    """Every table that training needs. `bot.config` adds its own in a subclass."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_nested_delimiter="__", nested_model_default_partial_update=True
    )
    # Tables of the same file that belong to the layer above, which `python -m training` must not trip over.
    others: ClassVar[frozenset[str]] = frozenset({"persona"})

    data: DataConfig = DataConfig()
    tokenizer: TokenizerTable = TokenizerTable()
    model: ModelTable = ModelTable()
    train: TrainConfig = TrainConfig()
    sample: SamplingParams = SamplingParams()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (the signature is pydantic-settings')
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`init_settings` holds file and --set already merged by `load`; the environment goes in between there."""
        return (init_settings, env_settings)


S = TypeVar("S", bound=Settings)
