"""Arrays passed to `fit`: nested structures with one row per sample, with the checks that Keras users can rely on."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kerasbridge import checks
from kerasbridge.data.numbers import to_numbers
from kerasbridge.engines.step import Batch
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.data_adapters import class_weight_to_sample_weights, is_sparse_or_ragged, to_sliceable
from kerasbridge.keras_compat.tensors import map_tensors, path_name

Array = np.ndarray[Any, Any]


class DenseRows:
    """A sparse or ragged tensor whose rows are indexed as dense arrays.

    Args:
        tensor: a tensor of SciPy, TensorFlow or JAX.
        start, stop: the range of rows; all rows by default.
    """

    def __init__(self, tensor: Any, start: int = 0, stop: int | None = None) -> None:
        self._tensor, self._rows, self._start = tensor, to_sliceable(tensor), start
        self._length = (int(tensor.shape[0]) if stop is None else stop) - start

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, rows: Any) -> Array:
        indices = np.arange(self._length)[rows] + self._start
        return np.asarray(self._rows.convert_to_numpy(self._rows[indices]))

    def part(self, start: int, stop: int) -> "DenseRows":
        """Return the rows from `start` to `stop`."""
        return DenseRows(self._tensor, self._start + start, self._start + stop)


@dataclass(frozen=True)
class Arrays:
    """A nested structure (x, y, sample_weight) of arrays with `rows` rows; missing parts are None."""

    nest: Batch
    rows: int

    def first(self, count: int) -> Batch:
        """Return the first rows, for building a model."""
        return self._map(lambda name, leaf: to_numbers(name, leaf[:count]))

    def gather(self, rows: Array) -> Batch:
        """Return the given rows as a batch."""
        return self._map(lambda name, leaf: to_numbers(name, leaf[rows]))

    def slice_rows(self, rows: slice) -> Batch:
        """Return consecutive rows; of arrays in memory, which are numbers, as views."""
        return Batch(*(map_tensors(lambda leaf: leaf[rows], part) for part in self.nest))

    def load(self) -> Batch:
        """Return all rows, in memory."""
        return self._map(to_numbers)

    @property
    def bytes_in_memory(self) -> int | None:
        """Bytes that the arrays take on a device; None if they are not in memory, such as a memory-mapped file."""
        leaves = [leaf for leaf in keras.tree.flatten(self.nest) if leaf is not None]
        if any(not isinstance(leaf, np.ndarray) or isinstance(leaf, np.memmap) for leaf in leaves):
            return None
        itemsizes = (to_numbers("x", leaf[:0]).itemsize for leaf in leaves)
        return sum(int(leaf.size) * size for leaf, size in zip(leaves, itemsizes, strict=True))

    def split(self, fraction: float) -> tuple["Arrays", "Arrays"]:
        """Split off the last `fraction` of the rows for validation, as Keras does."""
        at = math.floor(self.rows * (1.0 - fraction))
        if at in (0, self.rows):
            raise ArgumentError(
                f"validation_split={fraction} leaves {at} of {self.rows} rows to train on and {self.rows - at} to "
                "validate on; both need at least one. Change the split or pass validation_data."
            )
        return self._part(0, at), self._part(at, self.rows)

    def _part(self, start: int, stop: int) -> "Arrays":
        def slice_rows(_: str, leaf: Any) -> Any:
            return leaf.part(start, stop) if isinstance(leaf, DenseRows) else leaf[start:stop]

        return Arrays(self._map(slice_rows), stop - start)

    def _map(self, function: Callable[[str, Any], Any]) -> Batch:
        parts = zip(Batch._fields, self.nest, strict=True)
        return Batch(*(map_tensors(partial(function, name), part) for name, part in parts))


def arrays(x: Any, y: Any = None, sample_weight: Any = None, class_weight: Mapping[int, float] | None = None) -> Arrays:
    """Convert nested NumPy arrays, tensors or array-like objects to `Arrays`.

    Floating arrays become `keras.config.floatx()`, as in Keras; other dtypes are kept. A `np.memmap` is not loaded.

    Raises:
        DataError: the arguments are not arrays, have no rows, or differ in the number of rows.
        ArgumentError: both `sample_weight` and `class_weight` are given.
    """
    if class_weight is not None:
        sample_weight = _class_weights(y, sample_weight, class_weight)
    named = {"x": x, "y": y, "sample_weight": _by_output(y, sample_weight)}
    nest = tuple(_convert(name, part) for name, part in named.items())
    rows = {
        name + path_name(path): len(leaf)
        for name, part in zip(named, nest, strict=True)
        for path, leaf in keras.tree.flatten_with_path(part)
        if leaf is not None
    }
    if not rows:
        raise DataError("Expected x to contain at least one array, received none.")
    checks.check_not_empty(rows)
    checks.check_lengths(rows)
    return Arrays(Batch(*nest), next(iter(rows.values())))


def are_arrays(*parts: Any) -> bool:
    """Return whether all arguments are arrays or tensors, in lists, tuples or dicts of any depth."""
    leaves = [leaf for leaf in keras.tree.flatten(parts) if leaf is not None]
    return bool(leaves) and all(_is_array(leaf) or is_sparse_or_ragged(leaf) for leaf in leaves)


def signature(batch: Batch) -> tuple[Any, ...]:
    """Return structure, shapes and dtypes of a batch, which a compiled step depends on."""
    leaves = [leaf if leaf is None else (leaf.shape, str(leaf.dtype)) for leaf in keras.tree.flatten(batch)]
    paths = [path for path, _ in keras.tree.flatten_with_path(batch)]
    return (tuple(paths), tuple(leaves))


def _convert(name: str, part: Any) -> Any:
    if part is None:
        return None
    try:
        return keras.tree.map_structure(lambda leaf: _convert_leaf(name, leaf), part)
    except DataError as error:
        for path, leaf in keras.tree.flatten_with_path(part):
            columns = {f"column {column!r} of ": leaf[column] for column in getattr(leaf, "columns", ())}
            entry = name + path_name(path)
            for where, values in (columns or {"": leaf}).items():
                _convert_named(name, where + entry, values)
        raise error


def _convert_named(name: str, place: str, leaf: Any) -> None:
    """Convert an entry of a dict or list, or a column of a table, so that an error names it."""
    try:
        _convert_leaf(name, leaf)
    except DataError as error:
        raise (error if place == name else DataError(f"{place}: {error}")) from error.__cause__


def _convert_leaf(name: str, leaf: Any) -> Any:
    if leaf is None:
        return None
    if is_sparse_or_ragged(leaf):
        return DenseRows(leaf)
    if not _is_array(leaf):
        raise DataError(
            f"Expected {name} to be arrays (NumPy, pandas, or tensors, in lists or dicts), received "
            f"{type(leaf).__name__}. Convert it with np.asarray."
        )
    array = leaf if isinstance(leaf, np.memmap) else _to_numpy(leaf)
    if array.ndim == 0:
        raise DataError(f"Expected {name} to have a row per sample, received a single value.")
    numbers = to_numbers(name, array[:1] if isinstance(array, np.memmap) else array)
    return array if isinstance(array, np.memmap) else numbers


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "__array__") and hasattr(leaf, "shape")


def _to_numpy(leaf: Any) -> Array:
    if keras.ops.is_tensor(leaf):
        return np.asarray(keras.ops.convert_to_numpy(leaf))
    if type(leaf).__module__.partition(".")[0] == "torch":  # of another backend, maybe on a GPU
        leaf = leaf.detach().cpu()
        return np.asarray(leaf.float() if str(leaf.dtype) == "torch.bfloat16" else leaf)
    array: Array = np.asanyarray(leaf)  # keeps a mask
    if type(leaf).__module__.partition(".")[0] == "pandas" and array.ndim == 1:
        return array[:, None]  # a Series is a column, as in Keras
    return array


def _by_output(y: Any, sample_weight: Any) -> Any:
    """Use one weight per sample for every output, as in Keras."""
    if not keras.tree.is_nested(y) or sample_weight is None or keras.tree.is_nested(sample_weight):
        return sample_weight
    shape = tuple(getattr(sample_weight, "shape", ()))
    if len(shape) != 1 and shape[1:] != (1,):
        raise ArgumentError(
            "Expected sample_weight to have one number per sample, shape (samples,), for a model with several outputs; "
            f"received shape {shape}. To weight outputs differently, pass an array per output, in the structure of y."
        )
    return keras.tree.map_structure(lambda _: sample_weight, y)


def _class_weights(y: Any, sample_weight: Any, class_weight: Mapping[int, float]) -> Array:
    if sample_weight is not None:
        raise ArgumentError("Expected sample_weight or class_weight, received both. Multiply them into sample_weight.")
    if y is None or keras.tree.is_nested(y):
        raise ArgumentError("Expected one array y with class_weight. For several outputs pass sample_weight instead.")
    return np.asarray(keras.ops.convert_to_numpy(class_weight_to_sample_weights(_to_numpy(y), class_weight)))
