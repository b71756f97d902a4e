"""What a user hands to `fit`, as NumPy arrays with one row per sample, checked as far as a drop-in may."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge import _keras, checks, random
from kerasbridge._keras import keras
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.step import Batch

Array = np.ndarray[Any, Any]
DEFAULT_BATCH_SIZE = 32


@dataclass(frozen=True)
class Arrays:
    """A nest (x, y, sample_weight) of arrays of `rows` rows; parts that were not given are None."""

    nest: Batch
    rows: int

    def first(self, count: int) -> Batch:
        """The first rows, for building a model."""
        return self._map(lambda array: array[:count])

    def split(self, fraction: float) -> tuple["Arrays", "Arrays"]:
        """The rows before and the rows after, the last `fraction` of them, as Keras splits for validation."""
        at = math.floor(self.rows * (1.0 - fraction))
        if at in (0, self.rows):
            raise ArgumentError(
                f"validation_split={fraction} leaves {at} of {self.rows} rows to train on and {self.rows - at} to "
                "validate on; both need at least one. Change the split or pass validation_data."
            )
        return Arrays(self._map(lambda array: array[:at]), at), Arrays(
            self._map(lambda array: array[at:]), self.rows - at
        )

    def signature(self) -> tuple[Any, ...]:
        """The structure, shapes and dtypes: what a compiled step depends on."""
        leaves = [leaf if leaf is None else (leaf.shape, str(leaf.dtype)) for leaf in keras.tree.flatten(self.nest)]
        paths = [path for path, _ in keras.tree.flatten_with_path(self.nest)]
        return (tuple(paths), tuple(leaves))

    def _map(self, function: Callable[[Array], Array]) -> Batch:
        mapped: Batch = _keras.map_tensors(function, self.nest)
        return mapped


def arrays(x: Any, y: Any = None, sample_weight: Any = None, class_weight: Mapping[int, float] | None = None) -> Arrays:
    """Brings what was handed to `fit` to arrays: nests of NumPy arrays, tensors or what converts to them.

    Floating arrays become `keras.config.floatx()`, as in Keras; other dtypes stay.

    Raises:
        DataError: not arrays, no rows, or not the same number of rows everywhere.
        ArgumentError: both `sample_weight` and `class_weight` are given.
    """
    if class_weight is not None:
        sample_weight = _class_weights(y, sample_weight, class_weight)
    named = {"x": x, "y": y, "sample_weight": sample_weight}
    nest = tuple(_convert(name, part) for name, part in named.items())
    rows = {
        name + "".join(f"[{key!r}]" for key in path): len(leaf)
        for name, part in zip(named, nest, strict=True)
        for path, leaf in keras.tree.flatten_with_path(part)
        if leaf is not None
    }
    if not rows:
        raise DataError("Expected x to hold at least one array, received none.")
    checks.check_not_empty(rows)
    checks.check_lengths(rows)
    return Arrays(Batch(*nest), next(iter(rows.values())))


def unpack_validation(data: Any) -> Arrays:
    """`validation_data=(x, y)` or ``(x, y, sample_weight)``."""
    if not isinstance(data, tuple) or len(data) not in (1, 2, 3):
        raise ArgumentError(f"Expected validation_data=(x, y) or (x, y, sample_weight), received {type(data)}.")
    return arrays(*data)


def order(rows: int, batch_size: int, seed: int | None = None, epoch: int = 0) -> list[Array]:
    """Which rows each step sees: one int32 matrix (steps, batch_size), and one for a smaller last batch.

    With a seed the rows are shuffled, by (seed, epoch) alone.
    """
    sequence = np.arange(rows, dtype=np.int32) if seed is None else random.permutation(seed, epoch, rows)
    whole = rows - rows % batch_size
    parts = [sequence[:whole].reshape(-1, batch_size), sequence[whole:].reshape(1, -1)]
    return [part for part in parts if part.size]


def check_labels(model: keras.Model, data: Arrays) -> None:
    """Refuses labels of sparse losses outside the width of the output they belong to.

    Frameworks answer these differently: JAX with a loss of 0, TensorFlow with an error or NaN, torch with an
    IndexError. The model must be built.

    Raises:
        DataError: naming the label, its row and the range.
    """
    sparse = [loss for loss in _keras.flat_losses(model) if _is_sparse(loss.loss)]
    if not sparse:
        return
    predictions = _keras.output_spec(model, data.first(1)[0])
    for path, loss, _, _ in sparse:
        labels, prediction = _resolve(data.nest[1], path), _resolve(predictions, path)
        if labels is not None and prediction is not None:
            name = "y" + "".join(f"[{key!r}]" for key in path)
            checks.check_labels(labels, int(prediction.shape[-1]), getattr(loss, "ignore_class", None), name)


def _convert(name: str, part: Any) -> Any:
    if part is None:
        return None
    return keras.tree.map_structure(lambda leaf: _convert_leaf(name, leaf), part)


def _convert_leaf(name: str, leaf: Any) -> Array | None:
    if leaf is None:
        return None
    if not hasattr(leaf, "__array__") or not hasattr(leaf, "shape"):
        raise DataError(
            f"Expected {name} to be arrays (NumPy, or tensors, in lists or dicts), received {type(leaf).__name__}. "
            "Convert it with np.asarray; generators and data loaders run with model.fit."
        )
    array = _to_numpy(leaf)
    if array.ndim == 0:
        raise DataError(f"Expected {name} to have a row per sample, received a single value.")
    if array.dtype.kind not in "fiub" and str(array.dtype) != "bfloat16":
        raise DataError(f"Expected {name} to be numbers, received dtype {array.dtype}. Convert it first.")
    return array.astype(_keras.floatx()) if array.dtype.kind == "f" else array


def _to_numpy(leaf: Any) -> Array:
    if keras.ops.is_tensor(leaf):
        return np.asarray(keras.ops.convert_to_numpy(leaf))
    return np.asarray(leaf)


def _class_weights(y: Any, sample_weight: Any, class_weight: Mapping[int, float]) -> Array:
    if sample_weight is not None:
        raise ArgumentError("Expected sample_weight or class_weight, received both. Multiply them into sample_weight.")
    if y is None or keras.tree.is_nested(y):
        raise ArgumentError("Expected one array y with class_weight. For several outputs pass sample_weight instead.")
    return np.asarray(keras.ops.convert_to_numpy(_keras.class_weight_to_sample_weights(np.asarray(y), class_weight)))


def _is_sparse(loss: Any) -> bool:
    return getattr(getattr(loss, "fn", loss), "__name__", "") == "sparse_categorical_crossentropy"


def _resolve(nest: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        try:
            nest = nest[key]
        except (KeyError, IndexError, TypeError):
            return None
    return nest
