"""Dry run of a custom step before it is compiled: builds its layers and records the variables that it uses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kerasbridge import engines
from kerasbridge.engines.base import Engine
from kerasbridge.engines.stateless import VariableRecorder
from kerasbridge.engines.step import Batch
from kerasbridge.keras_compat.tensors import eval_abstract, map_tensors
from kerasbridge.training.custom_step.gradients import dry_run_scope
from kerasbridge.training.custom_step.objectives import StepOutput


@dataclass(frozen=True)
class TraceInfo:
    """Result of a dry run: the variables used, those written, and the output of each function of the step."""

    variables: list[Any]
    written: list[Any]
    outputs: list[StepOutput]


def dry_run(run: Callable[[Batch], list[StepOutput]], batch: Batch, engine: Engine | None = None) -> TraceInfo:
    """Run the step on tensors with shapes but no values; layers that are not built build themselves.

    Args:
        run: one call of the step.
        batch: arrays, of which only shapes and dtypes are used.
        engine: pass it for a step that runs eagerly and may read values: the step then runs on the values of the
            batch, and what it writes to variables is discarded.
    """
    traces: list[TraceInfo] = []

    def record(x: Any, y: Any, sample_weight: Any) -> None:
        with VariableRecorder() as scope, dry_run_scope():
            outputs = run(Batch(x, y, sample_weight))
        written = [variable for variable, _ in scope.writes()]
        traces.append(TraceInfo(scope.seen(), written, outputs))

    if engine is None:
        with engines.current().abstract_scope():
            eval_abstract(record, *batch)
    else:
        with engine.eager():
            record(*map_tensors(engine.to_device, batch))
    return traces[-1]
