"""Which rows each step of an epoch sees: from (seed, epoch) alone, on every backend."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.random import generator

DEFAULT_BATCH_SIZE = 32
Rows = np.ndarray[Any, Any]


def batch_indices(rows: int, batch_size: int, seed: int | None = None, epoch: int = 0) -> list[Rows]:
    """Which rows each step sees: one int32 matrix (steps, batch_size), and one for a smaller last batch.

    With a seed the rows are shuffled, by (seed, epoch) alone.
    """
    return _in_batches(_sequence(rows, seed, epoch), batch_size)


@dataclass(frozen=True)
class RowSampler:
    """The order of rows, epoch by epoch.

    Args:
        rows: samples there are.
        batch_size: samples per step.
        seed: without it the rows stay in their order.
        steps_per_epoch: steps of an epoch; the next epoch goes on where this one ended, until the rows are through.
        within_batches: shuffle the rows of each batch only, as Keras's ``shuffle="batch"`` does for data on a disk.
    """

    rows: int
    batch_size: int
    seed: int | None = None
    steps_per_epoch: int | None = None
    within_batches: bool = False

    @property
    def steps(self) -> int:
        """Step of an epoch."""
        return self.steps_per_epoch or self._steps_of_a_pass

    def epoch(self, epoch: int) -> list[Rows]:
        """The matrices of row indices of an epoch, as `batch_indices` gives them."""
        if self.steps_per_epoch is None:
            return self._pass(epoch)
        epochs_per_pass = -(-self._steps_of_a_pass // self.steps_per_epoch)
        passed, start = divmod(epoch, epochs_per_pass)
        start *= self.steps_per_epoch
        if start + self.steps_per_epoch > self._steps_of_a_pass:
            warnings.warn(
                f"The data gives {self._steps_of_a_pass} batches, which steps_per_epoch="
                f"{self.steps_per_epoch} does not divide: epoch {epoch + 1} ends with the last of them.",
                stacklevel=2,
            )
        return _steps(self._pass(passed), start, start + self.steps_per_epoch)

    @property
    def _steps_of_a_pass(self) -> int:
        return -(-self.rows // self.batch_size)

    def _pass(self, number: int) -> list[Rows]:
        sequence = _sequence(self.rows, self.seed, number)
        if self.within_batches:
            sequence = sequence[np.argsort(sequence // self.batch_size, kind="stable")]
        return _in_batches(sequence, self.batch_size)


def _sequence(rows: int, seed: int | None, epoch: int) -> Rows:
    return np.arange(rows, dtype=np.int32) if seed is None else generator.permutation(seed, epoch, rows)


def _in_batches(sequence: Rows, batch_size: int) -> list[Rows]:
    whole = len(sequence) - len(sequence) % batch_size
    parts = [sequence[:whole].reshape(-1, batch_size), sequence[whole:].reshape(1, -1)]
    return [part for part in parts if part.size]


def _steps(parts: list[Rows], start: int, stop: int) -> list[Rows]:
    """Step `start` to `stop` of all."""
    found = []
    for part in parts:
        found.append(part[max(start, 0) : max(stop, 0)])
        start, stop = start - len(part), stop - len(part)
    return [part for part in found if len(part)]
