"""The epoch loop: callbacks and validation around blocks of compiled steps, in the order that Keras uses."""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.data.epoch_iterators import EpochIterator
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import first_epoch, pythonify_logs, should_validate
from kerasbridge.tensorboard import summary_api
from kerasbridge.training import callbacks, progress
from kerasbridge.training.step_loop import BlockReport, BlockSizer, Runner

log = logging.getLogger("kerasbridge")
Logs = dict[str, Any]


@dataclass(frozen=True)
class FitConfig:
    """Settings of a training run, apart from its model and data."""

    epochs: int = 1
    initial_epoch: int = 0
    validation_freq: int | list[int] = 1
    verbose: int | str = 0


@dataclass(frozen=True)
class Phase:
    """A runner and the epoch iterator that it runs over."""

    runner: Runner
    feed: EpochIterator


def run_training(
    model: keras.Model,
    training: Phase,
    validation: Phase | None,
    plan: FitConfig,
    given_callbacks: Any = None,
    optimizers: Sequence[tuple[Any, Sequence[Any]]] | None = None,
) -> keras.callbacks.History:
    """Run every epoch of the plan and return the history, whose `params` state how the steps ran.

    Args:
        model: the model to train.
        training: its runner and data.
        validation: the same for validation, if there is any.
        plan: epochs, validation frequency and verbosity.
        given_callbacks: the callbacks that the user passed.
        optimizers: each optimizer in use with the variables that it updates; by default the one of the model.
    """
    trainer, feed = training.runner, training.feed
    reporter = make_progress_reporter(given_callbacks, plan.verbose, plan.epochs)
    shown = {"epochs": plan.epochs, "steps": feed.steps, "verbose": plan.verbose}
    listeners = make_callback_list(model, given_callbacks, reporter, history=True, **shown)
    pace = _block_sizer(model, listeners, "train")
    model.stop_training = False
    feed.restart()
    logs: Logs = {}
    with contextlib.closing(reporter):
        listeners.on_train_begin()
        try:
            for epoch in range(first_epoch(model, plan.initial_epoch), plan.epochs):
                trainer.reset_metrics()
                listeners.on_epoch_begin(epoch)
                reporter.begin(feed.steps)
                logs = _train_epoch(model, training, epoch, pace, listeners, reporter)
                if validation and should_validate(model, epoch, plan.validation_freq):
                    validated = run_evaluation(model, validation, listeners)
                    logs.update({f"val_{name}": value for name, value in validated.items()})
                listeners.on_epoch_end(epoch, logs)
                if model.stop_training:
                    break
        finally:
            if plan.epochs > 0:
                _finalize(model, optimizers)
        model.history.params.update(execution=trainer.execution_mode, execution_reason=trainer.fallback_reason)
        listeners.on_train_end(logs)
    _warn_eager("training", trainer)
    return model.history


def run_evaluation(
    model: keras.Model, course: Phase, listeners: Any, reporter: progress.Reporter | None = None
) -> Logs:
    """Run one pass without training and return the loss and metrics."""
    runner, feed = course.runner, course.feed

    def end(ran: BlockReport) -> None:
        listeners.on_test_batch_end(ran.last, ran.logs)
        if reporter:
            reporter.on_block_end(ran)

    runner.engine.set_mode(model, training=False)
    model.stop_evaluating = False
    feed.restart()
    listeners.on_test_begin()
    if reporter:
        reporter.begin(feed.steps)
    runner.reset_metrics()
    pace = _block_sizer(model, listeners, "test")
    with contextlib.closing(feed.chunks(0, pace.fixed)) as portions:
        logs = runner.run(portions, pace, listeners.on_test_batch_begin, end, lambda: bool(model.stop_evaluating))
    logs = pythonify_logs(logs)
    listeners.on_test_end(logs)
    if reporter:  # only for `evaluate`: in a validation, the training warns
        _warn_eager("evaluation", runner)
    return logs


def run_prediction(model: keras.Model, course: Phase, listeners: Any, reporter: progress.Reporter) -> list[Any]:
    """Return the predictions of every batch."""
    runner, feed = course.runner, course.feed

    def end(ran: BlockReport, batches: list[Any]) -> None:
        listeners.on_predict_batch_end(
            ran.last, {"outputs": batches[0] if len(batches) == 1 else concatenate_batches(batches)}
        )
        reporter.on_block_end(ran)

    runner.engine.set_mode(model, training=False)
    model.stop_predicting = False
    feed.restart()
    listeners.on_predict_begin()
    reporter.begin(feed.steps)
    every, live = max(1, model.steps_per_execution), callbacks.needs_batch_hooks(listeners.callbacks, "predict")
    with contextlib.closing(feed.chunks(0, every if live else None)) as portions:
        outputs = runner.predict(
            portions, every, listeners.on_predict_batch_begin, end, lambda: bool(model.stop_predicting)
        )
    listeners.on_predict_end()
    return outputs


def concatenate_batches(batches: list[Any]) -> Any:
    """Concatenate the predictions of several batches, as NumPy arrays."""
    return keras.tree.map_structure(
        lambda *parts: np.concatenate([keras.ops.convert_to_numpy(part) for part in parts]), *batches
    )


def make_progress_reporter(
    given: Any, verbose: int | str, epochs: int = 1, title: str | None = None
) -> progress.Reporter:
    """Return the progress reporter; silent if the callbacks contain a Keras progress bar or are a CallbackList."""
    silent = isinstance(given, keras.callbacks.CallbackList) or callbacks.has_progress_bar(keras.tree.flatten(given))
    return progress.reporter(0 if silent else verbose, epochs, title)


def make_callback_list(
    model: keras.Model, given: Any, reporter: progress.Reporter | None, history: bool = False, **params: Any
) -> Any:
    """Return a CallbackList of the given callbacks and the reporter, or the given CallbackList unchanged."""
    listed = prepare_callbacks(given)
    if isinstance(listed, keras.callbacks.CallbackList):
        return listed
    every = [*listed, *filter(None, [reporter])]
    return keras.callbacks.CallbackList(every, add_history=history, add_progbar=False, model=model, **params)


def prepare_callbacks(given: Any) -> Any:
    """Return the callbacks as a list, with TensorBoard callbacks patched; a CallbackList is returned unchanged."""
    if isinstance(given, keras.callbacks.CallbackList):
        return given
    listed = keras.tree.flatten(given) if given else []
    summary_api.patch_tensorboard_callbacks(listed)
    return listed


def _train_epoch(
    model: keras.Model, training: Phase, epoch: int, pace: BlockSizer, listeners: Any, reporter: progress.Reporter
) -> Logs:
    runner, feed = training.runner, training.feed

    def end(ran: BlockReport) -> None:
        listeners.on_train_batch_end(ran.last, ran.logs)
        reporter.on_block_end(ran)

    runner.engine.set_mode(model, training=True)
    halt = callbacks.halts_on_nan(listeners.callbacks)
    try:
        with contextlib.closing(feed.chunks(epoch, pace.fixed)) as portions:
            logs = runner.run(
                portions, pace, listeners.on_train_batch_begin, end, lambda: bool(model.stop_training), halt
            )
    finally:
        runner.engine.set_mode(model, training=False)
    return pythonify_logs(logs)


def _warn_eager(what: str, runner: Runner) -> None:
    if runner.fallback_reason:
        log.warning("kerasbridge: %s ran eagerly: %s.", what, runner.fallback_reason)


def _finalize(model: keras.Model, optimizers: Sequence[tuple[Any, Sequence[Any]]] | None) -> None:
    """Let each optimizer finalize its variables, which may overwrite weights with their moving averages."""
    for optimizer, variables in [(model.optimizer, model.trainable_weights)] if optimizers is None else optimizers:
        if optimizer is not None:
            optimizer.finalize_variable_values(variables)


def _block_sizer(model: keras.Model, listeners: Any, kind: str) -> BlockSizer:
    live = callbacks.needs_batch_hooks(listeners.callbacks, kind)
    return BlockSizer(max(1, model.steps_per_execution) if live or model.steps_per_execution > 1 else None)
