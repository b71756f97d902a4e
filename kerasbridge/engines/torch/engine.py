"""torch: the step is traced once to a graph of ATen operations, and replayed without Keras or autograd."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch

from kerasbridge.engines.base import Block, BlockResult, Data, EagerBlock, Engine, eager_reason
from kerasbridge.engines.stateless import NestedStatelessScope, unique
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.engines.torch.cond import cond
from kerasbridge.engines.torch.inplace import FunctionalizeInplace
from kerasbridge.engines.torch.modules import read_variables
from kerasbridge.engines.torch.rng import random_bits
from kerasbridge.engines.torch.tracing import TracedStep, UntraceableError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import map_tensors

_within: ContextVar[bool] = ContextVar("within", default=False)

# How torch says that a traced tensor, or one without values, was asked for its value.
_WITHOUT_VALUE = ("aten._local_scalar_dense", "on meta tensors", "meta device type tensor", "data-dependent")


class TorchEngine(Engine):
    """Gradients by `torch.autograd`, blocks by replaying a traced step."""

    name = "torch"

    def devices(self) -> tuple[str, ...]:
        gpus = tuple(f"gpu:{index}" for index in range(torch.cuda.device_count()))
        mps = ("mps",) if torch.backends.mps.is_available() else ()
        return ("cpu", *gpus, *mps)

    def use(self, device: str) -> None:
        # Keras places tensors where the surrounding device scope says: it stays open for the process.
        self._scope = keras.device(device.replace("gpu", "cuda"))
        self._scope.__enter__()

    def device_of(self, tensor: Tensor) -> str:
        return f"gpu:{tensor.device.index or 0}" if tensor.device.type == "cuda" else str(tensor.device.type)

    def free_bytes(self) -> int | None:
        # Keras chooses a GPU where there is one.
        kind, _, index = self.device.partition(":")
        if kind == "gpu" or (kind == "auto" and torch.cuda.is_available()):
            return int(torch.cuda.mem_get_info(int(index or 0))[0])
        return super().free_bytes()

    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        array = np.require(array, requirements=["C", "W"])
        return keras.ops.convert_to_tensor(torch.from_numpy(array))

    def gather_rows(self, data: Data, row: Tensor) -> Data:
        if row.ndim == 0:
            return map_tensors(lambda leaf: torch.index_select(leaf, 0, row.reshape(1)).squeeze(0), data)
        return map_tensors(lambda leaf: torch.index_select(leaf, 0, row), data)

    def gradients(
        self, function: Callable[[], tuple[list[Tensor], Any]], groups: Sequence[Sequence[Any]]
    ) -> tuple[tuple[list[Tensor], Any], list[list[Tensor | None]]]:
        nested, variables = _within.get(), unique(groups)
        values = {id(variable): _differentiable(variable.value, nested) for variable in variables}
        overlay = NestedStatelessScope((variable, values[id(variable)]) for variable in variables)
        with _recording(), read_variables(), overlay as scope:
            losses, aux = function()
            last = len(losses) - 1
            found = [
                _gradients(loss, [values[id(variable)] for variable in group], nested, retain=k < last)
                for k, (loss, group) in enumerate(zip(losses, groups, strict=True))
            ]
        return _kept((losses, aux), scope, nested), found

    def grad(self, function: Callable[[Any], tuple[Tensor, Any]], nest: Any) -> tuple[tuple[Tensor, Any], Any]:
        nested = _within.get()
        nest = keras.tree.map_structure(lambda leaf: _differentiable(leaf, nested), nest)
        with _recording(), read_variables(), NestedStatelessScope(()) as scope:
            value, aux = function(nest)
            found = _gradients(value, keras.tree.flatten(nest), nested)
        return _kept((value, aux), scope, nested), keras.tree.pack_sequence_as(nest, found)

    def is_concretization_error(self, error: Exception) -> bool:
        return isinstance(error, UntraceableError) or any(sign in str(error) for sign in _WITHOUT_VALUE)

    def compile(self, step: Step) -> Block:
        reason = eager_reason(step)
        return EagerBlock(self, step, reason) if reason else TorchBlock(self, step)

    def compile_call(self, step: Step) -> Callable[[Data, Tensor], Any]:
        return EagerBlock(self, step, "predict").predict

    def random_bits(self, key: Tensor, count: int) -> Tensor | None:
        return random_bits(key, count) if key.device.type in ("cpu", "meta") else None

    def cond(self, pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
        return cond(pred, true_fn, false_fn)

    def user_code_scope(self) -> contextlib.AbstractContextManager[Any]:
        return FunctionalizeInplace()

    def eager(self) -> contextlib.AbstractContextManager[Any]:
        guard: contextlib.AbstractContextManager[Any] = torch.no_grad()
        return guard

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

    def set_mode(self, model: Any, training: bool) -> None:
        model.train(training)


class TorchBlock:
    """A block: the traced step replayed on copies that the engine owns; step by step where it cannot be traced."""

    def __init__(self, engine: TorchEngine, step: Step) -> None:
        self.execution_mode = "traced"
        self.fallback_reason: str | None = None
        self._engine, self._step = engine, step
        self._run: Callable[..., BlockResult] | None = None

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, halt: bool) -> BlockResult:
        with torch.no_grad():
            if self._run is None:
                self._run = self._traced(data, order[start])
            return self._run(data, order, start, stop, halt)

    def _traced(self, data: Data, row: Tensor) -> Callable[..., BlockResult]:
        try:
            self._replay = TracedStep(self._step, self._engine.gather_rows, data, row)
        except UntraceableError as error:
            slow = EagerBlock(self._engine, self._step, str(error))
            self.execution_mode, self.fallback_reason = slow.execution_mode, slow.fallback_reason
            return slow
        return self._replayed

    def _replayed(self, data: Data, order: Tensor, start: int, stop: int, halt: bool) -> BlockResult:
        replay = self._replay
        state = replay.begin()
        inputs = replay.tensors(data)
        reports: list[Tensor] = []
        logs: dict[str, Tensor] = {}
        for index, row in enumerate(order[start:stop].unbind(), start):
            if halt or index == stop - 1:
                report, logs = replay.step_with_logs(state, inputs, row)
            else:
                report = replay.step(state, inputs, row)
            reports.append(report)
            if halt and not torch.isfinite(report).all():
                break
        replay.commit(state)
        return BlockResult(len(reports), torch.stack(reports).cpu().numpy(), logs)


@contextlib.contextmanager
def _recording() -> Iterator[None]:
    """While open, a graph is recorded, and a further gradient is taken within another."""
    token = _within.set(True)
    try:
        with torch.enable_grad():
            yield
    finally:
        _within.reset(token)


def _differentiable(value: Tensor, nested: bool) -> Tensor:
    """A tensor to take a gradient by; within another gradient, one that is part of that one's graph stays so."""
    return value if nested and value.requires_grad else value.detach().requires_grad_()


def _gradients(loss: Tensor, values: list[Tensor], nested: bool, retain: bool = False) -> list[Tensor | None]:
    if not values or not loss.requires_grad:
        return [None] * len(values)
    return list(torch.autograd.grad(loss, values, create_graph=nested, retain_graph=retain or None, allow_unused=True))


def _kept(returned: Any, scope: NestedStatelessScope, nested: bool) -> Any:
    """What the function returned, and what it wrote being written: without the graph, unless one is wanted outside."""
    keep = (lambda leaf: leaf) if nested else _detached
    for variable, value in scope.writes():
        variable.assign(keep(value))
    return keras.tree.map_structure(keep, returned)


def _detached(leaf: Any) -> Any:
    return leaf.detach() if isinstance(leaf, torch.Tensor) else leaf
