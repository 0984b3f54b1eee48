"""What the contract's tests share."""

from collections.abc import Iterator

import jax.numpy as jnp
import pytest

from model.architectures.parts import attention


@pytest.fixture(scope="module")
def exact_ring() -> Iterator[None]:
    """Keep keys and values in float32, so that all agree to the last digits. How they are rounded: test_attention.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "RING_DTYPE", jnp.float32)
        yield
