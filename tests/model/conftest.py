"""An architecture with a mistake fails its tests with the line that says what it is, and not with XLA's pages."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from model.architectures import ARCHITECTURES, build
from model.architectures.check import check_architecture
from model.config import ModelConfig
from model.errors import DannError


@pytest.fixture(autouse=True)
def _the_architecture_fits(request: pytest.FixtureRequest) -> None:
    """Check the architectures that a test's parameters name, each once a process."""
    callspec = getattr(request.node, "callspec", None)
    for name in _names(list(callspec.params.values()) if callspec else []):
        if mistake := _mistake(name):
            pytest.fail(mistake, pytrace=False)


def _names(params: Any) -> Iterator[str]:
    if isinstance(params, str) and params in ARCHITECTURES:
        yield params
    elif isinstance(params, list | tuple):
        for param in params:
            yield from _names(param)


@cache
def _mistake(name: str) -> str:
    try:
        check_architecture(build(ModelConfig(architecture=name, vocab_size=13, embed_dim=5, hidden_dim=8), seed=0))
    except DannError as error:
        return str(error)
    return ""
