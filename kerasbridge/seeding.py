"""Seeding of all random numbers and of the weights of a model: `kb.seed_everything`, `kb.reinitialize`.

Keras does not keep the initializers of most weights. `reinitialize` builds a copy of each layer that has weights, from
its config, and takes the values that the copy starts with.
"""

import contextlib
import random
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np

from kerasbridge import checks, engines
from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras, model_state
from kerasbridge.keras_compat.models import check_model, flatten_layers, optimized_variables
from kerasbridge.keras_compat.seed_generators import is_seed_state, seed_states
from kerasbridge.random import keras_patch
from kerasbridge.random.bits import override_seeds
from kerasbridge.random.generator import fold_in, host_rng_state, preserve_host_rng, set_host_rng_state

_REMEDY = "Give it get_config(), or build the model again inside kb.seed_everything."


class seed_everything:  # noqa: N801 - called like a function, with `with` like a scope
    """Seed Python's `random`, NumPy, Keras and the backend, and turn on portable random numbers.

    As a function call, this lasts until the process ends. As a ``with`` statement, it restores the states of `random`
    and NumPy and the random functions of Keras at the end. Models built meanwhile start from the same weights, bit for
    bit, on every backend.

    Args:
        seed: an integer from 0 to 2**32 - 1.

    Raises:
        ArgumentError: the seed is not such an integer.

    Example:
        >>> import kerasbridge as kb
        >>> with kb.seed_everything(7):
        ...     model = kb.models.mlp()
    """

    def __init__(self, seed: int) -> None:
        checks.check_seed(seed)
        self._state = host_rng_state()
        engines.current()
        keras_patch.enter_portable_random()
        keras.utils.set_random_seed(seed)
        keras_patch.seed_draws_without_seed(seed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        set_host_rng_state(self._state)
        keras_patch.leave_portable_random()


def seed_random_layers(model: keras.Model, seed: int, variables: Iterable[Any] = ()) -> None:
    """Reset every seed generator of the model to a state derived from the seed and its position in the model.

    Seed generators among `variables` that are not part of the model follow after those of the model.
    """
    states = {id(state): state for state in [*seed_states(model), *filter(is_seed_state, variables)]}
    for position, state in enumerate(states.values()):
        state.assign(np.array([fold_in(seed, "random layer", position), 0], dtype="int64"))


@contextlib.contextmanager
def seeded_host_rngs(seed: int) -> Iterator[None]:
    """Seed `random` and NumPy while open, and restore their states at the end."""
    with preserve_host_rng():
        random.seed(seed)
        np.random.seed(seed)
        yield


def reinitialize(model: keras.Model, seed: int) -> None:
    """Draw new values for every weight of a built model, by its initializer, from the seed and the weight's position.

    The same seed results in the same weights, bit for bit, on every backend, regardless of when the model was built and
    what was drawn since; seeds of the initializers are ignored. Random layers are reset, as with ``fit(seed=…)``, and
    so are the optimizers of the model, which keep their learning rates. State set by `adapt` is kept.

    Args:
        model: a built Keras model, compiled or not; changed in place.
        seed: an integer from 0 to 2**32 - 1.

    Raises:
        ArgumentError: the seed is not such an integer, the model is not built, or a layer with weights cannot be built
            again from its `get_config`.

    Example:
        >>> import kerasbridge as kb
        >>> model = kb.models.mlp()
        >>> kb.reinitialize(model, 7)
        >>> first = model.get_weights()[0]
        >>> kb.reinitialize(model, 7)
        >>> bool((model.get_weights()[0] == first).all())
        True
    """
    check_model(model)
    checks.check_seed(seed)
    engines.current()
    if not model.built:
        raise ArgumentError(
            "Expected a built model, received one without weights. Call model.build(input_shape) first."
        )
    initial_values: list[tuple[Any, Any]] = []
    for position, layer in enumerate(_layers_with_weights(model)):
        layer_seed = fold_in(seed, "weights of a layer", position)
        with override_seeds(layer_seed), keras_patch.portable_random(), seeded_host_rngs(layer_seed):
            if not hasattr(layer, "adapt"):
                initial_values += zip(_own_weights(layer), _initial_values(layer), strict=True)
    for variable, value in [*initial_values, *_initial_optimizer_state(model)]:
        variable.assign(value)
    seed_random_layers(model, seed)


def _layers_with_weights(model: Any) -> list[Any]:
    """Return the layers, and the model, that have weights of their own, apart from those of their sublayers."""
    layers = {id(layer): layer for layer in [*flatten_layers(model), model]}
    return [layer for layer in layers.values() if _own_weights(layer)]


def _own_weights(layer: Any) -> list[Any]:
    inner_ids = {
        id(weight) for sublayer in flatten_layers(layer) if sublayer is not layer for weight in sublayer.weights
    }
    return [weight for weight in layer.weights if id(weight) not in inner_ids]


def _initial_values(layer: Any) -> list[Any]:
    """Return new values for the layer's own weights, drawn by its initializers."""
    try:
        with keras.saving.custom_object_scope(_custom_objects(layer)):
            copy = type(layer).from_config(layer.get_config())
        copy.build_from_config(layer.get_build_config() or {})
    except Exception as error:
        raise ArgumentError(
            f"Expected layers that can be built from their get_config(), received {type(layer).__name__}, which "
            f"cannot: {type(error).__name__}: {str(error).strip()}. {_REMEDY}"
        ) from error
    values = [weight.value for weight in _own_weights(copy)]
    shapes = [weight.shape for weight in _own_weights(layer)]
    if [value.shape for value in values] != shapes:
        raise ArgumentError(
            f"Expected {type(layer).__name__} to be described by its get_config(), received weights of the shapes "
            f"{[tuple(value.shape) for value in values]} from it, and {[tuple(shape) for shape in shapes]} in the "
            f"model. {_REMEDY}"
        )
    return values


def _custom_objects(layer: Any) -> dict[str, Any]:
    """Return the initializers, activations and the like of the layer by name, so that they need not be registered."""
    parts = [part for part in vars(layer).values() if callable(part) and not isinstance(part, keras.layers.Layer)]
    named_parts = {part.__name__: part for part in parts if hasattr(part, "__name__")}
    return {**named_parts, **{type(part).__name__: type(part) for part in parts if not hasattr(part, "__name__")}}


def _initial_optimizer_state(model: Any) -> list[tuple[Any, Any]]:
    """Return the variables of all optimizers of the model, each with its initial value."""
    initial_values: list[tuple[Any, Any]] = []
    for optimizer in model_state.optimizers_of(model):
        if optimizer.built:
            fresh = type(optimizer).from_config(optimizer.get_config())
            fresh.build(optimized_variables(optimizer))
            states, initial_states = map(model_state.optimizer_variables, (optimizer, fresh))
            initial_values += [
                (state, initial_state.value) for state, initial_state in zip(states, initial_states, strict=True)
            ]
    return initial_values
