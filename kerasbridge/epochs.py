"""Epochs: callbacks and validation around blocks of compiled steps, in the order in which Keras has them."""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge import _keras, callbacks, progress, summaries
from kerasbridge._keras import keras
from kerasbridge.data import order
from kerasbridge.loop import Pace, Runner

log = logging.getLogger("kerasbridge")
Logs = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What a training run does, apart from its model and data; without a seed the rows stay in their order."""

    epochs: int
    initial_epoch: int
    batch_size: int
    validation_batch_size: int
    validation_freq: int | list[int]
    seed: int | None
    verbose: int | str


def run_training(
    model: keras.Model, trainer: Runner, validator: Runner | None, plan: Plan, given_callbacks: Any,
    optimizers: Sequence[tuple[Any, Sequence[Any]]] | None = None,
) -> keras.callbacks.History:  # fmt: skip
    """Runs every epoch of the plan, and notes in the history's `params` how the steps ran.

    `optimizers` are those in use, each with the variables it moves: by default the model's own.
    """
    steps = -(-trainer.rows // plan.batch_size)
    reporter = progress.reporter(plan.verbose, steps, plan.batch_size, plan.epochs)
    shown = {"epochs": plan.epochs, "steps": steps, "verbose": plan.verbose}
    listeners = callback_list(model, given_callbacks, reporter, history=True, **shown)
    pace = _pace(model, listeners, "train")
    model.stop_training = False
    logs: Logs = {}
    with contextlib.closing(reporter):
        listeners.on_train_begin()
        for epoch in range(_keras.first_epoch(model, plan.initial_epoch), plan.epochs):
            trainer.reset_metrics()
            listeners.on_epoch_begin(epoch)
            logs = _train_epoch(model, trainer, plan, epoch, pace, listeners, reporter)
            if validator and _keras.should_validate(model, epoch, plan.validation_freq):
                validated = run_evaluation(model, validator, plan.validation_batch_size, listeners)
                logs.update({f"val_{name}": value for name, value in validated.items()})
            listeners.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        if plan.epochs > 0:
            _finalize(model, optimizers)
        model.history.params.update(execution=trainer.how, execution_reason=trainer.reason)
        listeners.on_train_end(logs)
    if trainer.reason:
        log.warning("kerasbridge: training ran step by step: %s.", trainer.reason)
    return model.history


def run_evaluation(
    model: keras.Model, runner: Runner, batch_size: int, listeners: Any, reporter: progress.Reporter | None = None
) -> Logs:
    """One pass over data that is not trained on: its loss and metrics."""

    def end(_: int, last: int, logs: Logs) -> None:
        listeners.on_test_batch_end(last, logs)
        if reporter:
            reporter.on_block_end(last, logs)

    runner.engine.set_mode(model, training=False)
    model.stop_evaluating = False
    listeners.on_test_begin()
    runner.reset_metrics()
    rows, pace = order(runner.rows, batch_size), _pace(model, listeners, "test")
    logs = runner.run(rows, pace, listeners.on_test_batch_begin, end, lambda: bool(model.stop_evaluating))
    logs = _keras.pythonify_logs(logs)
    listeners.on_test_end(logs)
    return logs


def _finalize(model: keras.Model, optimizers: Sequence[tuple[Any, Sequence[Any]]] | None) -> None:
    """Moving averages take the place of the weights, where an optimizer keeps some."""
    for optimizer, variables in [(model.optimizer, model.trainable_weights)] if optimizers is None else optimizers:
        if optimizer is not None:
            optimizer.finalize_variable_values(variables)


def callback_list(
    model: keras.Model, given: Any, reporter: progress.Reporter | None, history: bool = False, **params: Any
) -> Any:
    """Keras's list of what was given and our reporter, or the list that was given."""
    if isinstance(given, keras.callbacks.CallbackList):
        return given
    every = [*(given if isinstance(given, (list, tuple)) else [given] if given else []), *filter(None, [reporter])]
    summaries.prepare(every)
    return keras.callbacks.CallbackList(every, add_history=history, add_progbar=False, model=model, **params)


def _train_epoch(
    model: keras.Model, trainer: Runner, plan: Plan, epoch: int, pace: Pace, listeners: Any, reporter: progress.Reporter
) -> Logs:
    def end(_: int, last: int, logs: Logs) -> None:
        listeners.on_train_batch_end(last, logs)
        reporter.on_block_end(last, logs)

    trainer.engine.set_mode(model, training=True)
    rows = order(trainer.rows, plan.batch_size, plan.seed, epoch)
    halt = callbacks.halts_on_nan(listeners.callbacks)
    logs = trainer.run(rows, pace, listeners.on_train_batch_begin, end, lambda: bool(model.stop_training), halt)
    trainer.engine.set_mode(model, training=False)
    return _keras.pythonify_logs(logs)


def _pace(model: keras.Model, listeners: Any, kind: str) -> Pace:
    live = callbacks.any_live(listeners.callbacks, kind)
    return Pace(max(1, model.steps_per_execution) if live or model.steps_per_execution > 1 else None)
