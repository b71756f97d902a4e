"""torch: devices, gradients and compiled steps."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from kerasbridge.engines.base import Block, Data, Engine, PredictBlock, StartingBlock
from kerasbridge.engines.eager import EagerBlock, EagerPredictBlock, eager_reason
from kerasbridge.engines.stateless import NestedStatelessScope, in_gradient, unique
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.engines.torch import world as workers
from kerasbridge.engines.torch.block import TorchBlock
from kerasbridge.engines.torch.cond import cond
from kerasbridge.engines.torch.fused_update import fused_updates
from kerasbridge.engines.torch.inplace import FunctionalizeInplace
from kerasbridge.engines.torch.losses import corrected_losses
from kerasbridge.engines.torch.modules import read_variables
from kerasbridge.engines.torch.plain import PlainBlock
from kerasbridge.engines.torch.predict import TorchPredictBlock, copy_of
from kerasbridge.engines.torch.products import onednn_products
from kerasbridge.engines.torch.recorder import ValueNeededError
from kerasbridge.engines.torch.recurrent.layers import fused_recurrent
from kerasbridge.engines.torch.rng import forget_draws, random_bits
from kerasbridge.engines.torch.tracing import NEEDS_VALUE, UntraceableError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import map_tensors, raw_value
from kerasbridge.runtime.context import context_value
from kerasbridge.runtime.world import World

# Parts of torch's errors when the value of a traced tensor, or of one on the meta device, is needed.
_NO_VALUE_MESSAGES = (*NEEDS_VALUE, "on meta tensors", "meta device type tensor")


class TorchEngine(Engine):
    """Gradients by `torch.autograd`, blocks by replaying a traced step."""

    name = "torch"
    checks_steps = True

    def join(self, world: World) -> None:
        workers.join(world)
        self.world = world

    def post(self, key: str, text: str) -> None:
        workers.post(key, text)

    def posted(self, key: str) -> str | None:
        return workers.posted(key)

    def leave(self) -> None:
        super().leave()
        workers.leave_group()

    def is_worker_lost(self, error: BaseException) -> bool:
        return workers.is_worker_lost(error)

    def all_sum(self, tensor: Tensor) -> Tensor:
        return workers.all_sum(tensor)

    def broadcast(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return workers.broadcast(array)

    def all_gather(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return workers.all_gather(array)

    def devices(self) -> tuple[str, ...]:
        gpus = tuple(f"gpu:{index}" for index in range(torch.cuda.device_count()))
        mps = ("mps",) if torch.backends.mps.is_available() else ()
        return ("cpu", *gpus, *mps)

    def use_device(self, device: str) -> None:
        # Keras places tensors by the surrounding device scope, which stays open for the rest of the process.
        self._scope = keras.device(device.replace("gpu", "cuda"))
        self._scope.__enter__()

    def device_of(self, tensor: Tensor) -> str:
        return f"gpu:{tensor.device.index or 0}" if tensor.device.type == "cuda" else str(tensor.device.type)

    def free_bytes(self) -> int | None:
        # With "auto", Keras chooses a GPU if there is one.
        kind, _, index = self.device.partition(":")
        if kind == "gpu" or (kind == "auto" and torch.cuda.is_available()):
            return int(torch.cuda.mem_get_info(int(index or 0))[0])
        return super().free_bytes()

    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        array = np.require(array, requirements=["C", "W"])
        return keras.ops.convert_to_tensor(torch.from_numpy(array))

    def to_numpy(self, tensor: Tensor) -> np.ndarray[Any, Any]:
        # Without `np.array(tensor)`, for which NumPy 2 warns.
        tensor = tensor.detach().cpu()
        return np.asarray((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy())

    def gather_rows(self, data: Data, row: Tensor) -> Data:
        if row.ndim == 0:
            return map_tensors(lambda leaf: torch.index_select(leaf, 0, row.reshape(1)).squeeze(0), data)
        return map_tensors(lambda leaf: torch.index_select(leaf, 0, row), data)

    def _gradients(
        self, function: Callable[[], tuple[list[Tensor], Any]], groups: Sequence[Sequence[Any]]
    ) -> tuple[tuple[list[Tensor], Any], list[list[Tensor | None]]]:
        nested, variables = in_gradient.get(), unique(groups)
        values = {id(variable): _differentiable(variable.value, nested) for variable in variables}
        given = [(variable, values[id(variable)]) for variable in variables]
        exact = all(value.dtype == raw_value(variable).dtype for variable, value in given)  # not so with autocast
        stateless = NestedStatelessScope(given, exact)
        with _record_gradient(), read_variables(), stateless as scope:
            losses, aux = function()
            last = len(losses) - 1
            gradients = [
                _gradients(loss, [values[id(variable)] for variable in group], nested, retain=k < last)
                for k, (loss, group) in enumerate(zip(losses, groups, strict=True))
            ]
        return _leave_scope((losses, aux), scope, nested), gradients

    def grad(self, function: Callable[[Any], tuple[Tensor, Any]], nest: Any) -> tuple[tuple[Tensor, Any], Any]:
        nested = in_gradient.get()
        nest = keras.tree.map_structure(lambda leaf: _differentiable(leaf, nested), nest)
        with _record_gradient(), read_variables(), NestedStatelessScope(()) as scope:
            value, aux = function(nest)
            gradients = _gradients(value, keras.tree.flatten(nest), nested)
        return _leave_scope((value, aux), scope, nested), keras.tree.pack_sequence_as(nest, gradients)

    def is_concretization_error(self, error: Exception) -> bool:
        return isinstance(error, (UntraceableError, ValueNeededError)) or any(
            part in str(error) for part in _NO_VALUE_MESSAGES
        )

    def is_out_of_memory(self, error: Exception) -> bool:
        on_cpu = isinstance(error, RuntimeError) and "not enough memory" in str(error)
        return isinstance(error, torch.OutOfMemoryError) or on_cpu

    def compile(self, step: Step) -> Block:
        reason = eager_reason(step)
        return EagerBlock(self, step, reason) if reason else TorchBlock(self, step)

    def starting_block(self, step: Step) -> StartingBlock | None:
        return None if step.run_eagerly else PlainBlock(self, step)

    def compile_predict(
        self, step: Step, restored: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext
    ) -> PredictBlock:
        reason = eager_reason(step)
        return EagerPredictBlock(self, step, reason, copy_of) if reason else TorchPredictBlock(self, step, restored)

    def random_bits(self, key: Tensor, count: int) -> Tensor | None:
        return random_bits(key, count) if key.device.type in ("cpu", "meta") else None

    def cond(self, pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
        return cond(pred, true_fn, false_fn)

    @contextlib.contextmanager
    def loss_scope(self) -> Iterator[None]:
        try:
            with corrected_losses():
                yield
        finally:
            forget_draws()

    def optimizer_scope(self) -> contextlib.AbstractContextManager[Any]:
        return fused_updates()

    @contextlib.contextmanager
    def layer_scope(self) -> Iterator[None]:
        with fused_recurrent(), onednn_products():
            yield

    def user_code_scope(self) -> contextlib.AbstractContextManager[Any]:
        return FunctionalizeInplace()

    def eager(self) -> contextlib.AbstractContextManager[Any]:
        no_grad: contextlib.AbstractContextManager[Any] = torch.no_grad()
        return no_grad

    @contextlib.contextmanager
    def full_precision(self) -> Iterator[None]:
        switches = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn)
        before = [switch.fp32_precision for switch in switches]
        try:
            for switch in switches:
                switch.fp32_precision = "ieee"
            yield
        finally:
            for switch, precision in zip(switches, before, strict=True):
                switch.fp32_precision = precision

    def plain_block(self, step: Step, reason: str | None = None) -> Block:
        return PlainBlock(self, step, reason)

    def preserve_rng(self) -> contextlib.AbstractContextManager[Any]:
        scope: contextlib.AbstractContextManager[Any] = torch.random.fork_rng()
        return scope

    def rng_state(self) -> np.ndarray[Any, Any]:
        state: np.ndarray[Any, Any] = torch.get_rng_state().numpy().copy()
        return state

    def set_rng_state(self, state: np.ndarray[Any, Any]) -> None:
        torch.set_rng_state(torch.from_numpy(state.copy()))

    def threads(self) -> int:
        return int(torch.get_num_threads())

    def settings(self) -> tuple[Any, ...]:
        kinds = ("cpu", "cuda", "mps")
        autocast = tuple((torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) for kind in kinds)
        precision = torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled()
        return autocast, torch.get_default_dtype(), *precision

    def set_mode(self, model: Any, training: bool) -> None:
        model.train(training)


@contextlib.contextmanager
def _record_gradient() -> Iterator[None]:
    """Record a graph for autograd; another gradient that is taken inside is a nested one."""
    with context_value(in_gradient, True), torch.enable_grad():
        yield


def _differentiable(value: Tensor, nested: bool) -> Tensor:
    """Return the tensor to differentiate by; nested in another gradient, it stays part of that one's graph."""
    return value if nested and value.requires_grad else value.detach().requires_grad_()


def _gradients(loss: Tensor, values: list[Tensor], nested: bool, retain: bool = False) -> list[Tensor | None]:
    if not values or not loss.requires_grad:
        return [None] * len(values)
    return list(torch.autograd.grad(loss, values, create_graph=nested, retain_graph=retain or None, allow_unused=True))


def _leave_scope(outputs: Any, scope: NestedStatelessScope, nested: bool) -> Any:
    """Assign what was written in the scope and return the outputs; both detached from the graph unless nested."""
    detach = (lambda leaf: leaf) if nested else _detach
    for variable, value in scope.writes():
        variable.assign(detach(value))
    return keras.tree.map_structure(detach, outputs)


def _detach(leaf: Any) -> Any:
    return leaf.detach() if isinstance(leaf, torch.Tensor) else leaf
