"""Tensors, and the values of variables in the current scope."""

from collections.abc import Callable
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.private_api import private_api

to_tensor = private_api("conversion to tensors")
current_scope: Callable[[], Any] = private_api("current scope")
floatx: Callable[[], str] = keras.config.floatx


def map_tensors(function: Callable[[Any], Any], nest: Any) -> Any:
    """Apply a function to every array or tensor of a nest; None stays None."""
    return keras.tree.map_structure(lambda leaf: None if leaf is None else function(leaf), nest)


def symbols(nest: Any) -> Any:
    """Return a nest of arrays as Keras tensors of the same shapes and dtypes, without values."""
    return map_tensors(_symbol, nest)


def _symbol(array: Any) -> Any:
    is_text = getattr(array.dtype, "kind", None) in ("O", "S", "U")
    return keras.KerasTensor(array.shape, "string" if is_text else keras.backend.standardize_dtype(array.dtype))


def eval_abstract(function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function on tensors that have the shapes and dtypes of these arrays, but no values."""
    private_api("abstract evaluation")(function, *map(symbols, arguments))


def raw_value(variable: Any) -> Any:
    """Return a variable's value outside every scope, in its own dtype."""
    return variable._value


def has_cached_logits(tensor: Any) -> bool:
    """Return whether a softmax or sigmoid attached its logits to this tensor, as TensorFlow's losses expect."""
    return hasattr(tensor, "_keras_logits")
