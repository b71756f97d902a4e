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
from kerasbridge.random import keras_patch
from kerasbridge.training.custom_step import host_rng, side_effects
from kerasbridge.training.custom_step.dry_run import TraceInfo, dry_run
from kerasbridge.training.custom_step.invoke import Function, Step, call, functions
from kerasbridge.training.custom_step.objectives import Objective, StepOutput
from kerasbridge.training.custom_step.program import Phase, Program, log_values
from kerasbridge.training.custom_step.running_means import RunningMeans
from kerasbridge.training.optimization import Target

log = logging.getLogger("kerasbridge")
_KEPT = "_kerasbridge_steps"


@dataclass(frozen=True)
class CompiledStep:
    """A program, its optimizers with the variables that each updates, and the state that it depends on."""

    program: Program
    optimizers: list[tuple[Any, list[Any]]]
    remembered: Any


def build_step(model: keras.Model, step: Step, engine: Engine, batch: Batch, training: bool) -> CompiledStep:
    """Return the compiled step for this model and data like `batch`; the cached one if nothing has changed.

    Raises:
        StepError, ArgumentError: the step is invalid.
    """
    key = (
        tuple(map(_key, functions(step))),
        training,
        _spec(batch),
        keras_patch.is_random_portable(),
        bool(model.run_eagerly),
    )
    return cached_on_model(
        model,
        _KEPT,
        key,
        lambda: _make(model, step, engine, batch, training),
        lambda found: found.remembered == _remembered(step, model, found.program.variables),
    )


def _make(model: keras.Model, step: Step, engine: Engine, batch: Batch, training: bool) -> CompiledStep:
    parts = functions(step)

    def run(batch: Batch) -> list[StepOutput]:
        return [call(function, model, batch, training) for function in parts]

    with_values = engine if model.run_eagerly else None
    first = dry_run(run, batch, with_values)
    optimizers = _optimizers(first.returned) if training else []
    for optimizer, variables in optimizers:
        own = model.trainable_variables if optimizer is getattr(model, "optimizer", None) else []
        _build(optimizer, unique([own, variables]))
    seen = dry_run(run, batch, with_values) if with_values else _rehearse_again(run, step, model, batch, first)
    moved = [variable for optimizer, _ in optimizers for variable in model_state.optimizer_variables(optimizer)]
    ensure_callback_attributes(model)
    variables = unique([model.variables, model.metrics_variables, seen.variables, moved])
    names, metrics = _logged(model, seen)
    phases = [_phase(function, output) for function, output in zip(parts, seen.returned, strict=True)]
    program = Program(model, engine, phases, variables, RunningMeans(names), metrics, training)
    _warn_of_unheld(model, seen, optimizers)
    return CompiledStep(program, optimizers, _remembered(step, model, variables))


def _rehearse_again(run: Any, step: Step, model: keras.Model, batch: Batch, first: TraceInfo) -> TraceInfo:
    """Run the step once more, now that everything is built; a step that still changes something cannot be compiled."""
    before = side_effects.snapshot(step, model)

    def again() -> TraceInfo:
        seen = dry_run(run, batch)
        side_effects.check_unchanged(step, before, side_effects.snapshot(step, model))
        _check_nothing_made(first, seen)
        return seen

    seen, drawn = host_rng.detect_host_rng(again)
    side_effects.check_nothing_drawn(step, drawn)
    return seen


def _check_nothing_made(first: TraceInfo, seen: TraceInfo) -> None:
    known = set(map(id, first.variables))
    new = [variable.path for variable in seen.variables if id(variable) not in known]
    if new:
        raise StepError(
            f"Expected the step to create no variables, found that every call creates {new[0]}. Create layers, "
            "variables and seed generators once, as attributes of the model."
        )


def _optimizers(given: Sequence[StepOutput]) -> list[tuple[Any, list[Any]]]:
    """Return each optimizer with all variables that it updates in this step."""
    objectives: list[Objective] = [each for part in given for each in part.objectives.values()]
    optimizers = unique([[each.optimizer for each in objectives]])
    return [
        (optimizer, unique(each.variables for each in objectives if each.optimizer is optimizer))
        for optimizer in optimizers
    ]


def _build(optimizer: Any, variables: list[Any]) -> None:
    if not optimizer.built:
        optimizer.build(variables)
        return
    known = set(map(id, optimized_variables(optimizer)))
    unknown = [variable.path for variable in variables if id(variable) not in known]
    if unknown:
        raise StepError(
            f"Expected the optimizer {optimizer.name!r} to update variables that it was built for, received "
            f"{unknown[0]}. Use a separate optimizer for them, or compile the model again."
        )


def _phase(function: Function, output: StepOutput) -> Phase:
    objectives = output.objectives
    targets = {name: Target(objective.variables, objective.optimizer) for name, objective in objectives.items()}
    return Phase(function, targets, frozenset(name for name in objectives if objectives[name].gradients is None))


def _logged(model: keras.Model, seen: TraceInfo) -> tuple[tuple[str, ...], list[Any]]:
    """Return the names of the values to average over an epoch, and the Keras metrics that the step returns.

    The results of the model's own metrics, as `model.compute_metrics` returns them, are averages already.
    """
    losses = {name: 0.0 for given in seen.returned for name in given.objectives}
    values = {name: value for given in seen.returned for name, value in given.values.items()}
    metrics = [value for value in values.values() if isinstance(value, keras.metrics.Metric)]
    results = {name for name, value in values.items() if isinstance(value, keras.metrics.Metric)}
    written = set(map(id, seen.written))
    if any(id(variable) in written for variable in model.metrics_variables):
        results |= set(model.get_metrics_result())
    named = log_values(losses, values)
    averaged = [name for name in named if name not in results or name in log_values(losses, {})]
    return tuple(averaged), metrics


def _warn_of_unheld(model: keras.Model, seen: TraceInfo, optimizers: list[tuple[Any, list[Any]]]) -> None:
    """Warn if the step changes variables that are not part of the model: callbacks would not save them with it."""
    held = set(map(id, model_state.all_variables(model)))
    changed = [*seen.written, *(optimizer.variables[0] for optimizer, _ in optimizers)]
    unheld = [variable for variable in changed if id(variable) not in held]
    if unheld:
        log.warning(
            "kerasbridge: the step changes %s, which is not part of the model: callbacks that save or restore the "
            "model leave it out. Make it, or the object that it belongs to, an attribute of the model.",
            unheld[0].path,
        )


def _remembered(step: Step, model: keras.Model, variables: Sequence[Any]) -> Any:
    flags = [(id(variable), variable.trainable) for variable in variables]
    return side_effects.snapshot(step, model), flags, dtype_policies(model)


def _key(function: Any) -> Any:
    try:
        hash(function)
    except TypeError:
        return side_effects.Identity(function)
    return function


def _spec(batch: Batch) -> Any:
    """Return the structure of the batch, and the shape of a row and the dtype of each array."""
    leaves = [leaf if leaf is None else (leaf.shape[1:], str(leaf.dtype)) for leaf in keras.tree.flatten(batch)]
    return tuple(path for path, _ in keras.tree.flatten_with_path(batch)), tuple(leaves)
