"""Windows that move over a tensor, of a pooling or a convolution, as slices with one element of each."""

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from kerasbridge.engines.step import Tensor


class Window(NamedTuple):
    """Size, strides, padding (before, after) and distance of the elements of a window along each axis of a tensor."""

    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]

    @property
    def extent(self) -> tuple[int, ...]:
        """Return the distance from the first to the last element, plus one."""
        return tuple((size - 1) * distance + 1 for size, distance in zip(self.size, self.dilation, strict=True))

    @property
    def is_disjoint(self) -> bool:
        """Return whether windows follow each other, so that no element is in two or between two of them."""
        return self.extent == self.size == self.strides

    @property
    def axes(self) -> tuple[int, ...]:
        """Return the axes of elements, if one of elements follows each axis of windows."""
        return tuple(range(1, 2 * len(self.size), 2))

    def along(self, axis: int) -> "Window":
        """Return the window that has one element along the other axes, where it moves by one."""

        def only(values: tuple[Any, ...], default: Any) -> tuple[Any, ...]:
            return tuple(value if index == axis else default for index, value in enumerate(values))

        return Window(only(self.size, 1), only(self.strides, 1), only(self.padding, (0, 0)), only(self.dilation, 1))

    def with_channels(self) -> "Window":
        """Return the window over a tensor (batch, …, channels), each row and channel alone."""
        size, strides, padding, dilation = self
        return Window((1, *size, 1), (1, *strides, 1), ((0, 0), *padding, (0, 0)), (1, *dilation, 1))

    def counts(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the number of windows along each axis of a tensor of this shape."""
        return tuple(
            (before + length + after - extent) // stride + 1
            for length, extent, stride, (before, after) in zip(
                shape, self.extent, self.strides, self.padding, strict=True
            )
        )

    def elements(self, x: Tensor, value: float = 0) -> Iterator[Tensor]:
        """Yield, for each position in the window, the elements there of all windows; the padding has this value."""
        counts = self.counts(x.shape)
        padded = self._padded(x, value)
        for position in itertools.product(*map(range, self.size)):
            start = [index * distance for index, distance in zip(position, self.dilation, strict=True)]
            stop = [
                first + (count - 1) * stride + 1
                for first, count, stride in zip(start, counts, self.strides, strict=True)
            ]
            yield jax.lax.slice(padded, start, stop, self.strides)

    def split(self, x: Tensor) -> Tensor:
        """Return disjoint windows, in a tensor with an axis of windows and one of elements for each of its axes."""
        pairs = zip(self.counts(x.shape), self.size, strict=True)
        return self._padded(x, 0).reshape([length for pair in pairs for length in pair])

    def _padded(self, x: Tensor, value: float) -> Tensor:
        """Return the tensor up to the end of the last window: with padding, or without the rows in no window."""
        sides = []
        for length, count, extent, stride, (before, _) in zip(
            x.shape, self.counts(x.shape), self.extent, self.strides, self.padding, strict=True
        ):
            sides.append((before, (count - 1) * stride + extent - before - length, 0))
        return jax.lax.pad(x, jnp.asarray(value, x.dtype), sides)


def window(
    shape: Sequence[int], size: Sequence[int], strides: Sequence[int], padding: Any, dilation: Sequence[int]
) -> Window:
    """Return the window that moves over a tensor of this shape; `padding` as in `jax.lax`, "SAME" for example."""
    moving = Window(tuple(size), tuple(strides), (), tuple(dilation))
    if isinstance(padding, str):
        padding = jax.lax.padtype_to_pads(shape, moving.extent, strides, padding)
    return moving._replace(padding=tuple((int(before), int(after)) for before, after in padding))


def add(tensors: Iterable[Tensor]) -> Tensor:
    """Return the sum of tensors."""
    return functools.reduce(jnp.add, tensors)
