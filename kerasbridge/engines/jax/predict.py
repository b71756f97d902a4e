"""Predictions on JAX: a loop over the batches on the device, or jitted calls if a loop would slow the step down."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasbridge.engines.base import Data, batches_that_fit
from kerasbridge.engines.eager import batch_of
from kerasbridge.engines.jax.block import Retraced, is_slow_in_loop, jit
from kerasbridge.engines.jax.device import is_on_cpu
from kerasbridge.engines.jax.loops import writing_control_flow
from kerasbridge.engines.jax.placement import Placement
from kerasbridge.engines.stateless import functionalize
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import map_tensors

Written = dict[int, Tensor]
"""The values that a step assigns, by the index of the variable: most models assign none while they predict."""


class JaxPredictBlock:
    """A block of predict steps, traced again with the variables that a trace finds missing."""

    fallback_reason: str | None = None

    def __init__(self, placement: Placement, step: Step) -> None:
        self._run = Retraced(step, partial(PredictLoop, placement))

    def __call__(self, stack: Data, start: int, stop: int, left: int) -> list[Any]:
        parts: list[Any] = self._run(stack, start, stop)
        return parts


class PredictLoop:
    """The compiled step, alone and in a loop."""

    def __init__(self, placement: Placement, step: Step) -> None:
        self._placement = placement
        self._variables = step.variables
        self._run = functionalize(step)
        self._step, self._loop = jit(self._one, placement), jit(self._while, placement)
        self._length: int | None = None

    def __call__(self, stack: Data, start: int, stop: int) -> list[Any]:
        values = self._placement.enter([variable.value for variable in self._variables])
        written: Written = {}
        parts = []
        length = self._block_length(values, stack)
        if length == 1 and (is_on_cpu() or _is_on_host(stack)):
            stack = map_tensors(np.asarray, stack)  # a program would be compiled for each size of the stack
        elif length > 1:
            stack = self._placement.enter(stack)
        for first in range(start, stop, length):
            last = min(first + length, stop)
            if length > 1:
                new, outputs = self._loop(_with(values, written), stack, first, last)
                outputs = jax.tree.map(lambda leaf: _rows(leaf[: last - first]), outputs)  # noqa: B023 - called at once
            else:
                new, outputs = self._step(_with(values, written), self._batch_at(stack, first))
            written |= new
            parts.append(self._placement.leave(outputs))
        for index, value in written.items():
            self._variables[index].assign(self._placement.leave(value))
        return parts

    def _batch_at(self, stack: Data, index: int) -> Data:
        if _is_on_host(stack):
            return self._placement.enter_batch(batch_of(stack, index))
        return self._placement.enter(_batch_on_device(stack, index))

    def _block_length(self, values: Sequence[Tensor], stack: Data) -> int:
        """Return how many batches a call computes; one where the step is called without a loop."""
        if _size(stack) == 1 or _is_on_host(stack):
            return 1
        if self._length is None:
            batch = jax.eval_shape(batch_of, stack, 0)
            _, outputs = jax.eval_shape(self._step, values, batch)
            leaves = keras.tree.flatten(outputs)
            are_dense = all(isinstance(leaf, jax.ShapeDtypeStruct) and leaf.shape for leaf in leaves)
            may_loop = are_dense and not is_slow_in_loop(self._step.trace(values, batch))
            self._length = min(_size(stack), batches_that_fit(bytes_of(outputs))) if may_loop else 1
        return self._length

    def _one(self, values: Sequence[Tensor], batch: Data) -> tuple[Written, Any]:
        with writing_control_flow():
            new, outputs = self._run(values, self._placement.split(batch))
        return {k: value for k, value in enumerate(new) if value is not values[k]}, outputs

    def _while(self, values: Sequence[Tensor], stack: Data, start: Tensor, stop: Tensor) -> tuple[Written, Any]:
        """Loop from `start` to `stop`: as these are arguments, one compilation serves blocks of every length."""
        written, outputs = jax.eval_shape(self._step, values, batch_of(stack, 0))
        size = min(_size(stack), batches_that_fit(bytes_of(outputs)))
        buffers = jax.tree.map(lambda leaf: jnp.zeros((size, *leaf.shape), leaf.dtype), outputs)

        def body(carry: Any) -> Any:
            index, written, buffers = carry
            new, outputs = self._step(_with(values, written), batch_of(stack, index))
            filled = jax.tree.map(lambda buffer, leaf: buffer.at[index - start].set(leaf), buffers, outputs)
            return index + 1, {**written, **new}, filled

        first = start, {k: values[k] for k in written}, buffers
        _, written, buffers = jax.lax.while_loop(lambda carry: carry[0] < stop, body, first)
        return written, buffers


_batch_on_device = jax.jit(batch_of)


def _is_on_host(stack: Data) -> bool:
    return isinstance(jax.tree.leaves(stack)[0], np.ndarray)


def bytes_of(outputs: Any) -> int:
    """Return the size of predictions, or of what describes them."""
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(outputs))


def _with(values: Sequence[Tensor], written: Written) -> list[Tensor]:
    return [written.get(k, value) for k, value in enumerate(values)]


def _size(stack: Data) -> int:
    return int(jax.tree.leaves(stack)[0].shape[0])


def _rows(leaf: Tensor) -> Tensor:
    return leaf.reshape(-1, *leaf.shape[2:])
