"""The Keras mask of a tensor as its attribute `_keras_mask`, which metrics read, and which JAX arrays do not have."""

from typing import Any

import jax
import jax.numpy as jnp

from kerasbridge.keras_compat.tensors import stored_mask


def show_masks() -> None:
    """Add the attribute to JAX arrays and tracers; it cannot be set, so that Keras goes on to store masks by itself."""
    for kind in (jax.core.Tracer, type(jnp.zeros(()))):
        shown: Any = kind
        shown._keras_mask = property(stored_mask)
