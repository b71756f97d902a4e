"""The state of Keras's seed generators."""

from collections.abc import Sequence
from typing import Any

from kerasbridge.keras_compat.private_api import private_api

_STATE_NAME = "seed_generator_state"

draw_seed = private_api("draw_seed")
global_generator = private_api("global seed generator")


def seed_states(model: Any) -> Sequence[Any]:
    """Return the state variables of the model's seed generators, in the order of its variables."""
    return [variable for variable in model.non_trainable_variables if is_seed_state(variable)]


def is_seed_state(variable: Any) -> bool:
    """Return whether a variable is the state of a seed generator."""
    return bool(variable.name == _STATE_NAME)
