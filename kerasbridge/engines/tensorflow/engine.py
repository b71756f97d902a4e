"""TensorFlow: devices, gradients and compiled steps."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasbridge.engines.base import Block, Data, Engine, PredictBlock
from kerasbridge.engines.eager import EagerBlock, EagerPredictBlock, eager_reason
from kerasbridge.engines.stateless import in_gradient
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.engines.tensorflow.block import TensorFlowBlock, device_scope
from kerasbridge.engines.tensorflow.fused_update import fused_updates
from kerasbridge.engines.tensorflow.graph_memory import unregister_custom_gradients
from kerasbridge.engines.tensorflow.losses import corrected_losses
from kerasbridge.engines.tensorflow.map import map_elements
from kerasbridge.engines.tensorflow.predict import TensorFlowPredictBlock
from kerasbridge.keras_compat.patches import patch_convert_to_tensor, patch_map, patch_moments, patch_stack
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.runtime.context import context_value
from kerasbridge.runtime.device import Device
from kerasbridge.runtime.stderr import suppress_stderr

# Parts of TensorFlow's errors when bool(), NumPy, int(), an iteration or `.numpy()` needs a graph tensor's value.
_NO_VALUE_MESSAGES = ("symbolic tf.Tensor", "symbolic `tf.Tensor`", "SymbolicTensor", "symbolic tensor")

_STRATEGIES = (
    tf.distribute.MirroredStrategy,
    tf.distribute.MultiWorkerMirroredStrategy,
    tf.distribute.TPUStrategy,
    tf.distribute.experimental.CentralStorageStrategy,
    tf.distribute.experimental.ParameterServerStrategy,
)


class TensorFlowEngine(Engine):
    """Gradients by `tf.GradientTape`, blocks by `tf.while_loop`."""

    name = "tensorflow"
    supports_strings = True
    compiles_long_epochs = True

    def __init__(self) -> None:
        super().__init__()
        patch_stack(lambda variable: tf.convert_to_tensor(variable.value))

    def set_device(self, device: Device) -> None:
        if device.kind == "cpu":
            # TensorFlow initialises every GPU that it sees. Once it has, this raises, and the GPU stays unused.
            with contextlib.suppress(RuntimeError):
                tf.config.set_visible_devices([], "GPU")
        super().set_device(device)

    def devices(self) -> tuple[str, ...]:
        with suppress_stderr():  # the first call starts TensorFlow's runtime, which prints messages
            devices = tf.config.list_logical_devices()
        lower = [device.name.removeprefix("/device:").lower() for device in devices]
        names = [name for name in lower if name.partition(":")[0] in ("cpu", "gpu", "tpu")]
        return tuple("cpu" if names.count("cpu:1") == 0 and name == "cpu:0" else name for name in names)

    def use_device(self, device: str) -> None:
        # Keras places variables by the surrounding device scope, which stays open for the rest of the process.
        self._scope = device_scope(device)
        self._scope.__enter__()

    def strategy_of(self, model: Any) -> str | None:
        strategy = getattr(model, "distribute_strategy", None)
        return type(strategy).__name__ if isinstance(strategy, _STRATEGIES) else None

    def device_of(self, tensor: Tensor) -> str:
        name = tensor.device.rpartition("/device:")[2].lower()
        return next((device for device in self.devices() if name in (device, f"{device}:0")), name)

    def free_bytes(self) -> int | None:
        # TensorFlow reports how much memory of a GPU it uses, but not how much there is.
        on_gpu = any(name.startswith("gpu") for name in self.devices()) and not self.device.startswith("cpu")
        return None if on_gpu else super().free_bytes()

    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        with device_scope(self.device):
            return tf.convert_to_tensor(array)

    def gather_rows(self, data: Data, row: Tensor) -> Data:
        return map_tensors(lambda leaf: tf.gather(leaf, row), data)

    def _gradients(
        self, function: Callable[[], tuple[list[Tensor], Any]], groups: Sequence[Sequence[Any]]
    ) -> tuple[tuple[list[Tensor], Any], list[list[Tensor | None]]]:
        values = [[variable.value for variable in group] for group in groups]
        with context_value(in_gradient, True), tf.GradientTape(persistent=len(groups) > 1) as tape:
            # In a stateless scope, a variable's value is a tensor, which the tape does not watch by itself.
            tape.watch([value for group in values for value in group])
            losses, aux = function()
        gradients = [tape.gradient(loss, group) for loss, group in zip(losses, values, strict=True)]
        return (losses, aux), [[_dense(gradient) for gradient in group] for group in gradients]

    def grad(self, function: Callable[[Any], tuple[Tensor, Any]], nest: Any) -> tuple[tuple[Tensor, Any], Any]:
        with context_value(in_gradient, True), tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(nest)
            value, aux = function(nest)
        return (value, aux), tf.nest.map_structure(_dense, tape.gradient(value, nest))

    @contextlib.contextmanager
    def loss_scope(self) -> Iterator[None]:
        with corrected_losses(), patch_map(map_elements):
            yield

    def optimizer_scope(self) -> contextlib.AbstractContextManager[Any]:
        return fused_updates()

    def user_code_scope(self) -> contextlib.AbstractContextManager[Any]:
        return patch_convert_to_tensor(lambda variable: tf.convert_to_tensor(variable.value))

    def higher_order_scope(self) -> contextlib.AbstractContextManager[Any]:
        return patch_moments(_moments)

    def read(self, value: Tensor) -> Tensor:
        return tf.convert_to_tensor(value)

    def abstract_scope(self) -> contextlib.AbstractContextManager[Any]:
        return unregister_custom_gradients()

    def is_concretization_error(self, error: Exception) -> bool:
        is_missing_attribute = isinstance(error, AttributeError) and "numpy" not in str(error)
        return not is_missing_attribute and any(part in str(error) for part in _NO_VALUE_MESSAGES)

    def settings(self) -> tuple[Any, ...]:
        return (tf.config.experimental.tensor_float_32_execution_enabled(), tf.config.optimizer.get_jit())

    @contextlib.contextmanager
    def full_precision(self) -> Iterator[None]:
        before = tf.config.experimental.tensor_float_32_execution_enabled()
        tf.config.experimental.enable_tensor_float_32_execution(False)
        try:
            yield
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(before)

    def copy(self, tensor: Tensor) -> Tensor:
        return tf.identity(tensor)

    def is_out_of_memory(self, error: Exception) -> bool:
        return isinstance(error, tf.errors.ResourceExhaustedError)

    def compile(self, step: Step) -> Block:
        reason = eager_reason(step)
        return EagerBlock(self, step, reason) if reason else TensorFlowBlock(self, step)

    def plain_block(self, step: Step, reason: str | None = None) -> Block:
        return EagerBlock(self, step, reason)

    def compile_predict(
        self, step: Step, restored: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext
    ) -> PredictBlock:
        del restored
        reason = eager_reason(step)
        return EagerPredictBlock(self, step, reason) if reason else TensorFlowPredictBlock(self, step)


def _moments(original: Any, x: Tensor, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Return mean and variance; only the first derivative of TensorFlow's own variance is right."""
    if synchronized:
        return original(x, axes, keepdims=keepdims, synchronized=True)
    wide = tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else tf.convert_to_tensor(x)
    mean = tf.reduce_mean(wide, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(wide - mean), axes, keepdims=keepdims)
    mean = mean if keepdims else tf.squeeze(mean, axes)
    return tf.cast(mean, x.dtype), tf.cast(variance, x.dtype)


def _dense(gradient: Any) -> Any:
    """Convert an embedding's gradient, which comes as parts of rows, to one tensor.

    Keras's optimizers would square the parts of a row before adding them, and so train embeddings differently than on
    JAX and torch.
    """
    return tf.convert_to_tensor(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient
