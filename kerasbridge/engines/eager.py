"""The eager block, which runs a step as plain Python on every backend."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasbridge.engines.base import BlockResult, Data, Engine
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.keras_compat.tensors import map_tensors


class EagerBlock:
    """A block that runs the step as plain Python: for `run_eagerly`, and for steps that cannot be compiled."""

    execution_mode = "eager"

    def __init__(self, engine: Engine, step: Step, reason: str | None) -> None:
        self.engine, self.step, self.fallback_reason = engine, step, reason

    @property
    def variables(self) -> tuple[Any, ...]:
        return self.step.variables

    def prepare(self, data: Data, order: Tensor) -> None:
        del data, order

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, stop_on_nonfinite: bool) -> BlockResult:
        reports: list[np.ndarray[Any, Any]] = []
        logs: dict[str, Tensor] = {}
        for step in range(start, stop):
            with self.engine.eager():
                report, logs = self.step.run(self.engine.gather_rows(data, order[step]))
            reports.append(np.array(self.engine.to_numpy(report)))
            if stop_on_nonfinite and not np.isfinite(reports[-1]).all():
                break
        return BlockResult(len(reports), np.stack(reports), logs)


def batch_of(stack: Data, index: Any) -> Data:
    """Return one batch of a stack."""
    return map_tensors(lambda leaf: leaf[index], stack)


class EagerPredictBlock:
    """A block of predict steps that run as plain Python."""

    def __init__(
        self, engine: Engine, step: Step, reason: str | None, take: Callable[[Data, int], Data] = batch_of
    ) -> None:
        self.engine, self.step, self.fallback_reason, self._take = engine, step, reason, take

    def __call__(self, stack: Data, start: int, stop: int, left: int) -> list[Any]:
        with self.engine.eager():
            return [self.step.run(self._take(stack, index)) for index in range(start, stop)]


def eager_reason(step: Step) -> str | None:
    """Return the user's option that makes this step run as plain Python, or None."""
    return "run_eagerly=True" if step.run_eagerly else None
