"""The file that says of each text how often it is read, where it is from and under which licence. Knows no text.

language = "English"
licence = "CC BY 4.0"           # of the weights

[sources.chitchat]              # the file's name without .jsonl.xz
weight = 2.0
licence = "MIT"
origin = "chitchat-dataset 0.9.0"
attribution = "the BYU chit-chat dataset, Brigham Young University"
"""

import tomllib
from pathlib import Path

from pydantic import Field, ValidationError

from model.errors import DannError
from training.config.table import ConfigTable


class SourceTable(ConfigTable):
    """One text. `weight` is how many times it is read in one pass over all texts."""

    weight: float = Field(1.0, gt=0, le=100)
    origin: str = ""
    licence: str = ""
    attribution: str = ""


class SourcesFile(ConfigTable):
    """All texts, by name, and what is said of the base as a whole."""

    language: str = ""
    licence: str = ""
    sources: dict[str, SourceTable] = Field(default_factory=dict)


def read_sources(path: Path | None) -> SourcesFile:
    """Read the file, or the defaults where there is none; raises DannError for what it must not hold."""
    if path is None:
        return SourcesFile()
    try:
        return SourcesFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise DannError(f"{path}: cannot be read ({error.strerror}); give --sources a file that is there") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise DannError(
            f"{path}: {key}: {first['msg']}; a source takes weight, origin, licence, attribution"
        ) from error
    except (ValueError, RecursionError) as error:  # no TOML, or no UTF-8
        raise DannError(f"{path}: is not TOML in UTF-8 ({error})") from error
