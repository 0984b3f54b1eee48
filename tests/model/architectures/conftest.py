"""What the contract's tests share."""

from collections.abc import Iterator

import jax.numpy as jnp
import pytest

from model.architectures import cells
from model.architectures.parts import attention
from tests.model.architectures.networks import TEMPLATE
from training.cli.new import cell_source


@pytest.fixture(scope="module", autouse=True)
def _template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have a cell as `dann new cell` writes it, in a folder that is one of cells' for a while."""
    folder = tmp_path_factory.mktemp("cells")
    (folder / f"{TEMPLATE}.py").write_text(cell_source(TEMPLATE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "__path__", [*cells.__path__, str(folder)])
        yield


@pytest.fixture(scope="module")
def exact_ring() -> Iterator[None]:
    """Keep keys and values in float32, so that all agree to the last digits. How they are rounded: test_attention.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "RING_DTYPE", jnp.float32)
        yield
