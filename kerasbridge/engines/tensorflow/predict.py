"""Predictions on TensorFlow: a loop over the batches in the graph, one function for stacks of any number of batches."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerasbridge.engines.base import Data, Engine
from kerasbridge.engines.eager import batch_of
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.engines.tensorflow.block import device_scope, graph_function, of_any_length
from kerasbridge.keras_compat.tensors import map_tensors


class TensorFlowPredictBlock:
    """A block: a loop in the graph around the step, which is a function of its own, with XLA if jit_compile is on."""

    fallback_reason: str | None = None

    def __init__(self, engine: Engine, step: Step) -> None:
        self._device = engine.device
        self._step = graph_function(step.run, jit_compile=True if step.jit_compile else None)
        self._one: Any = None

    def __call__(self, stack: Data, start: int, stop: int, left: int) -> list[Any]:
        leaves = _leaves(stack)
        if self._one is None:
            self._prepare(stack, leaves)
        with device_scope(self._device):
            if self._may_loop and len(leaves[0]) > 1:
                return [self._loop(*leaves, tf.constant(start), tf.constant(stop))]
            return [self._one(*leaves, tf.constant(index)) for index in range(start, stop)]

    def _prepare(self, stack: Data, leaves: list[Tensor]) -> None:
        """Trace the step, and choose whether to loop over it."""
        stacks = [*map(of_any_length, leaves)]
        index = tf.TensorSpec([], tf.int32)

        def batch(leaves: tuple[Tensor, ...], index: Tensor) -> Data:
            remaining = iter(leaves)
            return batch_of(map_tensors(lambda _: next(remaining), stack), index)

        def one(*arguments: Tensor) -> Any:
            *leaves, index = arguments
            return self._step(batch(tuple(leaves), index))

        def loop(*arguments: Tensor) -> Any:
            *leaves, start, stop = arguments
            return _loop(lambda index: self._step(batch(tuple(leaves), index)), specs, start, stop)

        self._one = graph_function(one, input_signature=[*stacks, index])
        self._loop = graph_function(loop, input_signature=[*stacks, index, index])
        specs = self._one.get_concrete_function().structured_outputs
        self._may_loop = all(map(_is_fixed, tf.nest.flatten(specs, expand_composites=False)))


def _loop(run: Callable[[Tensor], Any], specs: Any, start: Tensor, stop: Tensor) -> Any:
    """Return the predictions for the batches from `start` to `stop`, concatenated."""
    flat = tf.nest.flatten(specs)
    arrays = [tf.TensorArray(spec.dtype, size=stop - start, element_shape=spec.shape) for spec in flat]

    def body(index: Tensor, *arrays: Any) -> Any:
        outputs = tf.nest.flatten(run(index))
        written = [array.write(index - start, leaf) for array, leaf in zip(arrays, outputs, strict=True)]
        return index + 1, *written

    _, *arrays = tf.while_loop(lambda index, *_: index < stop, body, (start, *arrays), parallel_iterations=1)
    return tf.nest.pack_sequence_as(specs, [array.concat() for array in arrays])


def _is_fixed(spec: Any) -> bool:
    """Return whether this describes a dense tensor with rows, of the same shape for every batch."""
    return isinstance(spec, tf.TensorSpec) and spec.shape.is_fully_defined() and spec.shape.rank > 0


def _leaves(stack: Data) -> list[Tensor]:
    found: list[Tensor] = []
    map_tensors(found.append, stack)
    return found
