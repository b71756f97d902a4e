"""Build of a custom step: dry run, build of its optimizers, and reuse of the result by the next `fit`."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.engines.base import Engine
from kerasbridge.engines.compile_cache import cached_on_model
from kerasbridge.engines.stateless import unique
from kerasbridge.engines.step import Batch
from kerasbridge.errors import StepError
from kerasbridge.keras_compat import keras, model_state
from kerasbridge.keras_compat.models import dtype_policies, ensure_callback_attributes, optimized_variables
from kerasbridge.keras_compat.tensors import flatten_logs
from kerasbridge.random import keras_patch
from kerasbridge.training.custom_step import host_rng, side_effects
from kerasbridge.training.custom_step.dry_run import TraceInfo, dry_run
from kerasbridge.training.custom_step.invoke import Function, Step, call, step_functions
from kerasbridge.training.custom_step.objectives import Objective, StepOutput, check_scalar
from kerasbridge.training.custom_step.program import Program, RunningMeans, StepFunction, log_values
from kerasbridge.training.optimization import Target

log = logging.getLogger("kerasbridge")
_CACHE = "_kerasbridge_steps"


@dataclass(frozen=True)
class CompiledStep:
    """A program, its optimizers with the variables that each updates, and the state that it depends on."""

    program: Program
    optimizers: list[tuple[Any, list[Any]]]
    fingerprint: Any


def build_step(model: keras.Model, step: Step, engine: Engine, batch: Batch, training: bool) -> CompiledStep:
    """Return the compiled step for this model and data like `batch`; the cached one if nothing has changed.

    Raises:
        StepError, ArgumentError: the step is invalid.
    """
    key = (
        tuple(map(_hashable, step_functions(step))),
        training,
        _batch_spec(batch),
        keras_patch.is_random_portable(),
        bool(model.run_eagerly),
    )
    return cached_on_model(
        model,
        _CACHE,
        key,
        lambda: _build_step(model, step, engine, batch, training),
        lambda cached: cached.fingerprint == _fingerprint(step, model, cached.program.variables),
    )


def _build_step(model: keras.Model, step: Step, engine: Engine, batch: Batch, training: bool) -> CompiledStep:
    functions = step_functions(step)

    def run(batch: Batch) -> list[StepOutput]:
        return [call(function, model, batch, training) for function in functions]

    eager_engine = engine if model.run_eagerly else None
    first = dry_run(run, batch, eager_engine)
    optimizers = _optimizer_variables(first.outputs) if training else []
    for optimizer, variables in optimizers:
        model_variables = model.trainable_variables if optimizer is getattr(model, "optimizer", None) else []
        _build_optimizer(optimizer, unique([model_variables, variables]))
    trace = dry_run(run, batch, eager_engine) if eager_engine else _check_dry_run(run, step, model, batch, first)
    slots = [variable for optimizer, _ in optimizers for variable in model_state.optimizer_variables(optimizer)]
    ensure_callback_attributes(model)
    variables = unique([model.variables, model.metrics_variables, trace.variables, slots])
    names, metrics = _averaged_names(model, trace)
    parts = [_step_function(function, output) for function, output in zip(functions, trace.outputs, strict=True)]
    program = Program(model, engine, parts, variables, RunningMeans(names), metrics, training)
    _warn_untracked(model, trace, optimizers)
    return CompiledStep(program, optimizers, _fingerprint(step, model, variables))


def _check_dry_run(run: Any, step: Step, model: keras.Model, batch: Batch, first: TraceInfo) -> TraceInfo:
    """Run the step once more, now that everything is built; a step that still changes something cannot be compiled."""
    before = side_effects.snapshot(step, model)

    def run_again() -> TraceInfo:
        trace = dry_run(run, batch)
        side_effects.check_unchanged(step, before, side_effects.snapshot(step, model))
        _check_no_new_variables(first, trace)
        return trace

    trace, modules = host_rng.detect_host_rng(run_again)
    side_effects.check_no_host_rng(step, modules)
    return trace


def _check_no_new_variables(first: TraceInfo, second: TraceInfo) -> None:
    known_ids = set(map(id, first.variables))
    new = [variable.path for variable in second.variables if id(variable) not in known_ids]
    if new:
        raise StepError(
            f"Expected the step to create no variables, found that every call creates {new[0]}. Create layers, "
            "variables and seed generators once, as attributes of the model."
        )


def _optimizer_variables(outputs: Sequence[StepOutput]) -> list[tuple[Any, list[Any]]]:
    """Return each optimizer with all variables that it updates in this step."""
    objectives: list[Objective] = [objective for output in outputs for objective in output.objectives.values()]
    optimizers = unique([[objective.optimizer for objective in objectives]])
    return [
        (optimizer, unique(objective.variables for objective in objectives if objective.optimizer is optimizer))
        for optimizer in optimizers
    ]


def _build_optimizer(optimizer: Any, variables: list[Any]) -> None:
    if not optimizer.built:
        optimizer.build(variables)
        return
    known_ids = set(map(id, optimized_variables(optimizer)))
    new = [variable.path for variable in variables if id(variable) not in known_ids]
    if new:
        raise StepError(
            f"Expected the optimizer {optimizer.name!r} to update variables that it was built for, received "
            f"{new[0]}. Use a separate optimizer for them, or compile the model again."
        )


def _step_function(function: Function, output: StepOutput) -> StepFunction:
    objectives = output.objectives
    targets = {name: Target(objective.variables, objective.optimizer) for name, objective in objectives.items()}
    return StepFunction(function, targets, frozenset(name for name in objectives if objectives[name].gradients is None))


def _averaged_names(model: keras.Model, trace: TraceInfo) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names of the values to average over an epoch, and the Keras metrics that the step returns.

    The results of the model's own metrics, as `model.compute_metrics` returns them, are averages already.
    """
    losses = {name: 0.0 for output in trace.outputs for name in output.objectives}
    returned = {name: value for output in trace.outputs for name, value in output.values.items()}
    metrics = {name: value for name, value in returned.items() if isinstance(value, keras.metrics.Metric)}
    results = flatten_logs({name: metric.result() for name, metric in metrics.items()})
    values = {name: value for name, value in returned.items() if name not in metrics}
    averaged_already = set(results)
    written_ids = set(map(id, trace.written))
    if any(id(variable) in written_ids for variable in model.metrics_variables):
        averaged_already |= set(flatten_logs(model.get_metrics_result()))
    logged = log_values(losses, {**values, **results})
    averaged = [name for name in logged if name not in averaged_already or name in log_values(losses, {})]
    for name in set(averaged) & set(values):
        check_scalar(values[name], f"the value {name!r}")
    return tuple(averaged), metrics


def _warn_untracked(model: keras.Model, trace: TraceInfo, optimizers: list[tuple[Any, list[Any]]]) -> None:
    """Warn if the step changes variables that are not part of the model: callbacks would not save them with it."""
    tracked_ids = set(map(id, model_state.all_variables(model)))
    changed = [*trace.written, *(optimizer.variables[0] for optimizer, _ in optimizers)]
    untracked = [variable for variable in changed if id(variable) not in tracked_ids]
    if untracked:
        log.warning(
            "kerasbridge: the step changes %s, which is not part of the model: callbacks that save or restore the "
            "model leave it out. Make it, or the object that it belongs to, an attribute of the model.",
            untracked[0].path,
        )


def _fingerprint(step: Step, model: keras.Model, variables: Sequence[Any]) -> Any:
    trainable = [(id(variable), variable.trainable) for variable in variables]
    return side_effects.snapshot(step, model), trainable, dtype_policies(model)


def _hashable(function: Any) -> Any:
    try:
        hash(function)
    except TypeError:
        return side_effects.Identity(function)
    return function


def _batch_spec(batch: Batch) -> Any:
    """Return the structure of the batch, and the shape of a row and the dtype of each array."""
    arrays = [array if array is None else (array.shape[1:], str(array.dtype)) for array in keras.tree.flatten(batch)]
    return tuple(path for path, _ in keras.tree.flatten_with_path(batch)), tuple(arrays)
