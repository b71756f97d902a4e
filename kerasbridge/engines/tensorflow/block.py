"""A block of steps on TensorFlow: a `tf.while_loop` around the step, in one `tf.function`."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from kerasbridge.engines import fast_paths
from kerasbridge.engines.base import BlockResult, Data, Engine
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.engines.tensorflow.graph_memory import unregister_custom_gradients
from kerasbridge.engines.tensorflow.xla import computes_the_same
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import map_tensors

XLA_LOOP = "xla-loop"


class TensorFlowBlock:
    """A block: a loop in the graph around the step, which is a function of its own, with XLA if jit_compile is on.

    In a long epoch on a CPU, the loop with the step is one XLA program if it computes the same.
    """

    execution_mode = "looped"
    fallback_reason: str | None = None

    def __init__(
        self, engine: Engine, step: Step, waiting: Callable[[], contextlib.AbstractContextManager[None]]
    ) -> None:
        """Create a block; it runs inside of the context that `waiting` returns."""
        self.variables, self._waiting = step.variables, waiting
        is_alone = engine.world.size == 1  # XLA cannot compile what workers exchange
        self._step = graph_function(step.run, jit_compile=True if step.jit_compile and is_alone else None)
        self._gather, self._is_long = engine.gather_rows, step.is_long and is_alone
        self._loop, self._in_xla = None, False  # type: Any, bool
        self._device = engine.device

    def prepare(self, data: Data, order: Tensor) -> None:
        del data, order

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, stop_on_nonfinite: bool) -> BlockResult:
        with device_scope(self._device), self._waiting():
            bounds = tf.constant(start), tf.constant(stop), tf.constant(stop_on_nonfinite)
            end, reports, logs, is_finite = self._run(data, order, *bounds)
        end = int(end)
        reports = reports.numpy()[: end - start]
        if not is_finite:
            losses = [name for name in logs if name == "loss" or name.endswith("_loss")]
            logs.update({name: tf.fill(logs[name].shape, tf.constant(np.nan, logs[name].dtype)) for name in losses})
            reports[-1] = reports[-1] if reports.ndim > 1 else np.nan
        return BlockResult(end - start, reports, logs)

    def _run(self, data: Data, order: Tensor, *bounds: Tensor) -> Any:
        if self._loop is None and self._suits_xla(data, order):
            self._in_xla, self._loop = True, graph_function(self._while, jit_compile=True)
            with contextlib.suppress(tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
                result = self._loop(data, order, *bounds)
                fast_paths.use(XLA_LOOP)
                return result
            self._in_xla, self._loop = False, None  # XLA could not compile it, and no variable has changed
        self._loop = self._loop or graph_function(self._while).get_concrete_function(
            map_tensors(of_any_length, data), of_any_length(order), *map(tf.TensorSpec.from_tensor, bounds)
        )
        return self._loop(data, order, *bounds)

    def _suits_xla(self, data: Data, order: Tensor) -> bool:
        if not self._is_long or XLA_LOOP not in fast_paths.allowed() or tf.config.list_logical_devices("GPU"):
            return False
        if any(leaf.dtype == tf.string for leaf in keras.tree.flatten(data) if leaf is not None):
            return False
        return computes_the_same(self._step.get_concrete_function(self._gather(data, order[0])).graph)

    def _while(
        self, data: Data, order: Tensor, start: Tensor, stop: Tensor, stop_on_nonfinite: Tensor
    ) -> tuple[Tensor, Tensor, dict[str, Tensor], Tensor]:
        """Loop over the steps; the last result is whether the weights are finite.

        With weights that are NaN the loss may be finite: ReLU fused with a product, and pooling, return 0 for NaN.
        """
        report, logs = self._step.get_concrete_function(self._gather(data, order[0])).structured_outputs
        steps = order.shape[0] if self._in_xla else stop - start  # the length of an array of XLA is a constant
        reports = tf.TensorArray(report.dtype, size=steps, element_shape=report.shape)
        names = list(logs)

        def has_next(index: Tensor, is_finite: Tensor, *_: Any) -> Tensor:
            return tf.logical_and(index < stop, tf.logical_or(is_finite, tf.logical_not(stop_on_nonfinite)))

        def body(index: Tensor, _: Tensor, reports: Any, *__: Tensor) -> Any:
            report, logs = self._step(self._gather(data, order[index]))
            is_finite = tf.reduce_all(tf.math.is_finite(report))
            return index + 1, is_finite, reports.write(index - start, report), *(logs[name] for name in names)

        no_logs = [tf.zeros(logs[name].shape, logs[name].dtype) for name in names]
        end, _, reports, *last_logs = tf.while_loop(
            has_next, body, (start, tf.constant(True), reports, *no_logs), parallel_iterations=1
        )
        logs = dict(zip(names, last_logs, strict=True))
        return end, reports.stack(), logs, _are_finite(self.variables)


def of_any_length(leaf: Tensor) -> tf.TensorSpec:
    """Describe tensors like this one with any number of rows, so that all share a graph."""
    return tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype)


def _are_finite(variables: Iterable[Any]) -> Tensor:
    """Return whether the trainable variables contain no NaN or infinity."""
    weights = [variable.value for variable in variables if variable.trainable]
    floats = [weight for weight in weights if weight.dtype.is_floating]
    return tf.reduce_all([tf.constant(True)] + [tf.reduce_all(tf.math.is_finite(weight)) for weight in floats])


def device_scope(device: str) -> contextlib.AbstractContextManager[Any]:
    """Place tensors on a device by its name; "auto" leaves that to TensorFlow."""
    kind, _, index = device.partition(":")
    return contextlib.nullcontext() if kind == "auto" else tf.device(f"/{kind}:{index or 0}")


def graph_function(function: Callable[..., Any], **options: Any) -> Any:
    """Return a graph function that is traced again for other shapes, without TensorFlow's warning about that.

    TensorFlow counts traces by the memory address of a function, and another model's function may get the same one
    later, as in a search over many models.
    """

    def trace(*arguments: Any) -> Any:
        with unregister_custom_gradients():
            return function(*arguments)

    graph = tf.function(trace, autograph=False, **options)
    graph._omit_frequent_tracing_warning = True
    return graph
