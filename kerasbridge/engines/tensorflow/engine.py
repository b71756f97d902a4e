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
from kerasbridge.engines.tensorflow.peer_watch import is_worker_lost
from kerasbridge.engines.tensorflow.predict import TensorFlowPredictBlock
from kerasbridge.engines.tensorflow.world import Collectives
from kerasbridge.keras_compat.patches import patch_convert_to_tensor, patch_map, patch_moments, patch_stack
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.runtime import backend
from kerasbridge.runtime.context import context_value
from kerasbridge.runtime.device import Device
from kerasbridge.runtime.stderr import suppress_stderr
from kerasbridge.runtime.world import World, current_share

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

    def join(self, world: World) -> None:
        choice = backend.current()
        if choice and choice.device.kind == "cpu":
            _hide_gpus()
        self._collectives = Collectives(world)
        self.world = world

    def all_sum(self, tensor: Tensor) -> Tensor:
        return self._collectives.all_sum(tensor)

    def broadcast(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return self._collectives.broadcast(array)

    def all_gather(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return self._collectives.all_gather(array)

    def post(self, key: str, text: str) -> None:
        self._collectives.board.post(key, text)

    def posted(self, key: str) -> str | None:
        return self._collectives.board.posted(key)

    def leave(self) -> None:
        super().leave()
        self._collectives.watch.abort(f"worker {self.world.rank} has left")

    def is_worker_lost(self, error: BaseException) -> bool:
        return is_worker_lost(error)

    def set_device(self, device: Device) -> None:
        if device.kind == "cpu":
            _hide_gpus()
        super().set_device(device)

    def devices(self) -> tuple[str, ...]:
        with suppress_stderr():  # the first call starts TensorFlow's runtime, which prints messages
            devices = tf.config.list_logical_devices()
        lower = [device.name.rpartition("/device:")[2].lower() for device in devices]
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
        return patch_moments(_moments, chained=True)

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
        if reason:
            return EagerBlock(self, step, reason)
        return TensorFlowBlock(
            self, step, self._collectives.watch.waiting if self.world.size > 1 else contextlib.nullcontext
        )

    def plain_block(self, step: Step, reason: str | None = None) -> Block:
        return EagerBlock(self, step, reason)

    def compile_predict(
        self, step: Step, restored: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext
    ) -> PredictBlock:
        del restored
        reason = eager_reason(step)
        return EagerPredictBlock(self, step, reason) if reason else TensorFlowPredictBlock(self, step)


def _hide_gpus() -> None:
    """Keep TensorFlow from initialising every GPU that it sees; once it has, they stay unused."""
    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")


def _moments(original: Any, x: Tensor, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Return mean and variance; only the first derivative of TensorFlow's own variance is right."""
    if synchronized:
        return original(x, axes, keepdims=keepdims, synchronized=True)

    def mean_of(values: Tensor, keepdims: bool) -> Tensor:
        if current_share() is None:
            return tf.reduce_mean(values, axes, keepdims=keepdims)
        return original(values, axes, keepdims=keepdims)[0]  # which covers the rows of all workers

    wide = tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else tf.convert_to_tensor(x)
    mean = mean_of(wide, keepdims=True)
    variance = mean_of(tf.square(wide - mean), keepdims)
    mean = mean if keepdims else tf.squeeze(mean, axes)
    return tf.cast(mean, x.dtype), tf.cast(variance, x.dtype)


def _dense(gradient: Any) -> Any:
    """Convert an embedding's gradient, which comes as parts of rows, to one tensor.

    Keras's optimizers would square the parts of a row before adding them, and so train embeddings differently than on
    JAX and torch.
    """
    return tf.convert_to_tensor(gradient) if isinstance(gradient, tf.IndexedSlices) else gradient
