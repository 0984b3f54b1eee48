"""The committed bundle of the page: made of the sources that stand here, under names that tell its content. Without Node."""

import hashlib
import json
from pathlib import Path

import pytest

from bot.web.http.static_files import FILES, MANIFEST, bundled

CLIENT = FILES.parent / "client"
AGAIN = "the page's bundle is stale: run `make page` (it needs Node) and commit bot/web/static"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest(root: Path) -> str:
    """The digest of all sources, as build.mjs computes it: paths and contents, the locked esbuild and build.mjs included."""
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    own = (path for path in paths if not path.startswith("node_modules/"))
    return sha256("".join(f"{path} {sha256((root / path).read_bytes())}\n" for path in own).encode())


def test_the_bundle_is_made_of_the_sources_that_are_here() -> None:
    manifest = json.loads((FILES / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["sources"] == digest(CLIENT), AGAIN
    locked = json.loads((CLIENT / "package-lock.json").read_text(encoding="utf-8"))
    assert manifest["esbuild"] == locked["packages"]["node_modules/esbuild"]["version"], AGAIN


def test_every_name_tells_its_content_and_nothing_else_is_served() -> None:
    for plain, name in bundled().items():
        stem, _, suffix = plain.rpartition(".")
        assert name == f"{stem}-{sha256((FILES / name).read_bytes())[:10]}.{suffix}", AGAIN
    assert {path.name for path in FILES.iterdir()} == {*bundled().values(), "index.html", MANIFEST}
    assert (FILES / "index.html").read_bytes() == (CLIENT / "index.html").read_bytes(), AGAIN


@pytest.mark.parametrize("change", ["app.js", "package-lock.json", "css/new.css"])
def test_any_source_that_changes_comes_or_goes_makes_it_stale(tmp_path: Path, change: str) -> None:
    for name in ("app.js", "package-lock.json", "css/base.css"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    before = digest(tmp_path)
    (tmp_path / change).write_text("changed")
    changed = digest(tmp_path)
    (tmp_path / change).unlink()
    assert len({before, changed, digest(tmp_path)}) == (2 if change == "css/new.css" else 3)
