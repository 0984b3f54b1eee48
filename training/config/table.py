"""ConfigTable, what all tables of config.toml are."""

from pydantic import BaseModel, ConfigDict


class ConfigTable(BaseModel):
    """One table of config.toml: frozen, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=True,
        coerce_numbers_to_str=True,  # data.me = 901 is an id
    )
