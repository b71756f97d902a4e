"""The portable generator on the CPU as one torch operation, much faster than some twenty ATen operations.

A random layer increments its counter at each draw, so that its next draws are known: they are computed together, once
a second draw has shown that the counter goes on.
"""

import threading

import numpy as np
import torch

from kerasbridge.engines.step import Tensor
from kerasbridge.random import generator

BITS_AHEAD = 2**16
MAX_STREAMS = 256

_LIBRARY = torch.library.Library("kerasbridge", "DEF")
_LIBRARY.define("random_bits(Tensor key, int count) -> Tensor")


def random_bits(key: Tensor, count: int) -> Tensor:
    """Return the random bits of a key (seed, counter), int32, as an int32 tensor of shape (count,) on the CPU."""
    return torch.ops.kerasbridge.random_bits(key, count)


class BitStream:
    """The draws of one seed and size, in the order of their counters; each is returned once."""

    def __init__(self, seed: int, count: int) -> None:
        self._seed, self._count = seed, count
        self._next: int | None = None
        self._ready: list[Tensor] = []

    def draw(self, counter: int) -> Tensor:
        """Return the bits of this counter."""
        if counter != self._next:
            self._ready = self._draw_ahead(counter, 1)
        elif not self._ready:
            self._ready = self._draw_ahead(counter, max(1, BITS_AHEAD // max(1, self._count)))
        self._next = counter + 1
        return self._ready.pop()

    def _draw_ahead(self, counter: int, ahead: int) -> list[Tensor]:
        """Return draws from `counter` on, the last one first."""
        draws = generator.random_bits_batch(self._seed, counter, self._count, ahead).view(np.int32)
        return list(torch.from_numpy(draws).unbind())[::-1]


_streams: dict[tuple[int, int], BitStream] = {}
_lock = threading.Lock()


def forget_draws() -> None:
    """Free the draws that were computed ahead, up to 256 KB for each seed and size; other runs have other seeds."""
    with _lock:
        _streams.clear()


def random_bits_cpu(key: Tensor, count: int) -> Tensor:
    """Compute `random_bits` on the CPU, without the dispatcher of torch."""
    seed, counter = key.tolist()
    with _lock:
        stream = _streams.get((seed, count))
        if stream is None:
            if len(_streams) == MAX_STREAMS:
                _streams.clear()
            stream = _streams[seed, count] = BitStream(seed, count)
        return stream.draw(counter)


def _random_bits_meta(key: Tensor, count: int) -> Tensor:
    return key.new_empty(count, dtype=torch.int32)


_LIBRARY.impl("random_bits", random_bits_cpu, "CPU")
_LIBRARY.impl("random_bits", _random_bits_meta, "Meta")
