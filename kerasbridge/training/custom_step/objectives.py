"""Output of a custom step: one or more losses, each with the variables that it trains, and named values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.errors import StepError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import flatten_logs, to_tensor
from kerasbridge.training.optimization import LOSS

Tensor = Any
_EXPECTED = "a scalar loss, a kb.Objective, or a dict of them by name; named values may follow: (loss, {name: value})"


@dataclass(frozen=True)
class Objective:
    """A loss of a step, the variables that it trains, and the optimizer that updates them.

    A step that trains the whole model with its compiled optimizer returns only the loss. A step with several losses
    returns a dict of objectives by name; all of them see the weights as they are before the step.

    Args:
        loss: a scalar tensor.
        variables: a variable, a model or layer for its trainable variables, or a list of these. By default the model
            that is trained.
        optimizer: a `keras.optimizers.Optimizer`. By default the one that `variables`, if that is a model, or else
            the trained model was compiled with.
        gradients: one for each variable, if the step has computed them itself: they are applied instead of the
            gradients of `loss`.

    Example:
        >>> import kerasbridge as kb
        >>> def step(model, batch):
        ...     loss = keras.ops.mean(keras.losses.mean_squared_error(batch.y, model(batch.x)))
        ...     return kb.Objective(loss, model.layers[-1])  # trains the last layer only
        >>> import keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(1)])
        >>> model.compile("sgd")
        >>> x, y = keras.ops.ones((32, 4)), keras.ops.zeros((32, 1))
        >>> history = kb.fit(model, x, y, step=step, verbose=0)
    """

    loss: Any
    variables: Any = None
    optimizer: Any = None
    gradients: Sequence[Any] | None = None


@dataclass(frozen=True)
class StepOutput:
    """Output of one call of a step: objectives with their variables and optimizers, and values, by name."""

    objectives: dict[str, Objective]
    values: dict[str, Any]


def parse_step_output(result: Any, model: Any, training: bool) -> StepOutput:
    """Convert the result of a step to a `StepOutput`; for evaluation, it needs no optimizer.

    Raises:
        StepError: there is no loss, a loss is not a scalar, or variables cannot be trained.
    """
    loss, values = result if isinstance(result, tuple) and len(result) == 2 else (result, {})
    if not isinstance(values, Mapping):
        raise StepError(f"Expected {_EXPECTED}; received {_describe(result)}.")
    losses = loss if isinstance(loss, Mapping) else {LOSS: loss}
    if not losses:
        raise StepError(f"Expected the step to return {_EXPECTED}; received an empty dict.")
    objectives = {str(name): _parse_objective(str(name), value, model, training) for name, value in losses.items()}
    _check_disjoint(objectives)
    named = {str(name): value for name, value in flatten_logs(values).items()}
    return StepOutput(objectives, {name: _parse_value(name, value) for name, value in named.items()})


def variables_of(trained: Any) -> list[Any]:
    """Return the trainable variables of a variable, layer or model, or of a list of these."""
    if isinstance(trained, keras.Variable):
        return [trained]
    if isinstance(trained, keras.layers.Layer):
        return list(trained.trainable_variables)
    if isinstance(trained, Iterable) and not isinstance(trained, (str, Mapping)):
        return [variable for part in trained for variable in variables_of(part)]
    raise StepError(f"Expected variables, a model, a layer or a list of these to train; received {_describe(trained)}.")


def check_distinct(variables: Iterable[Any], where: str) -> None:
    """Raise if a variable is named twice, as it would be updated twice."""
    seen_ids: set[int] = set()
    for variable in variables:
        if id(variable) in seen_ids:
            raise StepError(f"Expected every variable once, received {variable.path} twice in {where}. Name it once.")
        seen_ids.add(id(variable))


def to_scalar(loss: Any, where: str) -> Tensor:
    """Return the loss as a scalar floating-point tensor."""
    if loss is None or (isinstance(loss, Iterable) and not hasattr(loss, "shape")):
        raise StepError(f"Expected {where} to be a scalar tensor, received {_describe(loss)}.")
    loss = keras.ops.convert_to_tensor(loss)
    check_scalar(loss, where)
    dtype = keras.backend.standardize_dtype(loss.dtype)
    if dtype.startswith("complex"):
        raise StepError(f"Expected {where} to be a real number, received {dtype}. Take keras.ops.real of it.")
    return loss if keras.backend.is_float_dtype(dtype) else keras.ops.cast(loss, keras.config.floatx())


def check_scalar(tensor: Tensor, where: str) -> None:
    """Raise StepError if the tensor is not a scalar."""
    if tuple(tensor.shape):
        raise StepError(
            f"Expected {where} to be a scalar, received the shape {tuple(tensor.shape)}. Reduce it with "
            "keras.ops.mean or keras.ops.sum."
        )


def _parse_objective(name: str, loss: Any, model: Any, training: bool) -> Objective:
    where = "the loss" if name == LOSS else f"the loss of {name!r}"
    if loss is None or isinstance(loss, (str, Mapping, tuple, list)):
        raise StepError(f"Expected the step to return {_EXPECTED}; received {_describe(loss)}.")
    objective = loss if isinstance(loss, Objective) else Objective(loss)
    trained = model if objective.variables is None else objective.variables
    variables = variables_of(trained)
    check_distinct(variables, where)
    if not variables and training:
        raise StepError(f"Expected trainable variables for {where}, found none: everything that it names is frozen.")
    frozen = [variable.path for variable in variables if not variable.trainable]
    if frozen:
        raise StepError(f"Expected trainable variables for {where}, received {frozen[0]}, which is not trainable.")
    optimizer = objective.optimizer or getattr(trained, "optimizer", None) or getattr(model, "optimizer", None)
    if optimizer is None and training:
        raise StepError(
            f"Expected an optimizer for {where}, found none. Write kb.Objective(loss, variables, optimizer), or "
            'compile the model: model.compile("adam").'
        )
    if optimizer is not None and not isinstance(optimizer, keras.optimizers.Optimizer):
        raise StepError(
            f"Expected a keras.optimizers.Optimizer for {where}, received {_describe(optimizer)}. Create it once, as "
            "an attribute of the model."
        )
    gradients = objective.gradients
    if gradients is not None and len(gradients) != len(variables):
        raise StepError(
            f"Expected a gradient for each of the {len(variables)} variables of {where}, received {len(gradients)}."
        )
    for variable, gradient in zip(variables, gradients or (), strict=False):
        if gradient is not None and tuple(gradient.shape) != tuple(variable.shape):
            raise StepError(
                f"Expected a gradient of the shape {tuple(variable.shape)} for {variable.path}, received "
                f"{tuple(gradient.shape)}."
            )
    return Objective(to_scalar(objective.loss, where), variables, optimizer, gradients)


def _check_disjoint(objectives: Mapping[str, Objective]) -> None:
    owners: dict[int, str] = {}
    for name, objective in objectives.items():
        for variable in objective.variables:
            if id(variable) in owners:
                raise StepError(
                    f"Expected every variable in one objective, received {variable.path} in "
                    f"{owners[id(variable)]!r} and {name!r}. Add the two losses, or pass two steps: "
                    "step=[first, second]."
                )
            owners[id(variable)] = name


def _parse_value(name: str, value: Any) -> Any:
    if isinstance(value, keras.metrics.Metric):
        return value
    # A copy: on some backends, the value of a variable would change with the update of the optimizer.
    is_scalar = not getattr(value, "shape", ())  # the result of a metric may be a vector
    return keras.ops.copy(to_scalar(value, f"the value {name!r}") if is_scalar else to_tensor(value))


def _describe(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, (tuple, list)):
        return f"{type(value).__name__} of {len(value)}"
    return type(value).__name__
