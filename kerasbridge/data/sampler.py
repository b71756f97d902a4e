"""Rows of each step of an epoch, which depend only on (seed, epoch), on every backend."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.data import user_warning
from kerasbridge.random import generator

DEFAULT_BATCH_SIZE = 32
LONG_EPOCH = 1000
"""Steps of an epoch after which a step that takes a second longer to compile, and half as long to run, is ahead."""

Rows = np.ndarray[Any, Any]


@dataclass(frozen=True)
class RowSampler:
    """The order of the rows in each epoch.

    Args:
        rows: the number of samples.
        batch_size: samples per step.
        seed: seed of the order; without it the rows are not shuffled.
        steps_per_epoch: steps of an epoch; the next epoch continues where this one ended, until all rows are used.
        steps_name: the argument that limits the steps, for messages.
        within_batches: shuffle only the rows of each batch, as ``shuffle="batch"`` of Keras does for data on a disk.
    """

    rows: int
    batch_size: int
    seed: int | None = None
    steps_per_epoch: int | None = None
    within_batches: bool = False
    steps_name: str = "steps_per_epoch"

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return self.steps_per_epoch or self._steps_per_pass

    def is_long(self, batch_size: int) -> bool:
        """Return whether each epoch has at least `LONG_EPOCH` steps of this many rows."""
        return batch_size == self.batch_size and min(self.steps, self.rows // batch_size) >= LONG_EPOCH

    def epoch(self, epoch: int) -> list[Rows]:
        """Return the row indices of an epoch: int32 of shape (steps, batch_size), and one of a smaller last batch."""
        if self.steps_per_epoch is None:
            return self._indices_of_pass(epoch)
        epochs_per_pass = -(-self._steps_per_pass // self.steps_per_epoch)
        pass_index, start = divmod(epoch, epochs_per_pass)
        start *= self.steps_per_epoch
        if start + self.steps_per_epoch > self._steps_per_pass:
            ends = f"epoch {epoch + 1}" if self.steps_name == "steps_per_epoch" else "each run"
            user_warning.warn(
                f"The data gives {self._steps_per_pass} batches, which {self.steps_name}={self.steps_per_epoch} does "
                f"not divide: {ends} ends with the last of them."
            )
        return _slice_steps(self._indices_of_pass(pass_index), start, start + self.steps_per_epoch)

    @property
    def _steps_per_pass(self) -> int:
        return -(-self.rows // self.batch_size)

    def _indices_of_pass(self, index: int) -> list[Rows]:
        order = _row_order(self.rows, self.seed, index)
        if self.within_batches:
            order = order[np.argsort(order // self.batch_size, kind="stable")]
        return _split_into_batches(order, self.batch_size)


def _row_order(rows: int, seed: int | None, epoch: int) -> Rows:
    return np.arange(rows, dtype=np.int32) if seed is None else generator.permutation(seed, epoch, rows)


def _split_into_batches(order: Rows, batch_size: int) -> list[Rows]:
    in_full_batches = len(order) - len(order) % batch_size
    parts = [order[:in_full_batches].reshape(-1, batch_size), order[in_full_batches:].reshape(1, -1)]
    return [part for part in parts if part.size]


def _slice_steps(parts: list[Rows], start: int, stop: int) -> list[Rows]:
    """Return the steps from `start` to `stop` of all parts together."""
    slices = []
    for part in parts:
        slices.append(part[max(start, 0) : max(stop, 0)])
        start, stop = start - len(part), stop - len(part)
    return [part for part in slices if len(part)]
