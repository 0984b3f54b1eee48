"""An experiment's file: a notebook page that asks one question, and lays its settings over config.toml's. Trains nothing."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from model.errors import DannError
from training.config.load import load_settings
from training.config.tables import ConfigTable, Settings

FOLDER = Path("experiments")


class ExperimentTable(ConfigTable):
    """What is asked, and of which text: `text` "" is the store's posts, `train_fraction` how much of a text is learned.

    `mixed` scores the text a third time, the network mixed with a context model; it takes a minute or two a megabyte.
    """

    question: str = ""
    text: str = ""
    train_fraction: float = Field(0.9, gt=0, lt=1)
    mixed: bool = False


class ExperimentSettings(Settings):
    """Every table that training needs, and the experiment's own."""

    experiment: ExperimentTable = ExperimentTable()


def preset_path(name: str) -> Path:
    """The file of experiment `name`, in experiments/ or at a path; raises DannError naming those there are."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(preset_names()) or "none"
        raise DannError(
            f"{path}: there is no such experiment; {FOLDER}/ has: {known}; or give a path that ends in .toml"
        )
    return path


def preset_names() -> list[str]:
    """The experiments in experiments/ of the present folder."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_preset(name: str, file: Path | None, sets: Sequence[str]) -> ExperimentSettings:
    """Settings of experiment `name`: --set, the environment, its file, config.toml (or `file`), the defaults."""
    return load_settings(ExperimentSettings, file, sets, overlay=preset_path(name))


def question_of(path: Path) -> str:
    """What an experiment's file asks; nothing where it cannot be read, which running it will tell."""
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8")).get("experiment", {}).get("question", ""))
    except (OSError, ValueError, AttributeError):
        return ""
