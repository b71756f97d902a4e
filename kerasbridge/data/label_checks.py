"""Check that the labels of sparse losses are classes of the model, and those of binary ones from 0 to 1."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge import checks
from kerasbridge.engines import compile_cache
from kerasbridge.engines.step import IGNORED_LABEL, Batch
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.by_name import by_name
from kerasbridge.keras_compat.models import flat_losses, output_spec
from kerasbridge.keras_compat.tensors import map_tensors, masks_of, path_name

_CACHE_ATTRIBUTE = "_kerasbridge_outputs"
_SPARSE = ("sparse_categorical_crossentropy",)
_BINARY = ("binary_crossentropy", "binary_focal_crossentropy")
Check = Callable[[Batch], Batch]
Array = np.ndarray[Any, Any]


def make_label_check(model: keras.Model, first: Callable[[], Batch]) -> Check | None:
    """Return a function that refuses labels outside the width of their output; None if no loss takes labels.

    Frameworks treat such labels differently: JAX returns a loss of 0, TensorFlow an error or NaN, torch raises an
    IndexError. Labels that do not count, because their weight is 0 or the model masks them, may have any value.

    Args:
        model: a built and compiled model whose losses are built.
        first: a function that returns a batch of arrays like those to check.

    Returns:
        A function of a batch (x, y, sample_weight) of arrays. It returns the batch, with `IGNORED_LABEL` for labels
        outside the range that do not count. It raises a DataError with the label, its row and the range.
    """
    checked = [loss for loss in flat_losses(model) if _kind(loss.loss) in _SPARSE or _takes_probabilities(loss.loss)]
    if not checked:
        return None
    predictions = _predictions(model, first)

    def check(batch: Batch) -> Batch:
        names = getattr(model, "output_names", None) or ()
        y, weights = (by_name(part, predictions, names) for part in batch[1:])
        replaced = y
        for path, loss, _, _ in checked:
            labels, prediction = _leaf(_resolve(y, path)), _resolve(predictions, path)
            if labels is None or prediction is None:
                continue
            weight = _leaf(_resolve(weights, path) if keras.tree.is_nested(weights) else weights)
            one = _Labels(np.atleast_1d(labels), weight, "y" + path_name(path), path)
            if _kind(loss) in _BINARY:
                checks.check_probabilities(one.values, one.counted(), one.name)
            else:
                values = _check_classes(model, batch, one, int(prediction.shape[-1]), loss)
                replaced = replaced if values is None else _replace(replaced, path, values.reshape(np.shape(labels)))
        return batch if replaced is y else batch._replace(y=replaced)

    return check


@dataclass(frozen=True)
class _Labels:
    """The labels of one output, with their weights."""

    values: Array
    weight: Any
    name: str
    path: tuple[Any, ...]

    def counted(self) -> Array | None:
        """Return which labels have another weight than 0; None if all do."""
        if self.weight is None:
            return None
        weight = np.asarray(self.weight)
        is_zero = weight == 0
        return ~_spread(is_zero, self.values.shape) if is_zero.any() else None


def _check_classes(model: keras.Model, batch: Batch, labels: _Labels, classes: int, loss: Any) -> Array | None:
    """Return the labels without those that do not count and are outside the classes; None if they are unchanged."""
    ignored = getattr(loss, "ignore_class", None)
    invalid = checks.invalid_labels(labels.values, classes, ignored, labels.name)
    if invalid is None:
        return None
    counted, of_weight = invalid, labels.counted()
    if of_weight is not None:
        counted = counted & of_weight
    if counted.any():
        counted = counted & ~_masked(model, batch, labels, counted)
    if counted.any():
        raise checks.labels_error(labels.values, counted, classes, ignored, labels.name)
    return _ignore(labels.values, invalid)


def _masked(model: keras.Model, batch: Batch, labels: _Labels, invalid: Array) -> Array:
    """Return which of the invalid labels the model masks: it is called on their rows."""
    rows = np.flatnonzero(invalid.reshape(len(invalid), -1).any(1))
    x = map_tensors(lambda leaf: keras.ops.convert_to_tensor(np.asarray(leaf[rows])), batch.x)
    (mask,) = masks_of(_resolve(model(x, training=False), labels.path))
    masked = np.zeros(invalid.shape, bool)
    if mask is not None:
        is_masked = ~np.asarray(keras.ops.convert_to_numpy(mask)).astype(bool)
        masked[rows] = _spread(is_masked, (len(rows), *invalid.shape[1:]))
    return masked


def _ignore(values: Array, invalid: Array) -> Array:
    """Return a copy of labels with `IGNORED_LABEL` for the invalid ones."""
    signed = values.astype("int32") if values.dtype.kind in "ub" else values
    return np.where(invalid, np.asarray(IGNORED_LABEL, signed.dtype), signed)


def _replace(nest: Any, path: tuple[Any, ...], values: Array) -> Any:
    """Return the nest with other values at a path."""
    if not path:
        return keras.tree.map_structure(lambda _: values, nest)
    if isinstance(nest, dict):
        return {**nest, path[0]: _replace(nest[path[0]], path[1:], values)}
    return [_replace(part, path[1:], values) if index == path[0] else part for index, part in enumerate(nest)]


def _leaf(nest: Any) -> Any:
    """Return the only array of a nest that has one; a single output may have its labels in a list."""
    leaves = keras.tree.flatten(nest)
    return leaves[0] if len(leaves) == 1 else nest


def _spread(flags: Array, shape: tuple[int, ...]) -> Array:
    """Repeat flags of samples, or of positions, for each label; all are False if they do not fit."""
    while flags.ndim > len(shape) and flags.shape[-1] == 1:
        flags = flags[..., 0]
    flags = flags.reshape(flags.shape + (1,) * (len(shape) - flags.ndim))
    try:
        return np.broadcast_to(flags, shape)
    except ValueError:
        return np.zeros(shape, bool)


def _predictions(model: keras.Model, first: Callable[[], Batch]) -> Any:
    """Return the predictions as symbolic tensors, computed once and cached unless the model defines its output."""
    outputs = getattr(model, "outputs", None) or []
    if len(outputs) == 1 and outputs[0].shape[-1] is not None:
        return outputs[0]
    x = first()[0]
    key = (
        compile_cache.model_fingerprint(model),
        tuple(leaf.shape[1:] for leaf in keras.tree.flatten(x) if leaf is not None),
    )
    return compile_cache.cached_on_model(model, _CACHE_ATTRIBUTE, key, lambda: output_spec(model, x))


def _kind(loss: Any) -> str:
    return getattr(getattr(loss, "fn", loss), "__name__", "")


def _takes_probabilities(loss: Any) -> bool:
    options = getattr(loss, "_fn_kwargs", {})
    return _kind(loss) in _BINARY and not getattr(loss, "from_logits", options.get("from_logits", False))


def _resolve(nest: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        try:
            nest = nest[key]
        except (KeyError, IndexError, TypeError):
            return None
    return nest
