"""Patches of Keras functions; all but one last as long as a ``with`` statement, in one thread."""

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kerasbridge.errors import StepError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.keras_compat.private_api import private_api

Patch = contextlib.AbstractContextManager[None]


def patch_cond(cond: Callable[..., Any]) -> Patch:
    """Replace `keras.ops.cond` by ``cond(original, pred, true_fn, false_fn)``."""
    return patched(private_api("core functions of the backend"), "cond", cond)


def patch_map(map_elements: Callable[..., Any]) -> Patch:
    """Replace `keras.ops.map` by ``map_elements(original, f, xs)``."""
    return patched(private_api("core functions of the backend"), "map", map_elements)


def patch_moments(moments: Callable[..., Any], chained: bool = False) -> Patch:
    """Replace `keras.ops.moments` by ``moments(original, x, axes, keepdims=…, synchronized=…)``."""
    return patched(private_api("nn functions of the backend"), "moments", moments, chained)


def patch_nn_function(name: str, function: Callable[..., Any]) -> Patch:
    """Replace a loss or activation of the backend by ``function(original, *arguments)``."""
    return patched(private_api("nn functions of the backend"), name, function)


def patch_numpy_function(name: str, function: Callable[..., Any]) -> Patch:
    """Replace a function of the backend for arrays by ``function(original, *arguments)``."""
    return patched(private_api("NumPy functions of the backend"), name, function)


def patch_masked_moments(moments: Callable[..., Any]) -> Patch:
    """Replace the moments that BatchNormalization takes by ``moments(original, layer, inputs, mask)``."""
    private_api("moments of BatchNormalization")
    return patched(keras.layers.BatchNormalization, "_moments", moments)


def patch_apply_mask(apply_mask: Callable[..., Any], chained: bool = False) -> Patch:
    """Replace the merging of weights and a mask by ``apply_mask(original, sample_weight, mask, dtype, reduction)``."""
    return patched(private_api("losses"), "apply_mask", apply_mask, chained)


def patch_reduce_values(reduce_values: Callable[..., Any]) -> Patch:
    """Replace the reduction of a loss by ``reduce_values(original, values, sample_weight, reduction)``."""
    return patched(private_api("losses"), "reduce_values", reduce_values)


def patch_added_losses(aggregate: Callable[..., Any]) -> Patch:
    """Replace the sum of a loss that a layer has added by ``aggregate(original, model, loss)``."""
    private_api("sum of an added loss")
    return patched(keras.Model, "_aggregate_additional_loss", aggregate)


def patch_argmax(argmax: Callable[..., Any]) -> Patch:
    """Replace `keras.ops.argmax` by ``argmax(original, x, axis=…, keepdims=…)``."""
    return patch_numpy_function("argmax", argmax)


def patch_convert_to_tensor(read: Callable[[Any], Any]) -> Patch:
    """Make `keras.ops.convert_to_tensor` convert ``read(variable)`` instead of a variable.

    TensorFlow accepts a variable as a tensor, and so returns the variable itself.
    """

    def convert(original: Any, x: Any, *arguments: Any, **keywords: Any) -> Any:
        return original(read(x) if isinstance(x, keras.Variable) else x, *arguments, **keywords)

    return patched(private_api("core functions of the backend"), "convert_to_tensor", convert)


def patch_abstract_evaluation(prepare: Callable[[Any, Any], Any], convert: Callable[[Any], Any]) -> Patch:
    """Change the calls of functions on tensors without values: ``prepare(function, keywords)``, ``convert(result)``."""

    def evaluate(original: Any, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        @functools.wraps(function)
        def converted(*arguments: Any, **keywords: Any) -> Any:
            return convert(function(*arguments, **keywords))

        return original(converted, *arguments, **prepare(function, keywords))

    return patched(private_api("functions of the backend"), "compute_output_spec", evaluate)


def keep_optimizer_tensors() -> Patch:
    """Return the tensor itself where a Keras optimizer for torch converts a number to NumPy."""

    def convert(original: Any, tensor: Any) -> Any:
        caller = sys._getframe(2).f_globals["__name__"]
        return tensor if caller.startswith("keras.src.backend.torch.optimizers.") else original(tensor)

    return patched(private_api("core functions of the backend"), "convert_to_numpy", convert)


@contextlib.contextmanager
def patch_recurrent_layers(inner_loop: Callable[..., Any]) -> Iterator[None]:
    """Replace the loop over time of recurrent layers.

    Args:
        inner_loop: a function ``(original, layer, sequences, initial_state, mask, training=False)`` that returns the
            last output, all outputs, and the states.
    """
    with contextlib.ExitStack() as stack:
        for layer in (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU):
            stack.enter_context(patched(layer, "inner_loop", inner_loop))
        yield


def patch_torch_module_call(call: Callable[..., Any]) -> Patch:
    """Replace the call of a TorchModuleWrapper by ``call(original, layer, *arguments, training=…, **keywords)``."""
    return patched(keras.layers.TorchModuleWrapper, "call", call)


def forbid_optimizer_apply(message: str) -> Patch:
    """Raise a StepError with this message when an optimizer applies gradients."""

    def refuse(*_: Any, **__: Any) -> None:
        raise StepError(message)

    return patched(keras.optimizers.Optimizer, "apply", refuse)


def patch_stack(read: Callable[[Any], Any]) -> None:
    """Make `keras.ops.stack` stack ``read(variable)`` instead of a variable, for the rest of the process.

    TensorFlow does not accept Keras variables there, which stock Keras passes to it.
    """
    original = private_api("NumPy functions of the backend").stack

    @functools.wraps(original)
    def stack(x: Any, axis: int = 0) -> Any:
        return original([read(item) if isinstance(item, keras.Variable) else item for item in x], axis=axis)

    patch_backend_functions({original: stack})


def patch_backend_functions(replacements: Mapping[Any, Any]) -> None:
    """Replace functions, for the rest of the process, in every Keras module that refers to one of them."""
    for name, module in list(sys.modules.items()):
        if name.startswith("keras.src"):
            for attribute, value in list(vars(module).items()):
                if inspect.isfunction(value) and value in replacements:
                    setattr(module, attribute, replacements[value])
