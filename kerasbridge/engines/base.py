"""The interface of an engine and of the blocks that it compiles."""

import abc
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from kerasbridge.engines.stateless import NestedStatelessScope
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.errors import DeviceError, WorkerError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import masks_of, set_masks
from kerasbridge.runtime import memory
from kerasbridge.runtime.device import Device
from kerasbridge.runtime.world import World

Data = Any
"""A nest of tensors on the device, one row per sample: (x, y, sample_weight), where the last two may be None."""


@dataclass(frozen=True)
class BlockResult:
    """The number of steps that a block ran, what each reported (its loss), and the logs of the last step."""

    steps: int
    reports: np.ndarray[Any, Any]
    logs: dict[str, Tensor]


class Block(Protocol):
    """A function that runs many steps in one call; its execution mode is known after the first call."""

    @property
    def execution_mode(self) -> str:
        """ "looped", "traced", "jit" or "eager"."""
        ...

    @property
    def fallback_reason(self) -> str | None:
        """The reason for running eagerly; None in the other modes."""
        ...

    @property
    def variables(self) -> tuple[Any, ...]:
        """The variables that the step reads or assigns; complete after `prepare`."""
        ...

    def prepare(self, data: Data, order: Tensor) -> None:
        """Trace the step without running it."""
        ...

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, stop_on_nonfinite: bool) -> BlockResult:
        """Run the steps from `start` to `stop` and assign the results to the model's variables.

        Args:
            data: all rows.
            order: the rows of each step: step k trains on ``order[k]``.
            start: the first step.
            stop: the step after the last.
            stop_on_nonfinite: end the block after the first loss that is NaN or infinite.
        """
        ...


class PredictBlock(Protocol):
    """A function that predicts for many batches in one call."""

    @property
    def fallback_reason(self) -> str | None:
        """The reason why every batch runs as plain Python, if it could not be avoided."""
        ...

    def __call__(self, stack: Data, start: int, stop: int, left: int) -> list[Any]:
        """Return the predictions for the batches from `start` to `stop`.

        Args:
            stack: batches of one shape: tensors (batches, rows, …).
            start: the first batch.
            stop: the batch after the last.
            left: the number of batches from `start` on that are known to follow in this run.

        Returns:
            Nests of tensors in the order of the batches, one for each batch or with the rows of several; they are to
            be concatenated.
        """
        ...


MAX_OUTPUT_BYTES = 64 * 2**20
"""Bytes of predictions that a block keeps on the device."""


def batches_that_fit(bytes_per_batch: int) -> int:
    """Return how many batches of predictions a block may keep on the device, at least one."""
    return max(1, MAX_OUTPUT_BYTES // max(1, bytes_per_batch))


class Estimate(NamedTuple):
    """Seconds that a compiled step and its compilation are expected to take."""

    step: float
    compilation: float


class StartingBlock(Block, Protocol):
    """A block that runs the step as Python until it pays to compile it, with the same results to the last bit."""

    def begin(self, data: Data, order: Tensor, start: int) -> BlockResult:
        """Run the step `start`, the first one.

        Raises:
            Exception: the step fails, or it may not be possible to compile it; nothing is assigned.
        """
        ...

    def measure(self, data: Data, order: Tensor, start: int) -> tuple[BlockResult, Estimate]:
        """Run the step `start`, and estimate what it would take compiled."""
        ...


class Engine(abc.ABC):
    """One backend: its devices, its gradients, and its fastest way to run many steps."""

    name: ClassVar[str]
    supports_strings: ClassVar[bool] = False
    integer_bits: int = 64
    """Bits of the widest whole numbers."""

    world: World = World()
    """The workers that train together."""

    sees_whole_batches: ClassVar[bool] = False
    """Whether a step of several workers is one program over the whole batch, whose rows the backend distributes."""

    def __init__(self) -> None:
        self.device = "auto"

    def join(self, world: World) -> None:
        """Meet the other workers and set `world`; each worker calls it once, before tensors exist.

        Raises:
            WorkerError: they cannot meet.
        """
        raise WorkerError(f"Expected one worker on the backend {self.name}, received WORLD_SIZE={world.size}.")

    def all_sum(self, tensor: Tensor) -> Tensor:
        """Return the sum of a tensor over all workers, in a step or outside; its gradient is summed too."""
        raise NotImplementedError

    def broadcast(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the array of worker 0; each worker passes one of the same shape and dtype, on the host."""
        raise NotImplementedError

    def all_gather(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the arrays of all workers in one, along a new first axis; all have one shape and dtype."""
        raise NotImplementedError

    exchanges: int = 0
    """The number of values that this worker has exchanged with the others."""

    has_left: bool = False
    """Whether `leave` was called."""

    def post(self, key: str, text: str) -> None:
        """Post a text that all workers can read; any thread may call it. Errors mean that it cannot be posted."""
        raise NotImplementedError

    def posted(self, key: str) -> str | None:
        """Return the text that was posted under a key, at once; None if nothing was."""
        raise NotImplementedError

    def leave(self) -> None:
        """Leave the other workers for good; what they wait for fails, where the backend can make it fail."""
        self.has_left = True

    def is_worker_lost(self, error: BaseException) -> bool:
        """Return whether an error of the framework means that the connection to another worker broke."""
        del error
        return False

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Compute without the other workers, which do something else meanwhile."""
        world, self.world = self.world, World()
        try:
            yield
        finally:
            self.world = world

    @abc.abstractmethod
    def devices(self) -> tuple[str, ...]:
        """Return the devices of this process: ``("cpu", "gpu:0")``."""

    @abc.abstractmethod
    def use_device(self, device: str) -> None:
        """Create every tensor on one of `devices()` from now on."""

    def use_all_devices(self) -> None:
        """Distribute the rows of each batch over all devices of this process.

        Raises:
            DeviceError: there are several, which this backend uses from one process each.
        """
        fast = [name for name in self.devices() if not name.startswith("cpu")] or self.devices()
        if len(fast) > 1:
            raise DeviceError(
                f"Expected one of the devices {', '.join(fast)}, received 'all', which one process uses on "
                f"JAX only. On {self.name}, start one process per device: torchrun --nproc-per-node={len(fast)} …"
            )

    def used_devices(self) -> list[str]:
        """Return the devices of this process that the rows of a batch are distributed over, if there are several."""
        return []

    @abc.abstractmethod
    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        """Copy a host array to a tensor of the same dtype on the device."""

    def share(self, array: np.ndarray[Any, Any]) -> Tensor:
        """Return a host array as a tensor on the device, which may share its memory and must not be changed."""
        return self.to_device(array)

    def to_numpy(self, tensor: Tensor) -> np.ndarray[Any, Any]:
        """Return a tensor as a host array, which may share its memory."""
        array: np.ndarray[Any, Any] = keras.ops.convert_to_numpy(tensor)
        return array

    @abc.abstractmethod
    def gather_rows(self, data: Data, row: Tensor) -> Data:
        """Return the rows `row` of every tensor in `data`."""

    def gradients(
        self, function: Callable[[], tuple[list[Tensor], Any]], groups: Sequence[Sequence[Any]]
    ) -> tuple[tuple[list[Tensor], Any], list[list[Tensor | None]]]:
        """Return ``((losses, aux), gradients)`` of a function that returns one loss for each group of variables.

        The k-th list contains the gradients of the k-th loss by the variables of the k-th group; None where the loss
        does not depend on the variable. Calls may nest. Keras masks of the tensors in `aux` are kept.
        """

        def with_masks() -> tuple[list[Tensor], Any]:
            losses, aux = function()
            return losses, (aux, masks_of(aux))

        (losses, (aux, masks)), gradients = self._gradients(with_masks, groups)
        set_masks(aux, masks)
        return (losses, aux), gradients

    @abc.abstractmethod
    def _gradients(
        self, function: Callable[[], tuple[list[Tensor], Any]], groups: Sequence[Sequence[Any]]
    ) -> tuple[tuple[list[Tensor], Any], list[list[Tensor | None]]]:
        """Compute `gradients`; masks of tensors may be lost."""

    @abc.abstractmethod
    def grad(self, function: Callable[[Any], tuple[Tensor, Any]], nest: Any) -> tuple[tuple[Tensor, Any], Any]:
        """Return ``((value, aux), gradients)`` of a function of a nest of tensors, by each tensor; calls may nest."""

    def value_and_grad(
        self, function: Callable[[], tuple[Tensor, Any]], variables: list[Any]
    ) -> tuple[tuple[Tensor, Any], list[Tensor | None]]:
        """Return ``((loss, aux), gradients)`` of a function that reads `variables`; calls may nest."""

        def losses() -> tuple[list[Tensor], Any]:
            loss, aux = function()
            return [loss], aux

        ((loss,), aux), (gradients,) = self.gradients(losses, [variables])
        return (loss, aux), gradients

    def copy(self, tensor: Tensor) -> Tensor:
        """Return a copy of a tensor or of the value of a variable, which later steps do not change."""
        return keras.ops.copy(tensor)

    def all_finite(self, tensors: Sequence[Tensor]) -> bool:
        """Return whether tensors of floating-point numbers contain no NaN or infinity, without copying them."""
        if all(self.device_of(tensor).startswith("cpu") for tensor in tensors):
            return all(bool(np.isfinite(self.to_numpy(tensor)).all()) for tensor in tensors)
        return bool(self.to_numpy(self._all_finite(list(tensors))))

    def _all_finite(self, tensors: list[Tensor]) -> Tensor:
        return keras.ops.all(keras.ops.stack([keras.ops.all(keras.ops.isfinite(tensor)) for tensor in tensors]))

    def is_out_of_memory(self, error: Exception) -> bool:
        """Return whether an error of the framework means that the device has too little memory."""
        del error
        return False

    @abc.abstractmethod
    def compile(self, step: Step) -> Block:
        """Return a block of training or test steps."""

    def starting_block(self, step: Step) -> StartingBlock | None:
        """Return what runs the step before it is compiled; None if that happens before its first run."""
        del step
        return None

    @abc.abstractmethod
    def compile_predict(
        self, step: Step, restored: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext
    ) -> PredictBlock:
        """Return a block of predict steps.

        Args:
            step: maps a batch to its predictions.
            restored: returns a context that restores the user's Python values at its end.
        """

    compiles_each_stack_size: ClassVar[bool] = False
    """Whether each size of a stack is compiled; blocks then run batches on the host, in NumPy arrays, one by one."""

    shares_host_memory: bool = False
    """Whether a compiled step reads an array of the host without a copy."""

    compiles_long_epochs: ClassVar[bool] = False
    """Whether a step of a long epoch is compiled in another way."""

    compiles_single_steps: bool = False
    """Whether a step that is always alone in its block is compiled in another way."""

    def free_bytes(self) -> int | None:
        """Return the free memory of the device; None if the backend does not report it."""
        return memory.free_bytes()

    def random_bits(self, key: Tensor, count: Any) -> Tensor | None:
        """Return `random.bits.random_bits_flat`, if the backend computes it faster than `keras.ops`; else None."""
        del key, count
        return None

    def is_concretization_error(self, error: Exception) -> bool:
        """Return whether an error means that a step needed the value of a tensor while it was compiled."""
        del error
        return False

    cond: Callable[..., Any] | None = None
    """Replacement of `keras.ops.cond` in a compiled step, if the backend's own cannot be compiled or does not let a
    branch assign to variables."""

    def user_code_scope(self) -> contextlib.AbstractContextManager[Any]:
        """Make Python's operators in the user's code of a step mean the same on every backend."""
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def deferred_assign(self) -> Iterator[None]:
        """Defer assignments to variables until the end; reads see them at once, and an error discards them."""
        with NestedStatelessScope(()) as scope:
            yield
        for variable, value in [(variable, self.read(value)) for variable, value in scope.writes()]:
            variable.assign(value)

    def loss_scope(self) -> contextlib.AbstractContextManager[Any]:
        """Surround a run, so that losses and other functions of Keras answer alike on every backend."""
        return contextlib.nullcontext()

    def optimizer_scope(self) -> contextlib.AbstractContextManager[Any]:
        """Surround a run, so that optimizers of Keras update the variables by a fast path of the backend."""
        return contextlib.nullcontext()

    def layer_scope(self) -> contextlib.AbstractContextManager[Any]:
        """Surround a run, so that layers of Keras compute by a fast path of the backend."""
        return contextlib.nullcontext()

    def higher_order_scope(self) -> contextlib.AbstractContextManager[Any]:
        """Surround a function whose gradient may be differentiated again."""
        return contextlib.nullcontext()

    def read(self, value: Tensor) -> Tensor:
        """Return a variable's `value` as a tensor."""
        return value

    def eager(self) -> contextlib.AbstractContextManager[Any]:
        """Surround a step that runs as plain Python."""
        return contextlib.nullcontext()

    def abstract_scope(self) -> contextlib.AbstractContextManager[Any]:
        """Surround a call of a model on tensors without values, so that it leaves nothing in memory."""
        return contextlib.nullcontext()

    def full_precision(self) -> contextlib.AbstractContextManager[Any]:
        """Compute float32 in float32, even if the device has a faster format."""
        return contextlib.nullcontext()

    checks_steps: ClassVar[bool] = False
    """Whether a compiled step executes the same operations as the plain one, so that both agree to the last bit."""

    @abc.abstractmethod
    def plain_block(self, step: Step, reason: str | None = None) -> Block:
        """Return a block that runs the step as Python; if `checks_steps`, with the operations of the compiled one.

        Args:
            step: the step.
            reason: why it is not compiled; None if that is no fault.
        """

    def preserve_rng(self) -> contextlib.AbstractContextManager[Any]:
        """Restore the framework's own random generators at the end."""
        return contextlib.nullcontext()

    def rng_state(self) -> np.ndarray[Any, Any] | None:
        """Return the state of the framework's own random generator; None if it has none, or draws from no such one."""
        return None

    def set_rng_state(self, state: np.ndarray[Any, Any]) -> None:
        """Set the state that `rng_state` returned."""
        del state

    def threads(self) -> int | None:
        """Return the number of threads of an operation, which may change the order of a sum; None if not known."""
        return None

    def settings(self) -> tuple[Any, ...]:
        """Return the framework's settings that a compiled step depends on."""
        return ()

    def set_mode(self, model: Any, training: bool) -> None:
        """Put the framework's own modules in the model into training or inference mode."""
        del model, training

    @abc.abstractmethod
    def device_of(self, tensor: Tensor) -> str:
        """Return the name in `devices()` of the device of a tensor or variable."""

    def strategy_of(self, model: Any) -> str | None:
        """Return the name of the strategy that distributes a model over devices, or None."""
        del model
        return None

    def wrong_device(self, variables: Iterable[Any]) -> str | None:
        """Return the device of the first variable that is not on the chosen one, or None."""
        if self.device in ("auto", "all"):
            return None
        devices = (self.device_of(variable.value) for variable in variables)
        return next((device for device in devices if device != self.device), None)

    def set_device(self, device: Device) -> None:
        """Use this device.

        Raises:
            DeviceError: the device does not exist; the message names those that do.
        """
        if device.kind == "auto":
            return
        if device.kind == "all":
            self.use_all_devices()
            return
        available = self.devices()
        wanted = str(device)
        matches = [name for name in available if wanted in (name, name.partition(":")[0])]
        if not matches:
            synonym = ", which is cuda" if device.kind == "gpu" else ""
            raise DeviceError(
                f"Expected a device that {self.name} has here, received {wanted!r}{synonym}. "
                f"Available: {', '.join(available)}. Choose one with --device, device=… or KERASBRIDGE_DEVICE."
            )
        self.use_device(matches[0])
        self.device = matches[0]
