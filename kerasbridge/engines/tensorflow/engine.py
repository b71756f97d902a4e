"""TensorFlow: the step runs on its variables inside a `tf.while_loop`, in one `tf.function`."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasbridge.engines.base import Block, BlockResult, Data, EagerBlock, Engine, eager_reason
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.keras_compat.patches import patch_convert_to_tensor, patch_moments
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.runtime.device import Device
from kerasbridge.runtime.stderr import suppress_stderr

# How TensorFlow says that a tensor in a graph has no value: by a bool, NumPy, a number, an iteration, or `.numpy()`.
_WITHOUT_VALUE = ("symbolic tf.Tensor", "symbolic `tf.Tensor`", "SymbolicTensor", "symbolic tensor")


class TensorFlowEngine(Engine):
    """Gradients by `tf.GradientTape`, blocks by `tf.while_loop`."""

    name = "tensorflow"
    takes_texts = True

    def set_device(self, device: Device) -> None:
        if device.kind == "cpu":
            # A GPU that TensorFlow sees it also initialises; once it has, this raises and nothing is lost.
            with contextlib.suppress(RuntimeError):
                tf.config.set_visible_devices([], "GPU")
        super().set_device(device)

    def devices(self) -> tuple[str, ...]:
        with suppress_stderr():  # the first question starts TensorFlow's runtime, which introduces itself
            listed = tf.config.list_logical_devices()
        found = [device.name.removeprefix("/device:").lower() for device in listed]
        names = [name for name in found if name.partition(":")[0] in ("cpu", "gpu", "tpu")]
        return tuple("cpu" if names.count("cpu:1") == 0 and name == "cpu:0" else name for name in names)

    def use(self, device: str) -> None:
        kind, _, index = device.partition(":")
        self._scope = tf.device(f"/{kind}:{index or 0}")
        # Keras places variables where the surrounding device scope says: it stays open for the process.
        self._scope.__enter__()

    def device_of(self, tensor: Tensor) -> str:
        name = tensor.device.rpartition("/device:")[2].lower()
        return next((device for device in self.devices() if name in (device, f"{device}:0")), name)

    def free_bytes(self) -> int | None:
        # TensorFlow tells how much of a GPU it uses, and not how much there is.
        on_gpu = any(name.startswith("gpu") for name in self.devices()) and not self.device.startswith("cpu")
        return None if on_gpu else super().free_bytes()

    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        with self._on_device():
            return tf.convert_to_tensor(array)

    def gather_rows(self, data: Data, row: Tensor) -> Data:
        return map_tensors(lambda leaf: tf.gather(leaf, row), data)

    def gradients(
        self, function: Callable[[], tuple[list[Tensor], Any]], groups: Sequence[Sequence[Any]]
    ) -> tuple[tuple[list[Tensor], Any], list[list[Tensor | None]]]:
        values = [[variable.value for variable in group] for group in groups]
        with tf.GradientTape(persistent=len(groups) > 1) as tape:
            # A variable written before, in a scope, is a tensor, which the tape would not watch by itself.
            tape.watch([value for group in values for value in group])
            losses, aux = function()
        found = [tape.gradient(loss, group) for loss, group in zip(losses, values, strict=True)]
        return (losses, aux), [[_dense(gradient) for gradient in gradients] for gradients in found]

    def grad(self, function: Callable[[Any], tuple[Tensor, Any]], nest: Any) -> tuple[tuple[Tensor, Any], Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(nest)
            value, aux = function(nest)
        return (value, aux), tf.nest.map_structure(_dense, tape.gradient(value, nest))

    def user_code_scope(self) -> contextlib.AbstractContextManager[Any]:
        return patch_convert_to_tensor(lambda variable: tf.convert_to_tensor(variable.value))

    def higher_order_scope(self) -> contextlib.AbstractContextManager[Any]:
        return patch_moments(_moments)

    def read(self, value: Tensor) -> Tensor:
        return tf.convert_to_tensor(value)

    def is_concretization_error(self, error: Exception) -> bool:
        without_attribute = isinstance(error, AttributeError) and "numpy" not in str(error)
        return not without_attribute and any(sign in str(error) for sign in _WITHOUT_VALUE)

    @contextlib.contextmanager
    def full_precision(self) -> Iterator[None]:
        before = tf.config.experimental.tensor_float_32_execution_enabled()
        tf.config.experimental.enable_tensor_float_32_execution(False)
        try:
            yield
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(before)

    def compile(self, step: Step) -> Block:
        reason = eager_reason(step)
        return EagerBlock(self, step, reason) if reason else TensorFlowBlock(self, step)

    def compile_call(self, step: Step) -> Callable[[Data, Tensor], Any]:
        reason = eager_reason(step)
        return EagerBlock(self, step, reason).predict if reason else self._function(step)

    def _function(self, step: Step) -> Any:
        return _traced(
            lambda data, row: step.run(self.gather_rows(data, row)), jit_compile=True if step.jit_compile else None
        )

    def _on_device(self) -> contextlib.AbstractContextManager[Any]:
        kind, _, index = self.device.partition(":")
        return contextlib.nullcontext() if kind == "auto" else tf.device(f"/{kind}:{index or 0}")


class TensorFlowBlock:
    """A block: a loop in the graph around the step, itself a function of its own (and an XLA one where asked)."""

    execution_mode = "looped"
    fallback_reason: str | None = None

    def __init__(self, engine: TensorFlowEngine, step: Step) -> None:
        self._step = engine._function(step)
        self._loop = _traced(self._while)
        self._on_device = engine._on_device

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, halt: bool) -> BlockResult:
        with self._on_device():
            bounds = tf.constant(start), tf.constant(stop), tf.constant(halt)
            end, reports, logs = self._loop(data, order, *bounds)
        end = int(end)
        return BlockResult(end - start, reports.numpy()[: end - start], logs)

    def _while(
        self, data: Data, order: Tensor, start: Tensor, stop: Tensor, halt: Tensor
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        report, logs = self._step.get_concrete_function(data, order[0]).structured_outputs
        reports = tf.TensorArray(report.dtype, size=stop - start)
        names = list(logs)

        def more(index: Tensor, sound: Tensor, *_: Any) -> Tensor:
            return tf.logical_and(index < stop, tf.logical_or(sound, tf.logical_not(halt)))

        def body(index: Tensor, _: Tensor, reports: Any, *__: Tensor) -> Any:
            report, logs = self._step(data, order[index])
            sound = tf.reduce_all(tf.math.is_finite(report))
            return index + 1, sound, reports.write(index - start, report), *(logs[n] for n in names)

        empty = [tf.zeros(logs[name].shape, logs[name].dtype) for name in names]
        end, _, reports, *last = tf.while_loop(
            more, body, (start, tf.constant(True), reports, *empty), parallel_iterations=1
        )
        return end, reports.stack(), dict(zip(names, last, strict=True))


def _traced(function: Callable[..., Any], **options: Any) -> Any:
    """A graph of a function, made anew for other shapes.

    TensorFlow warns of tracing too often, and counts by where a function lies in memory: another model's may lie there
    later, as in a search over many models.
    """
    graph = tf.function(function, autograph=False, **options)
    graph._omit_frequent_tracing_warning = True
    return graph


def _moments(original: Any, x: Tensor, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance; TensorFlow's own variance is right in its first derivative only."""
    if synchronized:
        return original(x, axes, keepdims=keepdims, synchronized=True)
    wide = tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else tf.convert_to_tensor(x)
    mean = tf.reduce_mean(wide, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(wide - mean), axes, keepdims=keepdims)
    mean = mean if keepdims else tf.squeeze(mean, axes)
    return tf.cast(mean, x.dtype), tf.cast(variance, x.dtype)


def _dense(gradient: Any) -> Any:
    """An embedding's gradient, in parts by row, as one tensor.

    Keras's optimizers square the parts of a row before they are added, and so train embeddings otherwise than on JAX
    and torch.
    """
    return tf.convert_to_tensor(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient
