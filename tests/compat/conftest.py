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
    return folder
