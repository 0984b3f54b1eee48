"""Stores on SQLite and, if installed, on PostgreSQL."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from training.store.posts import PostStore, open_store
from training.store.tables import METADATA


def postgres_programs() -> Path | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    return folders[0] if folders else Path(found).resolve().parent if found else None


def as_unprivileged(command: Sequence[str]) -> list[str]:
    """Run a command as nobody (65534), because PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", *command]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a real server for this folder's tests, on a socket in a temporary folder."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine (initdb is in neither /usr/lib/postgresql/*/bin nor PATH)")
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("PostgreSQL does not run as root and there is no setpriv to become somebody else")
    folder = Path(tempfile.mkdtemp(prefix="dann-pg-"))  # pytest's own folders may be entered by their maker alone
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
    data, log = folder / "data", folder / "log"
    ctl = [str(programs / "pg_ctl"), "-D", str(data), "-l", str(log), "-w"]
    init = [str(programs / "initdb"), "-D", str(data), "-U", "dann", "-A", "trust", "-E", "UTF8", "--no-sync"]
    made = subprocess.run(as_unprivileged(init), cwd=folder, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"initdb does not run here: {made.stderr.strip().splitlines()[-1:]}")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    subprocess.run(as_unprivileged([*ctl, "-o", options, "start"]), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    try:
        yield f"postgresql://dann@/postgres?host={folder}"
    finally:
        subprocess.run(
            as_unprivileged([*ctl, "-m", "immediate", "stop"]), cwd=folder, stdout=subprocess.DEVNULL, check=True
        )
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'posts.db'}"
    server: str = request.getfixturevalue("postgres")
    engine = create_engine(server.replace("postgresql:", "postgresql+psycopg:"))
    METADATA.drop_all(engine)
    engine.dispose()
    return server


@pytest.fixture
def store(url: str) -> Iterator[PostStore]:
    with open_store(url) as opened:
        yield opened
