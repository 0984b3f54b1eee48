"""An experiment's file: a question, and settings laid over config.toml's. Trains nothing."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from model.errors import DannError
from training.config.load import load_settings
from training.config.table import ConfigTable
from training.config.tables import Settings
from training.lab.sweep_table import SweepTable

FOLDER = Path("experiments")


class ExperimentTable(ConfigTable):
    """The question, and the text to train on.

    `text` "" is the store's posts; `train_fraction` is the share of a text that is trained on. `mixed` scores the text a
    third time, the network mixed with a context model; it takes a minute or two per megabyte. Of posts, `test` holds the
    newest tenth out once more, of which nothing is chosen, and the figures are of that; `posts` trains on so many own posts
    just before it, 0 on all; without `others`, others' posts are left out. `thinking` are pauses behind each token of a text,
    steps that the network has before it answers. `matters` is the smallest difference worth an answer, in the figure's unit.
    """

    question: str = ""
    text: str = ""
    train_fraction: float = Field(0.9, gt=0, lt=1)
    mixed: bool = False
    test: bool = False
    posts: int = Field(0, ge=0)
    others: bool = True
    thinking: int = Field(0, ge=0, le=16)
    matters: float = Field(0.005, gt=0)


class ExperimentSettings(Settings):
    """Every table that training needs, and the experiment's own."""

    experiment: ExperimentTable = ExperimentTable()
    sweep: SweepTable = SweepTable()


def preset_path(name: str) -> Path:
    """The file of experiment `name`, in experiments/ or at a path; raises DannError naming those that there are."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        names = ", ".join(preset_names()) or "none"
        raise DannError(
            f"{path}: there is no such experiment; {FOLDER}/ has: {names}; or give a path that ends in .toml"
        )
    return path


def preset_names() -> list[str]:
    """The experiments in experiments/ of the current folder."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_preset(name: str, file: Path | None, sets: Sequence[str]) -> ExperimentSettings:
    """Load its settings; in order of precedence: --set, the environment, its file, config.toml (or `file`), defaults."""
    path = preset_path(name)
    settings = load_settings(ExperimentSettings, file, sets, overlay=path)
    check_mixed(path, settings)
    return settings


def check_mixed(path: Path, settings: ExperimentSettings) -> None:
    """Raise DannError where a text would be mixed with a context model that is not read as it is."""
    if settings.experiment.mixed and (settings.experiment.thinking or settings.train.carry == "conversation"):
        raise DannError(
            f"{path}: experiment.mixed counts a text as it is: set it to false, or experiment.thinking to 0 and "
            f'train.carry, which is "{settings.train.carry}", to "keep"'
        )


def question_of(path: Path) -> str:
    """The question in an experiment's file, "" where it cannot be read; running it says why."""
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8-sig")).get("experiment", {}).get("question", ""))
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""


KEPT_OVERRIDES = (
    "train.", "model.", "tokenizer.", "finetune.", "experiment.", "sweep.", "data.conversation_gap_minutes",
    "data.context_turns",
)  # fmt: skip
"""Options of --set that results keep: what changes a run and says nothing of the machine or its owner."""


def kept_overrides(sets: Sequence[str]) -> list[str]:
    """Those --set options that change a run and say nothing of the machine or its owner, as a text's path does."""
    return [given for given in sets if given.startswith(KEPT_OVERRIDES) and not given.startswith("experiment.text")]
