"""Compiled programs are kept between runs of the tests, in a folder that does not grow without end or hold half of one."""

import zlib
from pathlib import Path

from tests.conftest import tidy

WHOLE = zlib.compress(bytes(range(256)) * 40)


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*-cache")}


def test_a_program_that_was_cut_short_is_removed(tmp_path: Path) -> None:
    tidy(tmp_path / "none")
    for name, content in (("whole", WHOLE), ("half", WHOLE[:50]), ("empty", b""), ("other", b"\x28\xb5\x2f\xfd rest")):
        (tmp_path / f"{name}-cache").write_bytes(content)
    tidy(tmp_path)
    assert left(tmp_path) == {"whole-cache", "other-cache"}


def test_what_has_grown_too_large_is_removed_and_begun_again(tmp_path: Path) -> None:
    folder = tmp_path / "compiled"
    folder.mkdir()
    (folder / "whole-cache").write_bytes(WHOLE)
    tidy(folder, len(WHOLE))
    assert left(folder) == {"whole-cache"}
    tidy(folder, len(WHOLE) - 1)
    assert not folder.exists()
    tidy(folder)
