"""The rows of each batch that a worker computes, of data that all workers read alike."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from kerasbridge.data.prefetch import BatchStack
from kerasbridge.engines.base import Engine
from kerasbridge.errors import DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.runtime.world import Share


def share_of(rows: int, engine: Engine) -> Share | None:
    """Return the share of a batch that this worker computes; None if its step is given whole batches."""
    is_alone = engine.world.size == 1 or engine.sees_whole_batches
    return None if is_alone else Share.of(rows, engine.world)


def own_rows(batches: np.ndarray[Any, Any], engine: Engine) -> np.ndarray[Any, Any]:
    """Return the rows that this worker computes, of an array (batches, rows, …)."""
    share = share_of(batches.shape[1], engine)
    return batches if share is None else np.ascontiguousarray(batches[:, share.start : share.stop])


def own_stack(stack: BatchStack, engine: Engine) -> BatchStack:
    """Return a stack of whole batches as one with the rows of this worker, and the digest of all rows."""
    if engine.world.size == 1:
        return stack
    nest = map_tensors(lambda leaf: own_rows(leaf, engine), stack.nest)
    return replace(stack, nest=nest, digest=_digest_of(stack))


def compared(stacks: Iterable[BatchStack], name: str, engine: Engine) -> Iterator[BatchStack]:
    """Yield the stacks; raise DataError on every worker if another one has read other batches.

    Args:
        stacks: results of `own_stack`.
        name: the name of their source, for the error.
        engine: the engine of the run.
    """
    if engine.world.size == 1:
        yield from stacks
        return
    remaining = iter(stacks)
    while True:
        stack = next(remaining, None)
        digests = engine.all_gather(np.array([-1 if stack is None else stack.digest], np.int64))[:, 0]
        if (digests != digests[0]).any():
            other = int(np.argmax(digests != digests[0]))
            raise DataError(
                f"Expected the {name} to give the same batches on every worker, in the same order, received others on "
                f"worker {other}. Seed what shuffles it or draws at random, alike on each; each worker takes its rows."
            )
        if stack is None:
            return
        yield stack


def _digest_of(stack: BatchStack) -> int:
    digest = zlib.crc32(repr((stack.steps, stack.rows)).encode())
    for leaf in keras.tree.flatten(stack.nest):
        if leaf is not None:
            data = repr(leaf.tolist()).encode() if leaf.dtype == object else np.ascontiguousarray(leaf).data
            digest = zlib.crc32(data, digest)
    return digest
