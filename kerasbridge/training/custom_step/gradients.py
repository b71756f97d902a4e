"""Gradients inside a custom step: `kb.value_and_grad` by variables, `kb.grad` by tensors."""

import contextlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from kerasbridge import engines
from kerasbridge.errors import StepError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.runtime.context import context_value
from kerasbridge.training.custom_step.objectives import check_distinct, to_scalar, variables_of
from kerasbridge.training.optimization import sum_over_workers, weighted

Tensor = Any
_in_dry_run: ContextVar[bool] = ContextVar("in_dry_run", default=False)


def value_and_grad(function: Callable[[], Any], variables: Any) -> tuple[Any, list[Tensor]]:
    """Return the result of a function and the gradients of its loss by variables, on every backend.

    Args:
        function: takes no arguments; returns a scalar loss, or a tuple that begins with one.
        variables: a variable, a model or layer for its trainable variables, or a list of these.

    Returns:
        The result of `function`, and a list with a gradient for each variable, zeros where the loss does not depend on
        it. Calls may be nested, and a loss may be computed from gradients.

    Raises:
        StepError: the loss is not a scalar, depends on none of the variables, or a variable is named twice.

    Example:
        >>> import kerasbridge as kb
        >>> import keras
        >>> weight = keras.Variable(3.0)
        >>> loss, gradients = kb.value_and_grad(lambda: weight * weight, weight)
        >>> float(loss), float(gradients[0])
        (9.0, 6.0)
    """
    trained = variables_of(variables)
    check_distinct(trained, "kb.value_and_grad")

    def loss_and_result() -> tuple[Tensor, Any]:
        result = _call(function)
        return weighted(_loss_of(result, "kb.value_and_grad")), result

    if _in_dry_run.get():
        _, result = loss_and_result()
        trained = variables_of(variables)  # once more: the call builds layers that are not built
        return result, [keras.ops.zeros(variable.shape, variable.dtype) for variable in trained]
    (_, result), gradients = engines.current().value_and_grad(loss_and_result, trained)
    if trained and all(gradient is None for gradient in gradients):
        raise no_gradient_error("kb.value_and_grad", trained)
    gradients = sum_over_workers(engines.current(), gradients)
    return result, [
        keras.ops.zeros(variable.shape, variable.dtype) if gradient is None else gradient
        for variable, gradient in zip(trained, gradients, strict=True)
    ]


def grad(function: Callable[..., Tensor]) -> Callable[..., Any]:
    """Return a function that computes the gradient of `function` by its first argument, on every backend.

    Args:
        function: takes a tensor, or a nested structure of tensors, and any further arguments; returns a scalar.

    Returns:
        A function of the same arguments. Its result has the structure and shapes of the first, zeros where the value
        does not depend on a tensor. Calls may be nested.

    Raises:
        StepError: the result of `function` is not a scalar.

    Example:
        >>> import kerasbridge as kb
        >>> import keras
        >>> slope = kb.grad(lambda x: keras.ops.sum(x**2))
        >>> [float(value) for value in slope(keras.ops.convert_to_tensor([1.0, 2.0]))]
        [2.0, 4.0]
    """

    def gradient(nest: Any, *arguments: Any, **keywords: Any) -> Any:
        nest = keras.tree.map_structure(_differentiable, nest)

        def value_of(nest: Any) -> tuple[Tensor, None]:
            return _loss_of(_call(function, nest, *arguments, **keywords), "kb.grad"), None

        if _in_dry_run.get():
            value_of(nest)
            return map_tensors(keras.ops.zeros_like, nest)
        _, gradients = engines.current().grad(value_of, nest)
        leaves = [
            keras.ops.zeros_like(leaf) if gradient is None else gradient
            for leaf, gradient in zip(keras.tree.flatten(nest), keras.tree.flatten(gradients), strict=True)
        ]
        return keras.tree.pack_sequence_as(nest, leaves)

    return gradient


def dry_run_scope() -> contextlib.AbstractContextManager[None]:
    """Return zeros as gradients while open: tensors without values have no gradients on torch."""
    return context_value(_in_dry_run, True)


def no_gradient_error(where: str, variables: list[Any]) -> StepError:
    """Return the error for a loss that depends on none of its variables."""
    paths = ", ".join(variable.path for variable in variables[:3]) + (", …" if len(variables) > 3 else "")
    return StepError(
        f"Expected the loss of {where} to depend on its variables ({paths}), found that it depends on none of them. "
        "Compute it from the outputs of the model, without keras.ops.stop_gradient, argmax or a comparison in between, "
        "or name the variables that it trains."
    )


def _call(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Call the function; losses that its layers add are discarded, on every backend."""
    engine = engines.current()
    with engine.deferred_assign(), engine.higher_order_scope():
        return function(*arguments, **keywords)


def _differentiable(leaf: Any) -> Tensor:
    tensor = None if leaf is None else keras.ops.convert_to_tensor(leaf)
    if tensor is None or not keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype)):
        kind = "None" if tensor is None else keras.backend.standardize_dtype(tensor.dtype)
        raise StepError(
            f"Expected floating-point tensors to take a gradient by, received {kind}. Cast it, or take it from outside "
            "the function."
        )
    return tensor


def _loss_of(result: Any, where: str) -> Tensor:
    loss = result[0] if isinstance(result, tuple) and result else result
    return to_scalar(loss, f"the value that {where} differentiates")
