"""Feeds: what gives a runner the steps of an epoch, portion by portion, each on the device."""

import contextlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from kerasbridge.data.arrays import Arrays, check_numbers, signature, to_numpy
from kerasbridge.data.label_checks import Check
from kerasbridge.data.prefetch import BatchStack, prefetch, stack_batches
from kerasbridge.data.pydataset import ShuffledPyDataset
from kerasbridge.data.sampler import Rows, RowSampler
from kerasbridge.engines.base import Data, Engine
from kerasbridge.engines.step import Batch, Tensor
from kerasbridge.errors import DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.data_adapters import (
    is_sparse_or_ragged,
    reset_num_batches,
    stop_workers,
    to_sliceable,
    warn_data_ran_out,
)
from kerasbridge.keras_compat.tensors import map_tensors


@dataclass(frozen=True)
class Chunk:
    """Steps whose data lies on the device: step k has the rows ``order[k]`` of `data`.

    `rows` are those of one step, `signature` is what a compiled step depends on.
    """

    data: Data
    order: Tensor
    steps: int
    rows: int
    signature: tuple[Any, ...]


class EpochIterator(Protocol):
    """Gives the steps of each epoch."""

    @property
    def steps(self) -> int | None:
        """Step of an epoch; None while that is not known."""
        ...

    def first(self) -> Batch:
        """A batch of arrays like those to come, for building a model."""
        ...

    def check_by(self, check: Check) -> None:
        """Let a function look at all batches before they are trained on."""
        ...

    def restart(self) -> None:
        """Begins anew, with the first epoch."""
        ...

    def chunks(self, epoch: int, in_step: int | None) -> Generator[Chunk, None, None]:
        """The portions of an epoch; close the iterator when leaving early.

        With `in_step`, so many steps are taken at a time, and none before they are asked for.
        """
        ...


class DeviceArrays:
    """Arrays that lie on the device as a whole."""

    def __init__(self, arrays: Arrays, passes: RowSampler, engine: Engine) -> None:
        self._arrays, self._passes, self._engine = arrays, passes, engine
        self._signature = signature(arrays.first(1))
        self._data = map_tensors(engine.to_device, arrays.whole())

    @property
    def steps(self) -> int:
        return self._passes.steps

    def first(self) -> Batch:
        return self._arrays.first(self._passes.batch_size)

    def check_by(self, check: Check) -> None:
        check(self._arrays.nest)

    def restart(self) -> None:
        """Each epoch stands for itself."""

    def chunks(self, epoch: int, in_step: int | None) -> Generator[Chunk, None, None]:
        del in_step  # nothing is taken from anywhere
        for rows in self._passes.epoch(epoch):
            steps, width = rows.shape
            yield Chunk(self._data, self._engine.to_device(rows), steps, width, ("rows", width, self._signature))


class _Streamed:
    """Batches on the host, stacked on their way to the device, the next stack being made in the background."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._check = engine, None  # type: Engine, Check | None

    def check_by(self, check: Check) -> None:
        self._check = check

    def chunks(self, epoch: int, in_step: int | None) -> Generator[Chunk, None, None]:
        made = stack_batches(self._checked(self._batches(epoch)), in_step)
        with contextlib.closing(made if in_step else prefetch(made)) as coming:
            for stack in coming:
                yield self._placed(stack)

    def _batches(self, epoch: int) -> Iterable[Batch]:
        raise NotImplementedError

    def _checked(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            if self._check:
                self._check(batch)
            yield batch

    def _placed(self, stack: BatchStack) -> Chunk:
        data, order = map_tensors(self._engine.to_device, stack.nest), np.arange(stack.steps, dtype=np.int32)
        return Chunk(data, self._engine.to_device(order), stack.steps, stack.rows, ("batches", stack.signature))


class RowSource(Protocol):
    """Samples on the host, found by their row."""

    def gather(self, rows: Rows) -> Batch:
        """These rows, as a batch of arrays."""
        ...


class HostArrays(_Streamed):
    """Rows of a table that is too large for the device, or lies on a disk."""

    def __init__(self, table: RowSource, passes: RowSampler, engine: Engine) -> None:
        super().__init__(engine)
        self._table, self._passes = table, passes

    @property
    def steps(self) -> int:
        return self._passes.steps

    def first(self) -> Batch:
        return self._table.gather(np.arange(min(self._passes.batch_size, self._passes.rows)))

    def restart(self) -> None:
        """Each epoch stands for itself."""

    def _batches(self, epoch: int) -> Iterable[Batch]:
        return (self._table.gather(row) for rows in self._passes.epoch(epoch) for row in rows)


class BatchStream(_Streamed):
    """Batches from a generator, dataset or loader, taken from it as Keras takes them.

    Args:
        name: what to call the source.
        batches: the iterator that `keras_epoch_iterator` returned for it.
        like: as `batches`, for a source of which the first batch can be had apart.
        ordered: the source, where it has an order of its own for each epoch.
    """

    def __init__(
        self, name: str, batches: Any, engine: Engine, like: Any = None, ordered: ShuffledPyDataset | None = None
    ) -> None:
        super().__init__(engine)
        self._name, self._source, self._like, self._ordered = name, batches, like or batches, ordered
        self._found: int | None = None

    @property
    def steps(self) -> int | None:
        known: int | None = self._source.num_batches if self._ordered is None else self._ordered.steps
        return known or self._found

    def first(self) -> Batch:
        for _, _, (batch,) in self._like:
            self._like.reset()
            return _as_batch(batch)
        raise self._empty()

    def restart(self) -> None:
        self._source.reset()

    def _batches(self, epoch: int) -> Iterable[Batch]:
        if self._ordered is not None:
            self._ordered.begin(epoch)
        reset_num_batches(self._source)
        expected, steps = self._source.num_batches or self._found or 1, 0
        try:
            for _, _, (batch,) in self._source:
                steps += 1
                yield _as_batch(batch)
        finally:
            stop_workers(self._source)
        if not steps and not self._found:
            raise self._empty()
        if steps < expected:
            warn_data_ran_out(self._source)
        self._found = self._found or steps

    def _empty(self) -> DataError:
        return DataError(f"Expected at least one batch, received none from the {self._name}.")


def _as_batch(given: Any) -> Batch:
    """What a source yields, as (x, y, sample_weight) of arrays."""
    parts = zip(Batch._fields, keras.utils.unpack_x_y_sample_weight(given), strict=True)
    return Batch(*(map_tensors(partial(_as_array, name), part) for name, part in parts))


def _as_array(name: str, leaf: Any) -> np.ndarray[Any, Any]:
    if is_sparse_or_ragged(leaf):
        leaf = to_sliceable(leaf).convert_to_numpy(leaf)
    array = to_numpy(leaf)
    check_numbers(name, array)
    if array.ndim == 0:
        raise DataError(f"Expected each batch of {name} to be an array with a row per sample, received {leaf!r}.")
    return array
