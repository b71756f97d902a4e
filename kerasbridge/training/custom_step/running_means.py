"""Means over the rows of an epoch of the values that a step returns."""

from collections.abc import Mapping
from typing import Any

from kerasbridge.keras_compat import keras

Tensor = Any
ops = keras.ops


class RunningMeans:
    """Running means, one per name, in a single variable that a step updates in one operation.

    Each batch is weighted by its number of rows, as in the mean of the loss that Keras computes.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._totals = keras.Variable(initializer="zeros", shape=(len(names),), trainable=False, name="totals")
        self._rows = keras.Variable(initializer="zeros", shape=(), trainable=False, name="rows")

    @property
    def variables(self) -> list[Any]:
        """The variables that a step reads and writes."""
        return [self._totals, self._rows]

    def update(self, values: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
        """Add a batch and return the means so far."""
        dtype = self._totals.dtype
        batch = ops.stack([ops.cast(values[name], dtype) for name in self.names])
        self._totals.assign_add(batch * ops.cast(rows, dtype))
        self._rows.assign_add(ops.cast(rows, dtype))
        means = ops.convert_to_tensor(self._totals) / ops.convert_to_tensor(self._rows)
        return {name: means[k] for k, name in enumerate(self.names)}

    def reset_state(self) -> None:
        """Discard all batches."""
        for variable in self.variables:
            variable.assign(ops.zeros(variable.shape, variable.dtype))
