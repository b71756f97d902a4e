"""JAX: devices, gradients and compiled steps."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasbridge.engines.base import Block, Data, Engine, PredictBlock
from kerasbridge.engines.eager import EagerBlock, EagerPredictBlock
from kerasbridge.engines.jax.block import JaxBlock
from kerasbridge.engines.jax.cond import cond
from kerasbridge.engines.jax.convolutions import fast_convolutions
from kerasbridge.engines.jax.device import default_device, is_on_cpu
from kerasbridge.engines.jax.gradients import Writes, linearize
from kerasbridge.engines.jax.jit import no_jit_reason
from kerasbridge.engines.jax.loops import writing_control_flow
from kerasbridge.engines.jax.masks import show_masks
from kerasbridge.engines.jax.placement import ONE_DEVICE, Placement, mesh_of, spread
from kerasbridge.engines.jax.pooling import fast_pooling_gradients
from kerasbridge.engines.jax.predict import JaxPredictBlock
from kerasbridge.engines.jax.world import all_gather, broadcast, is_worker_lost, join, leave, post, posted
from kerasbridge.engines.stateless import NestedStatelessScope, in_gradient, unique
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.errors import DeviceError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.runtime.context import context_value
from kerasbridge.runtime.device import Device
from kerasbridge.runtime.world import World

SMALL = 16 * 2**20
"""Bytes that are copied in less time than a program is compiled."""


class JaxEngine(Engine):
    """Gradients by `jax.linearize`, blocks by `jax.lax.while_loop`."""

    name = "jax"
    sees_whole_batches = True

    def join(self, world: World) -> None:
        join(world)
        self.world = world

    def post(self, key: str, text: str) -> None:
        post(key, text)

    def posted(self, key: str) -> str | None:
        return posted(key)

    def leave(self) -> None:
        super().leave()
        leave()

    def is_worker_lost(self, error: BaseException) -> bool:
        return is_worker_lost(error)

    def broadcast(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return broadcast(array)

    def all_gather(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return all_gather(array)

    def set_device(self, device: Device) -> None:
        super().set_device(device)
        show_masks()  # computes, which is too early before `join`

    def use_all_devices(self) -> None:
        self.device = "all"

    def used_devices(self) -> list[str]:
        names = {device: name for name, device in self._devices_by_name().items()}
        return [names[device] for device in self.placement.local_devices if device in names]

    @property
    def placement(self) -> Placement:
        """The devices of a compiled step."""
        distribution = keras.distribution.distribution()
        if self.world.size > 1 and distribution is not None:
            raise DeviceError(
                f"Expected no keras.distribution with several workers, received {type(distribution).__name__}. Leave "
                "out set_distribution: kb.fit distributes each batch over the devices of all workers."
            )
        if isinstance(distribution, keras.distribution.DataParallel):
            return spread(distribution.device_mesh.backend_mesh, distribution.batch_dim_name)
        if self.world.size > 1 or self.device == "all":
            return spread(mesh_of(jax.devices()), "data")
        return ONE_DEVICE

    @property
    def integer_bits(self) -> int:  # type: ignore[override]
        return 64 if jax.config.jax_enable_x64 else 32

    @property
    def shares_host_memory(self) -> bool:  # type: ignore[override]
        return is_on_cpu()

    @property
    def compiles_single_steps(self) -> bool:  # type: ignore[override]
        return is_on_cpu()

    def devices(self) -> tuple[str, ...]:
        return tuple(self._devices_by_name())

    def use_device(self, device: str) -> None:
        jax.config.update("jax_default_device", self._devices_by_name()[device])

    def device_of(self, tensor: Tensor) -> str:
        devices = tensor.devices()
        return next(name for name, device in self._devices_by_name().items() if device in devices)

    def free_bytes(self) -> int | None:
        if is_on_cpu():
            return super().free_bytes()
        stats = default_device().memory_stats() or {}
        return stats["bytes_limit"] - stats["bytes_in_use"] if "bytes_limit" in stats else None

    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        # `jnp.asarray` compiles a copy for each shape. `device_put` does not, but it may share the array's memory.
        placement = self.placement
        if array.nbytes <= SMALL or placement.whole is not None:
            return placement.place(array.copy())
        return jnp.asarray(array)

    def share(self, array: np.ndarray[Any, Any]) -> Tensor:
        return self.placement.place(array)

    def gather_rows(self, data: Data, row: Tensor) -> Data:
        return map_tensors(lambda leaf: leaf[row], data)

    def _gradients(
        self, function: Callable[[], tuple[list[Tensor], Any]], groups: Sequence[Sequence[Any]]
    ) -> tuple[tuple[list[Tensor], Any], list[list[Tensor | None]]]:
        variables = unique(groups)

        def on_values(values: list[Tensor]) -> tuple[list[Tensor], Any, Writes]:
            with context_value(in_gradient, True), NestedStatelessScope(zip(variables, values, strict=True)) as scope:
                losses, aux = function()
            return losses, aux, scope.writes()

        losses, aux, gradients_of = linearize(on_values, [variable.value for variable in variables])
        gradients = [dict(zip(map(id, variables), gradients_of(k), strict=True)) for k in range(len(groups))]
        return (losses, aux), [
            [by_variable[id(variable)] for variable in group]
            for by_variable, group in zip(gradients, groups, strict=True)
        ]

    def grad(self, function: Callable[[Any], tuple[Tensor, Any]], nest: Any) -> tuple[tuple[Tensor, Any], Any]:
        leaves, structure = jax.tree.flatten(nest)

        def on_values(values: list[Tensor]) -> tuple[list[Tensor], Any, Writes]:
            with context_value(in_gradient, True), NestedStatelessScope(()) as scope:
                value, aux = function(structure.unflatten(values))
            return [value], aux, scope.writes()

        (value,), aux, gradients_of = linearize(on_values, leaves)
        return (value, aux), structure.unflatten(gradients_of(0))

    def is_concretization_error(self, error: Exception) -> bool:
        return isinstance(error, (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError))

    def copy(self, tensor: Tensor) -> Tensor:
        return tensor  # no operation changes it

    def _all_finite(self, tensors: list[Tensor]) -> Tensor:
        return _all_finite(tensors)

    def is_out_of_memory(self, error: Exception) -> bool:
        return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)

    def cond(self, pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
        return cond(pred, true_fn, false_fn)

    def eager(self) -> contextlib.AbstractContextManager[Any]:
        return writing_control_flow()

    def settings(self) -> tuple[Any, ...]:
        return (
            jax.config.jax_default_matmul_precision,
            jax.config.jax_enable_x64,
            jax.config.jax_numpy_dtype_promotion,
            self.placement,
        )

    @contextlib.contextmanager
    def layer_scope(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            if is_on_cpu():
                stack.enter_context(fast_pooling_gradients())
                stack.enter_context(fast_convolutions())
            yield

    def full_precision(self) -> contextlib.AbstractContextManager[Any]:
        highest: contextlib.AbstractContextManager[Any] = jax.default_matmul_precision("highest")
        return highest

    def compile(self, step: Step) -> Block:
        reason = no_jit_reason(step)
        return EagerBlock(self, step, reason) if reason else JaxBlock(self, self.placement, step)

    def plain_block(self, step: Step, reason: str | None = None) -> Block:
        return EagerBlock(self, step, reason)

    def compile_predict(
        self, step: Step, restored: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext
    ) -> PredictBlock:
        del restored
        reason = no_jit_reason(step)
        return EagerPredictBlock(self, step, reason) if reason else JaxPredictBlock(self.placement, step)

    compiles_each_stack_size = True

    def _devices_by_name(self) -> dict[str, Any]:
        by_name = {}
        for kind in dict.fromkeys(("cpu", jax.default_backend())):
            devices = jax.local_devices(backend=kind)
            numbered = len(devices) > 1 or kind != "cpu"
            by_name.update({f"{kind}:{index}" if numbered else kind: device for index, device in enumerate(devices)})
        return by_name


def _finite_in_one(tensors: list[Tensor]) -> Tensor:
    """Reduce all tensors in one compilation, instead of two for each shape."""
    return jnp.stack([jnp.isfinite(tensor).all() for tensor in tensors]).all()


_all_finite = jax.jit(_finite_in_one)
