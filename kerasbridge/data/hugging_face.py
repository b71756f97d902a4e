"""Hugging Face `datasets`: rows of named columns, read when they are needed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasbridge.data.numbers import to_numbers
from kerasbridge.data.sampler import Rows
from kerasbridge.engines.step import Batch
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.data_adapters import class_weight_to_sample_weights

TARGETS = ("label", "labels", "target", "targets")
FORMATS = ("numpy", "torch", "tensorflow", "jax", "tf")


def is_dataset(x: Any) -> bool:
    """Return whether an object is a `datasets.Dataset`, without importing that library."""
    return any(kind.__module__ == "datasets.arrow_dataset" and kind.__name__ == "Dataset" for kind in type(x).__mro__)


class Table:
    """A `datasets.Dataset` with a format.

    Args:
        dataset: ``dataset.with_format("numpy")``, or with another format of tensors.
        y: the column of the targets, or a list of columns; by default "label" or "target", if there is one.
        sample_weight: the column of the sample weights.
        class_weight: the weight in the loss of the samples of each class.

    x consists of the other columns: one array, or a dict of arrays by column name.

    Raises:
        DataError: the dataset has no format, or no such column.
    """

    def __init__(
        self, dataset: Any, y: Any = None, sample_weight: Any = None, class_weight: Mapping[int, float] | None = None
    ) -> None:
        if dataset.format["type"] not in FORMATS:
            raise DataError(
                f"Expected a Hugging Face dataset that returns arrays, received one with format "
                f'{dataset.format["type"]!r}. Call dataset.with_format("numpy") first.'
            )
        self._columns = list(dataset.format["columns"])
        self._targets = self._column_names("y", y) or [name for name in TARGETS if name in self._columns][:1]
        self._weights = self._column_names("sample_weight", sample_weight)
        if self._weights and class_weight is not None:
            raise ArgumentError("Expected sample_weight or class_weight, received both.")
        self._inputs = [name for name in self._columns if name not in (*self._targets, *self._weights)]
        if not self._inputs:
            raise DataError(f"Expected a column to train on in addition to {', '.join(self._targets)}, received none.")
        self._dataset, self._class_weight, self.rows = dataset, class_weight, len(dataset)
        if self.rows == 0:
            raise DataError("The Hugging Face dataset has 0 rows, at least 1 is needed.")

    def gather(self, rows: Rows) -> Batch:
        """Return the given rows as a batch of arrays."""
        columns = self._dataset[rows.tolist()]
        arrays = {name: _to_array(name, columns[name]) for name in self._columns}
        x, y, weights = (_nest(names, arrays) for names in (self._inputs, self._targets, self._weights))
        if self._class_weight is not None:
            weights = to_numbers("class_weight", class_weight_to_sample_weights(y, self._class_weight))
        return Batch(x, y, weights)

    def _column_names(self, argument: str, value: Any) -> list[str]:
        names = [value] if isinstance(value, str) else value or []
        if not isinstance(names, Sequence) or any(name not in self._columns for name in names):
            raise DataError(
                f"Expected {argument} to name columns of the Hugging Face dataset ({', '.join(self._columns)}); "
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
