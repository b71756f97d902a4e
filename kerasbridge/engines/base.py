"""What an engine offers, and the way of running that every backend has: step by step."""

import abc
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from kerasbridge.engines.stateless import NestedStatelessScope
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.errors import DeviceError
from kerasbridge.keras_compat import keras
from kerasbridge.runtime import memory
from kerasbridge.runtime.device import Device

Data = Any
"""A nest of tensors on the device, or None in places: (x, y, sample_weight), a row per sample."""


@dataclass(frozen=True)
class BlockResult:
    """What a block leaves: how many steps it ran, what each reported (its loss), and the logs of the last."""

    steps: int
    reports: np.ndarray[Any, Any]
    logs: dict[str, Tensor]


class Block(Protocol):
    """Many steps in one call; how it runs is known once the first block has run."""

    @property
    def execution_mode(self) -> str:
        """ "looped", "traced", "jitted steps" or "step by step"."""
        ...

    @property
    def fallback_reason(self) -> str | None:
        """Why not faster, where the step runs step by step."""
        ...

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, halt: bool) -> BlockResult:
        """Run steps `start` to `stop` on the rows ``order[step]`` of `data`.

        With `halt`, stops after the first loss that is not finite. The model's variables hold the result.
        """
        ...


class Engine(abc.ABC):
    """One backend: its devices, its gradients, and the fastest way it has to run many steps."""

    name: ClassVar[str]
    takes_texts: ClassVar[bool] = False

    def __init__(self) -> None:
        self.device = "auto"

    @abc.abstractmethod
    def devices(self) -> tuple[str, ...]:
        """The devices of this process: ``("cpu", "gpu:0")``."""

    @abc.abstractmethod
    def use(self, device: str) -> None:
        """Make one of `devices()` the place of every tensor from now on."""

    @abc.abstractmethod
    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        """A host array as a tensor on the device, in its own dtype."""

    @abc.abstractmethod
    def gather_rows(self, data: Data, row: Tensor) -> Data:
        """The rows `row` of every tensor in `data`."""

    @abc.abstractmethod
    def gradients(
        self, function: Callable[[], tuple[list[Tensor], Any]], groups: Sequence[Sequence[Any]]
    ) -> tuple[tuple[list[Tensor], Any], list[list[Tensor | None]]]:
        """``((losses, aux), gradients)`` of a function that returns a loss for each group of variables.

        The k-th list of gradients is that of the k-th loss by the k-th group; None where the loss does not depend on
        the variable. Calls may nest.
        """

    @abc.abstractmethod
    def grad(self, function: Callable[[Any], tuple[Tensor, Any]], nest: Any) -> tuple[tuple[Tensor, Any], Any]:
        """``((value, aux), gradients)`` of a function of a nest of tensors, by each of them; calls may nest."""

    def value_and_grad(
        self, function: Callable[[], tuple[Tensor, Any]], variables: list[Any]
    ) -> tuple[tuple[Tensor, Any], list[Tensor | None]]:
        """``((loss, aux), gradients)`` of a function that reads `variables`; calls may nest."""

        def as_list() -> tuple[list[Tensor], Any]:
            loss, aux = function()
            return [loss], aux

        ((loss,), aux), (gradients,) = self.gradients(as_list, [variables])
        return (loss, aux), gradients

    @abc.abstractmethod
    def compile(self, step: Step) -> Block:
        """A block of training or test steps."""

    @abc.abstractmethod
    def compile_call(self, step: Step) -> Callable[[Data, Tensor], Any]:
        """A predict step as a function of (data, row)."""

    def free_bytes(self) -> int | None:
        """Memory that is free on the device; None where the backend does not say."""
        return memory.free_bytes()

    def random_bits(self, key: Tensor, count: Any) -> Tensor | None:
        """`random.words` of (seed, counter), int32, where the backend has a faster way to them than `keras.ops`."""
        del key, count
        return None

    def is_concretization_error(self, error: Exception) -> bool:
        """Return whether an error says that a step, while it was compiled, asked for the value of a tensor."""
        del error
        return False

    cond: Callable[..., Any] | None = None
    """In the place of `keras.ops.cond` in a compiled step, where the backend's own cannot be compiled or lets no branch
    write variables."""

    def user_code_scope(self) -> contextlib.AbstractContextManager[Any]:
        """Around code of the user's in a step: Python's operators mean there what they mean on every backend."""
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def deferred_assign(self) -> Iterator[None]:
        """While open, what is written to variables can be read; it takes effect at the end, unless that is an error."""
        with NestedStatelessScope(()) as scope:
            yield
        for variable, value in [(variable, self.read(value)) for variable, value in scope.writes()]:
            variable.assign(value)

    def higher_order_scope(self) -> contextlib.AbstractContextManager[Any]:
        """Around a function whose gradient may be differentiated again."""
        return contextlib.nullcontext()

    def read(self, value: Tensor) -> Tensor:
        """What a variable's `value` is now, where that is not a tensor yet."""
        return value

    def eager(self) -> contextlib.AbstractContextManager[Any]:
        """Around a step that runs as plain Python."""
        return contextlib.nullcontext()

    def full_precision(self) -> contextlib.AbstractContextManager[Any]:
        """While open, float32 is computed in float32 also where the device has something faster."""
        return contextlib.nullcontext()

    def set_mode(self, model: Any, training: bool) -> None:
        """Tell modules of the framework itself, wrapped in the model, whether this is training."""
        del model, training

    @abc.abstractmethod
    def device_of(self, tensor: Tensor) -> str:
        """Which of `devices()` a tensor or variable lies on."""

    def wrong_device(self, variables: Iterable[Any]) -> str | None:
        """Another device than the one chosen, if one of the variables lies there."""
        if self.device == "auto":
            return None
        found = (self.device_of(variable.value) for variable in variables)
        return next((device for device in found if device != self.device), None)

    def set_device(self, device: Device) -> None:
        """Choose the device asked for; one that is not there is an error that names those that are."""
        if device.kind == "auto":
            return
        available = self.devices()
        wanted = str(device)
        found = [name for name in available if wanted in (name, name.partition(":")[0])]
        if not found:
            raise DeviceError(
                f"Expected a device that {self.name} has here, received {wanted!r}. "
                f"Available: {', '.join(available)}. Choose one with device=… or KERASBRIDGE_DEVICE."
            )
        self.use(found[0])
        self.device = found[0]


class EagerBlock:
    """The step as plain Python, once per batch: for `run_eagerly`, and where it cannot be compiled."""

    execution_mode = "step by step"

    def __init__(self, engine: Engine, step: Step, reason: str) -> None:
        self.engine, self.step, self.fallback_reason = engine, step, reason

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, halt: bool) -> BlockResult:
        reports: list[np.ndarray[Any, Any]] = []
        logs: dict[str, Tensor] = {}
        for step in range(start, stop):
            with self.engine.eager():
                report, logs = self.step.run(self.engine.gather_rows(data, order[step]))
            reports.append(keras.ops.convert_to_numpy(report))
            if halt and not np.isfinite(reports[-1]).all():
                break
        return BlockResult(len(reports), np.stack(reports), logs)

    def predict(self, data: Data, row: Tensor) -> Any:
        """The predict step on one batch."""
        with self.engine.eager():
            return self.step.run(self.engine.gather_rows(data, row))


def eager_reason(step: Step) -> str | None:
    """Why the user wants this step as plain Python, if so."""
    return "run_eagerly=True" if step.run_eagerly else None
