"""Tensors, and the values of variables in the current scope."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.private_api import private_api

to_tensor = private_api("conversion to tensors")
current_scope: Callable[[], Any] = private_api("current scope")
floatx: Callable[[], str] = keras.config.floatx


def map_tensors(function: Callable[[Any], Any], nest: Any) -> Any:
    """Apply a function to every array or tensor of a nest; None stays None."""
    return keras.tree.map_structure(lambda leaf: None if leaf is None else function(leaf), nest)


def path_name(path: Iterable[Any]) -> str:
    """Return a path within a nest as Python writes it, such as "['image'][0]"."""
    return "".join(f"[{key!r}]" for key in path)


def symbols(nest: Any) -> Any:
    """Return a nest of arrays as Keras tensors of the same shapes and dtypes, without values."""
    return map_tensors(_symbol, nest)


def _symbol(array: Any) -> Any:
    is_text = getattr(array.dtype, "kind", None) in ("O", "S", "U")
    return keras.KerasTensor(array.shape, "string" if is_text else keras.backend.standardize_dtype(array.dtype))


def eval_abstract(function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function on tensors that have the shapes and dtypes of these arrays, but no values."""
    private_api("abstract evaluation")(function, *map(symbols, arguments))


def flatten_logs(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Return logs without nesting, by the innermost names, in the order in which Keras flattens them.

    A metric whose result is a dict is logged by the names in it.
    """
    flat: dict[str, Any] = {}
    for name, value in sorted(logs.items()):
        flat.update(flatten_logs(value) if isinstance(value, Mapping) else {name: value})
    return flat


def log_tensors(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Return flat logs of tensors that stay as they are when the variables that they come from change.

    A list is logged as a vector; None, which a metric without a result returns, is not logged.
    """
    return {name: keras.ops.copy(_stacked(value)) for name, value in flatten_logs(logs).items() if value is not None}


def _stacked(value: Any) -> Any:
    return keras.ops.stack([_stacked(item) for item in value]) if isinstance(value, list | tuple) else to_tensor(value)


def raw_value(variable: Any) -> Any:
    """Return a variable's value outside every scope, in its own dtype."""
    return variable._value


def raw_values(variables: Iterable[Any]) -> list[Any]:
    """Return the values of variables outside every scope, in their own dtypes."""
    return [variable._value for variable in variables]


def set_raw_values(variables: Iterable[Any], values: Iterable[Any]) -> None:
    """Set the values of variables outside every scope to tensors of their shapes and dtypes, which is not checked."""
    for variable, value in zip(variables, values, strict=True):
        if variable._layout is None:
            variable._value = value
        else:  # distributed over devices
            variable._direct_assign(value)


def has_cached_logits(tensor: Any) -> bool:
    """Return whether a softmax or sigmoid attached its logits to this tensor, as TensorFlow's losses expect."""
    return hasattr(tensor, "_keras_logits")


def masks_of(nest: Any) -> list[Any]:
    """Return the Keras mask of each tensor, or None: a mask is an attribute, which a gradient loses."""
    return [private_api("masks").get_keras_mask(leaf) for leaf in keras.tree.flatten(nest)]


def stored_mask(tensor: Any) -> Any:
    """Return the Keras mask of a tensor that cannot have attributes, or None: Keras stores it elsewhere."""
    stored = private_api("global state").get_global_attribute("_keras_mask_dict")
    return stored.get(id(tensor)) if stored else None


def set_masks(nest: Any, masks: list[Any]) -> None:
    """Attach Keras masks to the tensors, as `masks_of` returns them."""
    for leaf, mask in zip(keras.tree.flatten(nest), masks, strict=True):
        if mask is not None:
            private_api("masks").set_keras_mask(leaf, mask)
