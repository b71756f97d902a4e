"""One pass over a step that gave a loss or gradient that is not finite: where in it NaN or infinity appears first."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Batch, Step
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import call_model, flatten_layers
from kerasbridge.keras_compat.tensors import path_name
from kerasbridge.training.optimization import observe_gradients

_PARTS = ("x", "y", "sample_weight")


def find_cause(
    model: keras.Model,
    engine: Engine,
    step: Step,
    trained: Sequence[Any],
    batch: Any,
    first: Callable[[str | None], str | None] = lambda cause: cause,
) -> str:
    """Return, as part of a sentence, the array, variable, layer or gradient where it begins.

    The variables are changed as the step changes them. `first` returns what the first of several workers has found that
    has found something, since each looks at its rows.
    """
    of_state = weight_cause(engine, step.variables)  # gradients that an optimizer accumulates, for instance
    return (
        first(array_cause(engine, batch))
        or weight_cause(engine, trained)
        or first(_layer_cause(model, engine, batch))
        or _gradient_cause(engine, step, batch)
        or of_state
        or "every layer and gradient is finite when the step is computed once more"
    )


def array_cause(engine: Engine, batch: Any) -> str | None:
    """Return which array of a batch contains NaN or infinity."""
    for part, nest in zip(_PARTS, batch, strict=False):
        for path, leaf in keras.tree.flatten_with_path(nest):
            array = _floats(engine, leaf)
            if array is not None and not np.isfinite(array).all():
                name = part + path_name(path)
                count = np.count_nonzero(~np.isfinite(array))
                return f"{name} has {count} values that are NaN or infinite in this batch"
    return None


def weight_cause(engine: Engine, variables: Iterable[Any]) -> str | None:
    """Return the first variable that contains NaN or infinity."""
    variables = list(variables)
    if are_finite(engine, variables):
        return None
    path = next(variable.path for variable in variables if not are_finite(engine, [variable]))
    return f"the variable {path} contains NaN or infinity"


def are_finite(engine: Engine, variables: Iterable[Any]) -> bool:
    """Return whether the variables contain no NaN or infinity."""
    return engine.all_finite([engine.read(each.value) for each in variables if _is_float(each)])


def _layer_cause(model: keras.Model, engine: Engine, batch: Any) -> str | None:
    """Return the first layer whose output contains NaN or infinity."""
    found: list[str] = []

    def look(layer: Any, outputs: Any) -> None:
        if not found and not all(_is_finite_output(engine, leaf) for leaf in keras.tree.flatten(outputs)):
            found.append(f"the output of the layer {layer.path or layer.name} contains NaN or infinity")

    # A custom step may call the model in another way.
    with contextlib.suppress(Exception), engine.eager(), _watched(flatten_layers(model), look):
        call_model(model, batch[0], training=True)
    return found[0] if found else None


def _gradient_cause(engine: Engine, step: Step, batch: Any) -> str | None:
    """Return whether the loss is not finite, or the first variable whose gradient is not."""
    found: list[str] = []

    def look(gradients: Iterable[Any], variables: Iterable[Any]) -> None:
        for variable, gradient in zip(variables, gradients, strict=True):
            if not found and gradient is not None and not _is_finite_output(engine, gradient):
                found.append(f"the gradient of {variable.path} contains NaN or infinity")

    with engine.eager(), observe_gradients(lambda target, gradients: look(gradients, target.variables)):
        report, _ = step.run(Batch(*batch))
    if not np.isfinite(engine.to_numpy(report)).all():
        return "the outputs of all layers are finite, the loss is not"
    return found[0] if found else None


@contextlib.contextmanager
def _watched(layers: Sequence[Any], look: Callable[[Any, Any], None]) -> Iterator[None]:
    """Call ``look(layer, outputs)`` after each call of a layer."""
    for layer in layers:
        object.__setattr__(layer, "call", _looking(layer, layer.call, look))
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


def _looking(layer: Any, call: Callable[..., Any], look: Callable[[Any, Any], None]) -> Callable[..., Any]:
    def looking(*arguments: Any, **keywords: Any) -> Any:
        outputs = call(*arguments, **keywords)
        look(layer, outputs)
        return outputs

    return looking


def _is_finite_output(engine: Engine, leaf: Any) -> bool:
    """Return whether an output is finite, or has no value here, since it is computed in a loop of the framework."""
    try:
        array = _floats(engine, leaf)
    except Exception:
        return True
    return array is None or bool(np.isfinite(array).all())


def _floats(engine: Engine, tensor: Any) -> Any:
    """Return a tensor of floating-point numbers as an array; None for other types."""
    if tensor is None or not _is_float(tensor):
        return None
    return engine.to_numpy(engine.read(tensor))


def _is_float(tensor: Any) -> bool:
    return bool(keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype)))
