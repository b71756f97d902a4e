"""Stack batches of a stream, so that many of them are copied to the device and trained on in one call."""

import contextlib
import contextvars
import math
import queue
import threading
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from kerasbridge.data.arrays import signature
from kerasbridge.engines.step import Batch, batch_size_of
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import map_tensors

MAX_STEPS = 64
MAX_BYTES = 16 * 2**20
SECONDS_TO_FILL = 0.25
"""A slow source should stall neither the device nor the progress bar."""

MAX_STEPS_OF_WORKERS = 16
"""Steps of a stack where several workers read the same batches, so that its size must not depend on time."""

MAX_READY_ITEMS = 2
THREAD = "kerasbridge data"
T = TypeVar("T")


@dataclass(frozen=True)
class BatchStack:
    """A nested structure of arrays (capacity, batch, …), of which the first `steps` are batches of `rows` rows.

    The capacity is one for a single batch; otherwise it depends only on the shapes of a batch, so that a compiled step
    can be reused for other stacks. Of several workers, each may have its rows only; `digest` is that of all rows.
    """

    nest: Batch
    steps: int
    rows: int
    signature: tuple[Any, ...]
    digest: int = 0

    @property
    def capacity(self) -> int:
        """The number of batches that the arrays have room for."""
        return batch_size_of(self.nest)


def stack_batches(
    batches: Iterable[Batch], max_steps: int | None = None, is_alone: bool = True
) -> Generator[BatchStack, None, None]:
    """Yield stacks of consecutive batches of one shape; if reading a batch fails, those before it are yielded first.

    Args:
        batches: nested arrays, read one by one and copied immediately.
        max_steps: the size of a stack; no batch is read before its stack is requested.
        is_alone: whether a stack may end early because the source is slow.
    """
    limit = max_steps or (MAX_STEPS if is_alone else MAX_STEPS_OF_WORKERS)
    builder: _StackBuilder | None = None
    try:
        for batch in batches:
            if builder and builder.signature != signature(batch):
                yield builder.stack()
                builder = None
            builder = builder or _StackBuilder(batch, limit, is_alone)
            builder.add(batch)
            if builder.is_full():
                yield builder.stack()
                builder = None
    except Exception:
        if builder:
            yield builder.stack()
        raise
    if builder:
        yield builder.stack()


class _StackBuilder:
    """Builder of a stack of batches with the shape of the first."""

    def __init__(self, batch: Batch, max_steps: int, is_timed: bool) -> None:
        self.signature, self._rows, self._steps = signature(batch), batch_size_of(batch), 0
        self._capacity = min(max_steps, stack_capacity(batch))
        self._nest = map_tensors(lambda leaf: _padding((self._capacity, *leaf.shape), leaf.dtype), batch)
        self._text_bytes = 0
        self._latest = time.perf_counter() + SECONDS_TO_FILL if is_timed else math.inf

    def add(self, batch: Batch) -> None:
        for stacked, leaf in zip(keras.tree.flatten(self._nest), keras.tree.flatten(batch), strict=True):
            if leaf is not None:
                stacked[self._steps] = leaf
                self._text_bytes += sum(map(len, leaf.flat)) if leaf.dtype.kind == "O" else 0
        self._steps += 1

    def is_full(self) -> bool:
        is_late = time.perf_counter() > self._latest
        return self._steps == self._capacity or self._text_bytes > MAX_BYTES or is_late

    def stack(self) -> BatchStack:
        # if every batch has another shape, unused capacity would be copied along with each
        nest = map_tensors(lambda leaf: leaf[:1], self._nest) if self._steps == 1 else self._nest
        return BatchStack(nest, self._steps, self._rows, self.signature)


def stack_capacity(batch: Batch) -> int:
    """Return how many of such batches to stack at most; it depends on their shapes, not on the lengths of texts."""
    leaves = [leaf for leaf in keras.tree.flatten(batch) if leaf is not None]
    return min(MAX_STEPS, max(1, MAX_BYTES // max(1, sum(int(leaf.nbytes) for leaf in leaves))))


def _padding(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Return zeros, or empty texts."""
    return np.full(shape, b"", dtype) if dtype.kind == "O" else np.zeros(shape, dtype)


def prefetch(source: Generator[T, None, None]) -> Generator[T, None, None]:
    """Yield the items of a source, computing the next ones in a thread while one is in use.

    An error of the source is raised here. Closing this generator waits for the item that is being computed and closes
    the source.
    """
    ready: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
    free_slots, closing = threading.Semaphore(MAX_READY_ITEMS), threading.Event()

    def produce() -> None:
        with contextlib.closing(source):
            while free_slots.acquire() and not closing.is_set():
                try:
                    ready.put((True, next(source)))
                except BaseException as error:  # raised again below, in the consumer's thread
                    ready.put((False, error))
                    return

    thread = threading.Thread(target=contextvars.copy_context().run, args=(produce,), name=THREAD, daemon=True)
    thread.start()
    try:
        while True:
            is_item, item = ready.get()
            if isinstance(item, StopIteration) and not is_item:
                return
            if not is_item:
                raise item
            yield item
            free_slots.release()
    finally:
        closing.set()
        free_slots.release()
        thread.join()
