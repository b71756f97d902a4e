"""The state of Keras's seed generators."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.private_api import private_api

_STATE_NAME = "seed_generator_state"

draw_seed = private_api("draw_seed")
_state = private_api("global state")
_GLOBAL = private_api("name of the global seed generator")


def global_generator() -> Any:
    """Return the generator of draws without a seed.

    Keras refuses it while JAX traces, since a compiled step of Keras would draw the same number each time.
    """
    generator = _state.get_global_attribute(_GLOBAL)
    return private_api("global seed generator")() if generator is None else generator


def seed_global_generator(seed: int) -> None:
    """Seed the draws without a seed.

    The generator stays the same object, since compiled steps refer to its state.
    """
    if not has_global_generator():
        _state.set_global_attribute(_GLOBAL, _own_generator())
    global_generator().state.assign(np.array([seed, 0], dtype="int64"))


def has_global_generator() -> bool:
    """Return whether the generator of draws without a seed exists: Keras creates it at the first such draw."""
    return _state.get_global_attribute(_GLOBAL) is not None


@functools.cache
def _own_generator() -> Any:
    return keras.random.SeedGenerator(0, name="global_seed_generator")


def seed_states(model: Any) -> Sequence[Any]:
    """Return the state variables of the model's seed generators, in the order of its variables."""
    return [variable for variable in model.non_trainable_variables if is_seed_state(variable)]


def is_seed_state(variable: Any) -> bool:
    """Return whether a variable is the state of a seed generator."""
    return bool(variable.name == _STATE_NAME)
