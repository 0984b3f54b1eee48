"""A second start compiles nothing anew, wherever the first one broke off."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from training import compilation_cache

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from training import compilation_cache
compilation_cache.WORTH_SECONDS = 0
compilation_cache.use_compilation_cache(Path(sys.argv[1]))
import jax, jax.numpy as jnp
jax.config.update("jax_log_compiles", True)
print(jax.jit(lambda x: jnp.tanh(x @ x).sum())(jnp.ones((8, 8))))
"""


def start(folder: Path) -> subprocess.CompletedProcess[str]:
    """A new process that compiles one program; every program is worth keeping."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("JAX_")}
    environment = {**own, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(folder)],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip


def test_programs_are_kept_and_found_again_and_one_cut_short_costs_time_and_nothing_else(tmp_path: Path) -> None:
    first, second = start(tmp_path), start(tmp_path)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert first.stdout == second.stdout
    (kind,) = tmp_path.iterdir()
    assert any(path.name.startswith("jit__lambda") for path in kind.iterdir())
    assert "Persistent compilation cache hit for 'jit__lambda'" in second.stderr
    assert "Persistent compilation cache hit for 'jit__lambda'" not in first.stderr
    (kept,) = tmp_path.glob("*/jit__lambda*-cache")
    kept.write_bytes(kept.read_bytes()[:100])
    third = start(tmp_path)
    assert third.returncode == 0, third.stderr
    assert third.stdout == first.stdout


def test_where_it_cannot_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = start(tmp_path / "file")
    assert found.returncode == 0, found.stderr


def test_whoever_chose_a_place_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_MAX_SIZE", raising=False)
    compilation_cache.use_compilation_cache(tmp_path)
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "elsewhere"
    assert "JAX_COMPILATION_CACHE_MAX_SIZE" not in os.environ
