"""Means over the rows of an epoch, of the numbers that a step names."""

from collections.abc import Mapping
from typing import Any

from kerasbridge.keras_compat import keras

Tensor = Any
ops = keras.ops


class RunningMeans:
    """One running mean for each name, all in one variable: a step adds to it in one operation.

    Each batch counts as many times as it has rows, as in Keras's own mean of the loss.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._totals = keras.Variable(initializer="zeros", shape=(len(names),), trainable=False, name="totals")
        self._rows = keras.Variable(initializer="zeros", shape=(), trainable=False, name="rows")

    @property
    def variables(self) -> list[Any]:
        """What a step reads and writes."""
        return [self._totals, self._rows]

    def update(self, values: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
        """Add a batch; the means so far."""
        dtype = self._totals.dtype
        batch = ops.stack([ops.cast(values[name], dtype) for name in self.names])
        self._totals.assign_add(batch * ops.cast(rows, dtype))
        self._rows.assign_add(ops.cast(rows, dtype))
        means = ops.convert_to_tensor(self._totals) / ops.convert_to_tensor(self._rows)
        return {name: means[k] for k, name in enumerate(self.names)}

    def reset_state(self) -> None:
        """Forgets every batch."""
        for variable in self.variables:
            variable.assign(ops.zeros(variable.shape, variable.dtype))
