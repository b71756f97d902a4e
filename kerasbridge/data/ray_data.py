"""Shards of Ray Data: rows of named columns, of which each worker is given its own."""

import zlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kerasbridge.data.columns import Columns
from kerasbridge.data.epoch_iterators import BatchStream
from kerasbridge.data.prefetch import BatchStack
from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Batch
from kerasbridge.errors import ArgumentError


def is_shard(x: Any) -> bool:
    """Return whether an object is a shard or an iterator of Ray Data, without importing Ray."""
    return any(kind.__module__ == "ray.data.iterator" and kind.__name__ == "DataIterator" for kind in type(x).__mro__)


@dataclass(frozen=True)
class Shard:
    """A shard of Ray Data, as it was passed to `fit`.

    Attributes:
        iterator: what `ray.train.get_dataset_shard` returned.
        columns: the columns that are x, y and sample weights.
    """

    iterator: Any
    columns: Columns

    @classmethod
    def of(cls, iterator: Any, y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None) -> "Shard":
        """Return a shard with the columns of its schema."""
        names = list(iterator.schema().names)
        return cls(iterator, Columns(names, y, sample_weight, class_weight, "Ray Data shard"))

    def stream(self, engine: Engine, batch_size: int, steps: int | None, steps_name: str) -> "ShardStream":
        """Return the batches of the rows of this worker.

        Args:
            engine: the engine of the run.
            batch_size: the rows of a batch of all workers together.
            steps, steps_name: the steps of an epoch, which are those of the shard.

        Raises:
            ArgumentError: the workers cannot share such batches evenly.
        """
        size = engine.world.size
        if size > 1 and engine.sees_whole_batches:
            raise ArgumentError(
                f"Expected data that every worker reads whole on {engine.name}, received a Ray Data shard. Pass "
                "arrays, or train on torch or tensorflow."
            )
        if size > 1 and (batch_size % size or batch_size < 2 * size):
            raise ArgumentError(
                f"Expected a batch_size of all workers together that is a multiple of {size}, with two rows or more "
                f"for each, as each has its own; received {batch_size}."
            )
        if steps is not None:
            raise ArgumentError(f"Expected no {steps_name} with a Ray Data shard: an epoch is all of it.")
        return ShardStream(_Epochs(self, batch_size // size, min_rows=2 if size > 1 else 1), engine)


class _Epochs:
    """The epochs of a shard, each by a new iteration, in the form of Keras's iterator over the epochs of a dataset."""

    num_batches: int | None = None

    def __init__(self, shard: Shard, batch_size: int, min_rows: int) -> None:
        self._shard, self._batch_size, self._min_rows = shard, batch_size, min_rows
        self.data_adapter = self

    def reset(self) -> None:
        """Do nothing: each iteration is an epoch."""

    def __iter__(self) -> Iterator[tuple[None, None, tuple[Any]]]:
        for columns in self._shard.iterator.iter_batches(batch_size=self._batch_size, batch_format="numpy"):
            if len(next(iter(columns.values()))) >= self._min_rows:
                yield None, None, (tuple(self._shard.columns.batch(columns)),)


class ShardStream(BatchStream):
    """Batches of the rows of this worker, in an order that may differ when they are read again.

    Ray gives all workers as many rows; an epoch begins when all have asked for it.
    """

    def __init__(self, batches: _Epochs, engine: Engine) -> None:
        super().__init__("Ray Data shard", batches, engine)
        self._first: Batch | None = None

    def first(self) -> Batch:
        """Return the first batch, which is read once, by all workers."""
        self._first = self._first or super().first()
        return self._first

    def keep_digests(self) -> None:
        """Let checkpoints be written at the end of each epoch, since none within one can be continued."""
        self.digest = "another order"

    def seek(self, epoch: int, step: int, digest: str | None) -> bool:
        del epoch, digest
        return step == 0

    def _stacks(self, epoch: int, max_steps: int | None) -> Generator[BatchStack, None, None]:
        for stack in self._stack(self._batches(epoch), max_steps):
            form = zlib.crc32(repr((stack.steps, stack.rows)).encode())
            yield replace(stack, rows=stack.rows * self._engine.world.size, digest=form)
