"""Iterators over the steps of an epoch, in chunks on the device."""

import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from kerasbridge.data import user_warning
from kerasbridge.data.arrays import Arrays, signature
from kerasbridge.data.digest import digest_of
from kerasbridge.data.label_checks import Check
from kerasbridge.data.numbers import to_numbers
from kerasbridge.data.prefetch import MAX_STEPS, BatchStack, prefetch, stack_batches, stack_capacity
from kerasbridge.data.pydataset import ShuffledPyDataset
from kerasbridge.data.sampler import Rows, RowSampler
from kerasbridge.data.shares import compared, own_rows, own_stack
from kerasbridge.engines.base import Data, Engine
from kerasbridge.engines.step import Batch, Tensor
from kerasbridge.errors import DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.by_name import standard_containers
from kerasbridge.keras_compat.data_adapters import (
    is_sparse_or_ragged,
    refuse_dicts,
    reset_num_batches,
    stop_workers,
    to_sliceable,
)
from kerasbridge.keras_compat.tensors import map_tensors


@dataclass(frozen=True)
class Chunk:
    """Steps with their data on the device: step k uses the rows ``order[k]`` of `data`.

    `rows` is the batch size; of several workers, each has only its own rows in `data` or `order`. A compiled step
    depends on `signature`. The steps before `start` have been run.
    `is_long`: the epoch has many steps of this batch size.
    """

    data: Data
    order: Tensor
    steps: int
    rows: int
    signature: tuple[Any, ...]
    start: int = 0
    is_long: bool = False


class EpochIterator(Protocol):
    """Yields the steps of each epoch."""

    @property
    def steps(self) -> int | None:
        """Steps per epoch; None while the number is unknown."""
        ...

    def first(self) -> Batch:
        """Return a batch of arrays like those of an epoch, for building a model."""
        ...

    def set_check(self, check: Check) -> None:
        """Replace each batch by what this function returns for it, before it is used."""
        ...

    def restart(self) -> None:
        """Start again with the first epoch."""
        ...

    @property
    def digest(self) -> str | None:
        """The digest of the first batch of the latest epoch after `keep_digests`; None if nothing is compared."""
        ...

    def keep_digests(self) -> None:
        """Compute the digest of the first batch of each epoch from now on, if data can only be read in sequence."""
        ...

    def seek(self, epoch: int, step: int, digest: str | None) -> bool:
        """Begin with this step: the next call of `chunks` is for this epoch, and leaves out the steps before it.

        Returns:
            Whether the data is that of the digest, an earlier value of `digest`; True for data that is not compared.
        """
        ...

    def chunks(self, epoch: int, max_steps: int | None) -> Generator[Chunk, None, None]:
        """Yield the chunks of an epoch; close the generator when leaving it early.

        With `max_steps`, a chunk has at most so many steps, and no batch is read before its chunk is requested.
        """
        ...


class _RandomAccess:
    """Data of which each epoch can be read by itself; the next epoch begins at the step that was sought."""

    digest: str | None = None
    _start = 0

    def seek(self, epoch: int, step: int, digest: str | None) -> bool:
        del epoch, digest
        self._start = step
        return True

    def restart(self) -> None:
        """Do nothing: an epoch does not depend on earlier ones."""

    def keep_digests(self) -> None:
        """Do nothing: rows are compared instead."""


class _InMemory(_RandomAccess):
    """Arrays in memory."""

    def __init__(self, arrays: Arrays, sampler: RowSampler, engine: Engine) -> None:
        self._arrays, self._sampler, self._engine = arrays, sampler, engine

    @property
    def steps(self) -> int:
        return self._sampler.steps

    def first(self) -> Batch:
        return self._arrays.first(self._sampler.batch_size)


class DeviceArrays(_InMemory):
    """Arrays that are stored on the device completely."""

    def __init__(self, arrays: Arrays, sampler: RowSampler, engine: Engine) -> None:
        super().__init__(arrays, sampler, engine)
        self._load()

    def _load(self) -> None:
        self._signature = signature(self._arrays.first(1))
        self._data = map_tensors(self._engine.to_device, self._arrays.load())

    def set_check(self, check: Check) -> None:
        checked = check(self._arrays.nest)
        if checked is not self._arrays.nest:
            self._arrays = Arrays(checked, self._arrays.rows)
            self._load()

    def chunks(self, epoch: int, max_steps: int | None) -> Generator[Chunk, None, None]:
        del max_steps  # there is nothing to read
        start, self._start = self._start, 0
        for rows in self._sampler.epoch(epoch):
            steps, width = rows.shape
            if start < steps:
                order = self._engine.to_device(own_rows(rows, self._engine))
                key = ("rows", width, self._signature)
                yield Chunk(self._data, order, steps, width, key, start, self._sampler.is_long(width))
            start = max(0, start - steps)


class StackedArrays(_InMemory):
    """Arrays in memory that are copied to the device in stacks of batches, in their order.

    Where each size of a stack is compiled, the stacks are full, and fewer batches stay on the host. So do large
    batches, which a loop over a stack would copy, if the device can read them there.

    Args:
        keep: whether the stacks are kept for the next epoch.
    """

    def __init__(self, arrays: Arrays, sampler: RowSampler, engine: Engine, keep: bool = False) -> None:
        super().__init__(arrays, sampler, engine)
        self._kept: dict[tuple[int, int], Chunk] | None = {} if keep else None  # by their rows
        self._to_device = engine.to_device if keep else engine.share
        self._to_host: Callable[..., Any] = np.copy if keep else np.asarray

    def set_check(self, check: Check) -> None:
        checked = check(self._arrays.nest)
        if checked is not self._arrays.nest:
            self._arrays = Arrays(checked, self._arrays.rows)
            self._kept = None if self._kept is None else {}

    def chunks(self, epoch: int, max_steps: int | None) -> Generator[Chunk, None, None]:
        """As for every iterator; the last of several full stacks contains earlier batches again."""
        del max_steps  # there is nothing to read
        start, self._start = self._start, 0
        must_be_full = self._engine.compiles_each_stack_size
        for rows in self._sampler.epoch(epoch):
            steps, width = rows.shape
            capacity = stack_capacity(self._arrays.slice_rows(slice(0, width)))
            copy, is_large = self._to_device, capacity < MAX_STEPS and self._engine.shares_host_memory
            if must_be_full and (is_large or capacity == 1 or steps < capacity):
                capacity, copy = steps, self._to_host
            for position in range(start, steps, capacity):
                begin = min(position, steps - capacity) if must_be_full else position
                yield self._chunk(rows[begin : begin + capacity], position - begin, copy)
            start = max(0, start - steps)

    def _chunk(self, rows: np.ndarray[Any, Any], start: int, copy: Callable[..., Any]) -> Chunk:
        between = int(rows[0, 0]), int(rows[-1, -1]) + 1
        kept = {} if self._kept is None else self._kept
        if between not in kept:
            kept[between] = self._stack(between, rows.shape, start, copy)
        return kept[between]

    def _stack(self, between: tuple[int, int], shape: tuple[int, ...], start: int, copy: Callable[..., Any]) -> Chunk:
        steps, width = shape
        batches = self._arrays.slice_rows(slice(*between))
        nest = map_tensors(lambda leaf: own_rows(leaf.reshape(steps, width, *leaf.shape[1:]), self._engine), batches)
        key = ("batches", width, signature(map_tensors(lambda leaf: leaf[0], nest)))
        return Chunk(map_tensors(copy, nest), copy(np.arange(steps, dtype=np.int32)), steps, width, key, start)


class _Streamed:
    """Batches on the host, stacked on their way to the device; the next stack is built in the background."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._check = engine, None  # type: Engine, Check | None

    def set_check(self, check: Check) -> None:
        self._check = check

    def chunks(self, epoch: int, max_steps: int | None) -> Generator[Chunk, None, None]:
        stacks = self._stacks(epoch, max_steps)
        with contextlib.closing(stacks if max_steps else prefetch(stacks)) as ready:
            for stack in self._compared(ready):
                yield self._to_chunk(stack)

    def _stacks(self, epoch: int, max_steps: int | None) -> Generator[BatchStack, None, None]:
        """Yield stacks of the rows of this worker."""
        raise NotImplementedError

    def _stack(self, batches: Iterable[Batch], max_steps: int | None) -> Generator[BatchStack, None, None]:
        return stack_batches(self._checked(batches), max_steps, is_alone=self._engine.world.size == 1)

    def _compared(self, stacks: Iterable[BatchStack]) -> Iterable[BatchStack]:
        """Yield the stacks; raise DataError if other workers have other batches."""
        return stacks

    def _is_long(self, rows: int) -> bool:
        """Return whether the epoch is known to have many batches of this many rows."""
        del rows
        return False

    def _checked(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            yield self._check(batch) if self._check else batch

    def _to_chunk(self, stack: BatchStack) -> Chunk:
        # As long as the stack's capacity: for each other length the loop would be compiled again.
        data, order = map_tensors(self._engine.to_device, stack.nest), np.arange(stack.capacity, dtype=np.int32)
        key, is_long = ("batches", stack.rows, stack.signature), self._is_long(stack.rows)
        return Chunk(data, self._engine.to_device(order), stack.steps, stack.rows, key, is_long=is_long)


class RowSource(Protocol):
    """Samples on the host, indexed by row."""

    def gather(self, rows: Rows) -> Batch:
        """Return the given rows as a batch of arrays."""
        ...


class HostArrays(_RandomAccess, _Streamed):
    """Rows of data that is too large for the device, or on a disk; each worker reads its own."""

    def __init__(self, source: RowSource, sampler: RowSampler, engine: Engine) -> None:
        super().__init__(engine)
        self._source, self._sampler = source, sampler

    @property
    def steps(self) -> int:
        return self._sampler.steps

    def first(self) -> Batch:
        return self._source.gather(np.arange(min(self._sampler.batch_size, self._sampler.rows)))

    def _is_long(self, rows: int) -> bool:
        return self._sampler.is_long(rows)

    def _stacks(self, epoch: int, max_steps: int | None) -> Generator[BatchStack, None, None]:
        start, self._start = self._start, 0
        for rows in self._sampler.epoch(epoch):
            own = own_rows(rows[start:], self._engine)
            for stack in self._stack(map(self._source.gather, own), max_steps):
                yield replace(stack, rows=rows.shape[1])
            start = max(0, start - len(rows))


class BatchStream(_Streamed):
    """Batches of a generator, dataset or loader, read from it as Keras does.

    Args:
        name: the name of the source in errors.
        batches: the iterator that `keras_epoch_iterator` returned for it.
        sample: another such iterator, if the first batch can be read without using up the source.
        shuffled: the source, if its batches are in another order in each epoch.
        steps_name: the argument that limits the steps, for messages.
    """

    def __init__(
        self,
        name: str,
        batches: Any,
        engine: Engine,
        sample: Any = None,
        shuffled: ShuffledPyDataset | None = None,
        steps_name: str = "steps_per_epoch",
    ) -> None:
        super().__init__(engine)
        self._opened: Iterable[Batch] | None = None
        self._name, self._source, self._sample, self._shuffled = name, batches, sample or batches, shuffled
        self._counted_steps: int | None = None
        self._steps_name = steps_name
        self._keeps_digests, self.digest = False, None  # type: bool, str | None

    @property
    def steps(self) -> int | None:
        known: int | None = self._source.num_batches if self._shuffled is None else self._shuffled.steps
        return known or self._counted_steps

    def first(self) -> Batch:
        for _, _, (batch,) in self._sample:
            self._sample.reset()
            return _to_batch(batch)
        raise self._empty()

    def restart(self) -> None:
        self._opened = None
        self._source.reset()

    def keep_digests(self) -> None:
        self._keeps_digests = self._shuffled is None

    def seek(self, epoch: int, step: int, digest: str | None) -> bool:
        """As for every iterator; what can only be read in sequence is read up to there."""
        if self._shuffled is not None:
            self._shuffled.pass_epochs(epoch)
            self._opened = self._batches(epoch, step)
            return True
        for earlier in range(epoch):
            deque(self._batches(earlier), maxlen=0)
        if step:
            batches = iter(self._batches(epoch))
            deque(itertools.islice(batches, step), maxlen=0)
            self._opened = batches
        return digest in (None, self.digest)

    def _stacks(self, epoch: int, max_steps: int | None) -> Generator[BatchStack, None, None]:
        opened, self._opened = self._opened, None
        with contextlib.closing(self._stack(opened or self._batches(epoch), max_steps)) as stacks:
            for stack in stacks:
                yield own_stack(stack, self._engine)

    def _compared(self, stacks: Iterable[BatchStack]) -> Iterable[BatchStack]:
        return compared(stacks, self._name, self._engine)

    def _batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        if self._shuffled is not None:
            self._shuffled.begin(epoch, start)
        reset_num_batches(self._source)
        expected, steps = self._source.num_batches or self._counted_steps or 1, 0
        try:
            for _, _, (item,) in self._source:
                batch = _to_batch(item)
                if self._keeps_digests and not steps:
                    self.digest = digest_of(batch)
                steps += 1
                yield batch
        finally:
            stop_workers(self._source)
        if not steps and not start and not self._counted_steps:
            raise self._empty()
        if steps < expected and not start:
            user_warning.warn(
                f"Your input ran out of data; interrupting training. The {self._name} gave {steps} batches instead of "
                f"{expected}: give it more, make it repeat, or lower {self._steps_name}."
            )
        self._counted_steps = self._counted_steps or steps

    def _empty(self) -> DataError:
        return DataError(f"Expected at least one batch, received none from the {self._name}.")


def _to_batch(item: Any) -> Batch:
    """Convert an item of a source to a batch (x, y, sample_weight) of arrays."""
    keys = keras.tree.flatten(item)
    if keys and all(isinstance(key, str) for key in keys):  # as what Keras reads a dict of a DataLoader
        refuse_dicts(keys)
    parts = zip(Batch._fields, keras.utils.unpack_x_y_sample_weight(standard_containers(item)), strict=True)
    return Batch(*(map_tensors(partial(_to_array, name), part) for name, part in parts))


def _to_array(name: str, leaf: Any) -> np.ndarray[Any, Any]:
    if is_sparse_or_ragged(leaf):
        leaf = to_sliceable(leaf).convert_to_numpy(leaf)
    array = to_numbers(name, leaf)
    if array.ndim == 0:
        raise DataError(f"Expected each batch of {name} to be an array with a row per sample, received {leaf!r}.")
    return array
