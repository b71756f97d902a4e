"""Rows of named columns: which of them are x, y and sample weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasbridge.data.numbers import to_numbers
from kerasbridge.engines.step import Batch
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.data_adapters import class_weight_to_sample_weights

TARGETS = ("label", "labels", "target", "targets")


class Columns:
    """The columns of a source.

    Args:
        names: the names of all columns.
        y: the column of the targets, or a list of columns; by default "label" or "target", if there is one.
        sample_weight: the column of the sample weights.
        class_weight: the weight in the loss of the samples of each class.
        source: the name of the source, for errors.

    x consists of the other columns: one array, or a dict of arrays by column name.

    Raises:
        DataError: there is no such column, or no other for x.
    """

    def __init__(
        self, names: list[str], y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None, source: str
    ) -> None:
        self._names, self._source, self._class_weight = names, source, class_weight
        self._targets = self._chosen("y", y) or [name for name in TARGETS if name in names][:1]
        self._weights = self._chosen("sample_weight", sample_weight)
        if self._weights and class_weight is not None:
            raise ArgumentError("Expected sample_weight or class_weight, received both.")
        self._inputs = [name for name in names if name not in (*self._targets, *self._weights)]
        if not self._inputs:
            raise DataError(f"Expected a column to train on in addition to {', '.join(self._targets)}, received none.")

    def batch(self, columns: Mapping[str, Any]) -> Batch:
        """Return the columns of some rows as a batch of arrays."""
        arrays = {name: _to_array(name, columns[name]) for name in self._names}
        x, y, weights = (_nest(names, arrays) for names in (self._inputs, self._targets, self._weights))
        if self._class_weight is not None:
            weights = to_numbers("class_weight", class_weight_to_sample_weights(y, self._class_weight))
        return Batch(x, y, weights)

    def _chosen(self, argument: str, value: Any) -> list[str]:
        names = [value] if isinstance(value, str) else value or []
        if not isinstance(names, Sequence) or any(name not in self._names for name in names):
            raise DataError(
                f"Expected {argument} to name columns of the {self._source} ({', '.join(self._names)}); "
                f"received {value!r}."
            )
        return list(names)


def _nest(names: list[str], arrays: Mapping[str, Any]) -> Any:
    if len(names) < 2:
        return arrays[names[0]] if names else None
    return {name: arrays[name] for name in names}


def _to_array(name: str, column: Any) -> np.ndarray[Any, Any]:
    if keras.ops.is_tensor(column):
        column = keras.ops.convert_to_numpy(column)
    return to_numbers(f"the column {name!r}", column)
