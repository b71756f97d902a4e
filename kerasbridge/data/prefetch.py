"""Batches that come one by one, stacked: many of them go to the device, and are trained on, in one call."""

import contextlib
import contextvars
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
"""A source that is slow should not keep the device waiting, nor the progress bar."""

READY_AHEAD = 2
THREAD = "kerasbridge data"
T = TypeVar("T")


@dataclass(frozen=True)
class BatchStack:
    """The first `steps` of a nest of arrays (capacity, batch, …) are batches of `rows` rows.

    The capacity is one for a batch that stands alone, else it depends on the shapes of a batch alone: what is compiled
    for one stack serves for others.
    """

    nest: Batch
    steps: int
    rows: int
    signature: tuple[Any, ...]


def stack_batches(batches: Iterable[Batch], most_steps: int | None = None) -> Generator[BatchStack, None, None]:
    """Stacks of consecutive batches of one shape; where taking one fails, those before it come first.

    Args:
        batches: nests of arrays, taken one by one and copied at once.
        most_steps: of a stack; no batch is taken before its stack is wanted.
    """
    filling: _StackBuilder | None = None
    try:
        for batch in batches:
            if filling and filling.signature != signature(batch):
                yield filling.stack()
                filling = None
            filling = filling or _StackBuilder(batch, most_steps or MAX_STEPS)
            filling.add(batch)
            if filling.is_full():
                yield filling.stack()
                filling = None
    except Exception:
        if filling:
            yield filling.stack()
        raise
    if filling:
        yield filling.stack()


class _StackBuilder:
    """A stack that is being filled with batches like the first."""

    def __init__(self, batch: Batch, most_steps: int) -> None:
        self.signature, self._rows, self._steps = signature(batch), batch_size_of(batch), 0
        self._capacity = min(most_steps, _fitting(batch))
        self._nest = map_tensors(lambda leaf: np.zeros((self._capacity, *leaf.shape), leaf.dtype), batch)
        self._start = time.perf_counter()

    def add(self, batch: Batch) -> None:
        for place, leaf in zip(keras.tree.flatten(self._nest), keras.tree.flatten(batch), strict=True):
            if leaf is not None:
                place[self._steps] = leaf
        self._steps += 1

    def is_full(self) -> bool:
        return self._steps == self._capacity or time.perf_counter() - self._start > SECONDS_TO_FILL

    def stack(self) -> BatchStack:
        # Where shapes change from batch to batch, all of them stand alone: nothing is carried along with them.
        nest = map_tensors(lambda leaf: leaf[:1], self._nest) if self._steps == 1 else self._nest
        return BatchStack(nest, self._steps, self._rows, self.signature)


def _fitting(batch: Batch) -> int:
    """How many such batches a stack holds; of texts, which have no value to fill up with, one."""
    leaves = [leaf for leaf in keras.tree.flatten(batch) if leaf is not None]
    if any(leaf.dtype.kind in "OSU" for leaf in leaves):
        return 1
    return max(1, MAX_BYTES // max(1, sum(int(leaf.nbytes) for leaf in leaves)))


def prefetch(source: Generator[T, None, None]) -> Generator[T, None, None]:
    """The items of a source, the next ones being made in a thread while one is in use.

    An error of the source is raised here. Closing this, as leaving a loop over it does, waits for the item that is
    being made and closes the source.
    """
    ready: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
    room, leaving = threading.Semaphore(READY_AHEAD), threading.Event()

    def make() -> None:
        with contextlib.closing(source):
            while room.acquire() and not leaving.is_set():
                try:
                    ready.put((True, next(source)))
                except BaseException as ending:  # raised again below, where it is wanted
                    ready.put((False, ending))
                    return

    thread = threading.Thread(target=contextvars.copy_context().run, args=(make,), name=THREAD, daemon=True)
    thread.start()
    try:
        while True:
            is_item, item = ready.get()
            if isinstance(item, StopIteration) and not is_item:
                return
            if not is_item:
                raise item
            yield item
            room.release()
    finally:
        leaving.set()
        room.release()
        thread.join()
