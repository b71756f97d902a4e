"""A block of steps on torch that run as Python and execute the operations of the traced step, bit for bit."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import torch

from kerasbridge.engines.base import BlockResult, Data, Engine, Estimate
from kerasbridge.engines.stateless import MAX_ATTEMPTS, creates_variables, patched_cond
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.engines.torch.cond import CopyingOverlay, InPlace, cond, memory_of
from kerasbridge.engines.torch.modules import read_variables
from kerasbridge.engines.torch.recorder import ForbidNumpy, ForbidValues, is_recording
from kerasbridge.engines.torch.replacements import TraceableFunctions, traceable_keras, traceable_optimizers
from kerasbridge.engines.torch.tracing_time import OperationTimer, tracing_time
from kerasbridge.keras_compat.patches import keep_optimizer_tensors
from kerasbridge.keras_compat.tensors import raw_value
from kerasbridge.runtime.context import context_value


class PlainBlock:
    """A block that begins with copies of the variables, lets each step change them, and assigns them at its end."""

    execution_mode = "eager"

    def __init__(self, engine: Engine, step: Step, reason: str | None = None) -> None:
        self.fallback_reason = reason
        self._engine, self._step = engine, step
        self._changed: set[int] | None = None  # ids of the variables that steps have changed; None before the first
        self._extensions = 0

    @property
    def variables(self) -> tuple[Any, ...]:
        return self._step.variables

    def prepare(self, data: Data, order: Tensor) -> None:
        with torch.no_grad(), self._engine.preserve_rng(), operations_of_the_trace(), self._scope() as scope:
            self._run(scope, self._engine.gather_rows(data, order[0]))

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, stop_on_nonfinite: bool) -> BlockResult:
        return self._run_block(data, order[start:stop], stop_on_nonfinite, contextlib.nullcontext())

    def begin(self, data: Data, order: Tensor, start: int) -> BlockResult:
        return self._run_block(data, order[start : start + 1], False, _forbid_values())

    def measure(self, data: Data, order: Tensor, start: int) -> tuple[BlockResult, Estimate]:
        timer = OperationTimer()
        result = self._run_block(data, order[start : start + 1], False, timer)
        return result, Estimate(tracing_time.replay(timer), tracing_time.estimate(timer.operations))

    def _run_block(
        self, data: Data, order: Tensor, stop_on_nonfinite: bool, around: contextlib.AbstractContextManager[Any]
    ) -> BlockResult:
        reports: list[Tensor] = []
        logs: dict[str, Tensor] = {}
        with torch.no_grad():
            with operations_of_the_trace(), self._scope() as scope, around:
                for row in order.unbind():
                    report, logs = self._run(scope, self._engine.gather_rows(data, row))
                    reports.append(report)
                    if stop_on_nonfinite and not torch.isfinite(report).all():
                        break
            self._commit(scope)
        return BlockResult(len(reports), self._engine.to_numpy(torch.stack(reports)), logs)

    def _scope(self) -> "PlainScope":
        return PlainScope((variable, self._start_value(variable)) for variable in self._step.variables)

    def _start_value(self, variable: Any) -> Tensor:
        value: Tensor = variable.value.detach()
        return value.clone() if self._changed is None or id(variable) in self._changed else value

    def _run(self, scope: "PlainScope", batch: Any) -> Any:
        scope.losses = []
        with scope.watch() if self._changed is None else contextlib.nullcontext():
            outputs = self._step.run(batch)
        scope.settle()
        missing = scope.missing()
        if missing:
            self._step = replace(self._step, variables=(*self._step.variables, *missing))
            self._extensions += 1
            if self._extensions > MAX_ATTEMPTS:
                raise creates_variables(missing[-1])
        return outputs

    def _commit(self, scope: "PlainScope") -> None:
        self._changed = (self._changed or set()) | scope.changed()
        for variable in self._step.variables:
            if id(variable) in self._changed:
                variable.assign(scope.state_mapping[id(variable)])


class PlainScope(CopyingOverlay):
    """A scope for the steps of a block, which knows the variables that they have used and changed."""

    def __init__(self, values: Iterable[tuple[Any, Tensor]]) -> None:
        super().__init__(list(values), exact=True)
        self._versions = {key: value._version for key, value in self.state_mapping.items()}
        self._overwritten: set[int] = set()
        self._listed = set(self.state_mapping)

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Find the values that are written in place, also by operations that do not count that as another version."""
        before = dict(self.state_mapping)
        with InPlace() as in_place:
            yield
        self._overwritten |= {key for key, value in before.items() if memory_of(value) in in_place.memory}

    def settle(self) -> None:
        """Store assigned values with the memory layout of their variables, as a trace does after each step."""
        for key, variable in self._written.items():
            value = self.state_mapping[key]
            if not value.is_contiguous() and raw_value(variable).is_contiguous():
                self.state_mapping[key] = value.contiguous()

    def missing(self) -> list[Any]:
        """Return the variables used that were neither given to the scope nor returned before."""
        if self._seen.keys() <= self._listed and self._written.keys() <= self._listed:
            return []
        missing = [variable for variable in self.seen() if id(variable) not in self._listed]
        self._listed.update(map(id, missing))
        return missing

    def changed(self) -> set[int]:
        """Return the ids of the variables that were assigned, or whose value was written in place."""
        in_place = {key for key, version in self._versions.items() if self.state_mapping[key]._version != version}
        return in_place | self._written.keys() | self._overwritten


@contextlib.contextmanager
def _forbid_values() -> Iterator[None]:
    """End a step that may not be traceable, while open."""
    with TraceableFunctions(), ForbidValues(), ForbidNumpy(), context_value(is_recording, True):
        yield


@contextlib.contextmanager
def operations_of_the_trace() -> Iterator[None]:
    """Let Keras execute the operations that are recorded when it is traced, while open."""
    with traceable_keras(), traceable_optimizers(), patched_cond(cond), keep_optimizer_tensors(), read_variables():
        yield
