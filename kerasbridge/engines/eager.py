"""The eager block, which runs a step as plain Python on every backend."""

from typing import Any

import numpy as np

from kerasbridge.engines.base import BlockResult, Data, Engine
from kerasbridge.engines.step import Step, Tensor


class EagerBlock:
    """A block that runs the step as plain Python: for `run_eagerly`, and for steps that cannot be compiled."""

    execution_mode = "eager"

    def __init__(self, engine: Engine, step: Step, reason: str) -> None:
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

    def predict(self, data: Data, row: Tensor) -> Any:
        """Run the predict step on one batch."""
        with self.engine.eager():
            return self.step.run(self.engine.gather_rows(data, row))


def eager_reason(step: Step) -> str | None:
    """Return the user's option that makes this step run as plain Python, or None."""
    return "run_eagerly=True" if step.run_eagerly else None
