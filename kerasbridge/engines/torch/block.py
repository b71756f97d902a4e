"""A block of steps on torch: the step is traced once, then replayed without Keras and autograd."""

from collections.abc import Callable
from typing import Any

import torch

from kerasbridge.engines.base import BlockResult, Data, Engine
from kerasbridge.engines.eager import EagerBlock
from kerasbridge.engines.stateless import with_missing_variables
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.engines.torch.tracing import TracedStep, UntraceableError


class TorchBlock:
    """A block: the traced step replayed on copies of the variables; an eager step if it cannot be traced."""

    def __init__(self, engine: Engine, step: Step) -> None:
        self.execution_mode = "traced"
        self.fallback_reason: str | None = None
        self._engine, self._step = engine, step
        self._run: Callable[..., BlockResult] | None = None

    @property
    def variables(self) -> tuple[Any, ...]:
        return self._step.variables

    def prepare(self, data: Data, order: Tensor) -> None:
        if self._run is None:
            with torch.no_grad():
                self._run = self._trace(data, order[0])

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, stop_on_nonfinite: bool) -> BlockResult:
        self.prepare(data, order)
        assert self._run is not None
        with torch.no_grad():
            return self._run(data, order, start, stop, stop_on_nonfinite)

    def _trace(self, data: Data, row: Tensor) -> Callable[..., BlockResult]:
        try:
            with_missing_variables(self._step, lambda step: self._trace_step(step, data, row))
        except UntraceableError as error:
            eager = EagerBlock(self._engine, self._step, str(error))
            self.execution_mode, self.fallback_reason = eager.execution_mode, eager.fallback_reason
            return eager
        return self._replay

    def _trace_step(self, step: Step, data: Data, row: Tensor) -> None:
        self._step, self._traced = step, TracedStep(step, self._engine.gather_rows, data, row)

    def _replay(self, data: Data, order: Tensor, start: int, stop: int, stop_on_nonfinite: bool) -> BlockResult:
        traced = self._traced
        state = traced.begin()
        inputs = traced.tensors(data)
        reports: list[Tensor] = []
        logs: dict[str, Tensor] = {}
        # Function modes, such as that of torch.set_default_device, acted on the recorded operations already.
        with torch._C.DisableTorchFunction():
            for index, row in enumerate(order[start:stop].unbind(), start):
                if stop_on_nonfinite or index == stop - 1:
                    report, logs = traced.step_with_logs(state, inputs, row)
                else:
                    report = traced.step(state, inputs, row)
                reports.append(report)
                if stop_on_nonfinite and not torch.isfinite(report).all():
                    break
        traced.commit(state)
        return BlockResult(len(reports), torch.stack(reports).cpu().numpy(), logs)
