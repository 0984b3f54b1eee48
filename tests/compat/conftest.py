"""The recorded surface of 0eb29d7, and a copy of its data folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.compat.recording import unpack

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def recorded() -> Any:
    """Load what recording.py has written."""
    return json.loads((HERE / "surface-0eb29d7.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def old_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the data folder of 0eb29d7, with config.toml, exports and experiments beside it."""
    folder = tmp_path_factory.mktemp("old")
    unpack(HERE / "folder-0eb29d7.tar.xz", folder)
    config = folder / "config.toml"
    present, was = config.read_text(encoding="utf-8"), "[sample]\n"
    assert was in present
    # A filter that came later and is on by default: texts are the same to the letter without it.
    config.write_text(present.replace(was, f"{was}word_min_p = 0.0\n"), encoding="utf-8")
    return folder
