"""The epoch loop: callbacks and validation around blocks of compiled steps, in the order that Keras uses."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.checkpoint.position import Position
from kerasbridge.data.epoch_iterators import Chunk, EpochIterator
from kerasbridge.engines.base import Block
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import first_epoch, pythonify_logs, should_validate
from kerasbridge.runtime import signals
from kerasbridge.training import callbacks, progress
from kerasbridge.training.blocks import BlockReport, BlockSizer, StepsLeft
from kerasbridge.training.checkpointing import NoCheckpoints
from kerasbridge.training.epoch_reports import report_epoch
from kerasbridge.training.nonfinite import make_watch
from kerasbridge.training.prediction import predict_blocks
from kerasbridge.training.step_loop import BlockWatch, Entry, Runner
from kerasbridge.training.workers import Workers

log = logging.getLogger("kerasbridge")
Logs = dict[str, Any]


@dataclass(frozen=True)
class FitConfig:
    """Settings of a training run, apart from its model and data."""

    epochs: int = 1
    initial_epoch: int = 0
    validation_freq: int | list[int] = 1
    verbose: int | str = 0
    on_nonfinite: str = "ignore"


@dataclass(frozen=True)
class Phase:
    """A runner and the epoch iterator that it runs over."""

    runner: Runner
    iterator: EpochIterator


def run_training(
    model: keras.Model,
    training: Phase,
    validation: Phase | None,
    config: FitConfig,
    user_callbacks: Any = None,
    checkpoints: NoCheckpoints | None = None,
) -> keras.callbacks.History:
    """Run all epochs and return the history, whose `params` state how the steps ran.

    Args:
        model: the model to train.
        training: its runner and data.
        validation: the same for validation, if there is any.
        config: epochs, validation frequency and verbosity.
        user_callbacks: the callbacks that the user passed.
        checkpoints: what writes the checkpoints of the run, and continues from one.
    """
    runner, iterator = training.runner, training.iterator
    checkpoints = checkpoints or NoCheckpoints()
    reporter = callbacks.make_progress_reporter(user_callbacks, config.verbose, config.epochs)
    params = {"epochs": config.epochs, "steps": iterator.steps, "verbose": config.verbose}
    callback_list = callbacks.make_callback_list(model, user_callbacks, reporter, history=True, **params)
    workers = runner.workers
    sizer = _block_sizer(model, callback_list, "train", workers, checkpoints.steps_left)
    watch = make_watch(config.on_nonfinite, runner)
    model.stop_training = False
    iterator.restart()
    logs: Logs = {}
    following = workers.following(model, runner.followed_variables, runner.changed_by_callbacks)
    with contextlib.closing(reporter), following:
        checkpoints.connect(runner, iterator, callback_list.callbacks, watch)
        loaded = checkpoints.load(config.epochs)
        callback_list.on_train_begin()  # which may choose the first epoch
        position = loaded or Position(first_epoch(model, config.initial_epoch))
        position = _follow_position(position, iterator, workers, is_sought=checkpoints.has_sought)
        if not position.step:
            checkpoints.restore()
        workers.send(runner.listed_variables())
        workers.send_generators()
        try:
            while not position.has_ended(config.epochs):
                epoch = position.epoch
                runner.reset_metrics()
                callback_list.on_epoch_begin(epoch)
                if position.step:
                    checkpoints.restore()
                    workers.send(runner.listed_variables())
                    workers.send_generators()
                workers.follow(model)
                reporter.begin(iterator.steps)
                watch.epoch = epoch
                left = StepsLeft(iterator.steps, position.step, config.epochs - epoch - 1)
                logs = _train_epoch(model, training, position, left, sizer, callback_list, reporter, checkpoints, watch)
                workers.follow(model)  # the hook of the last batch
                runner.check_equal()
                if validation and should_validate(model, epoch, config.validation_freq):
                    more = _validations_left(epoch, config)
                    validation_logs = run_evaluation(model, validation, callback_list, more=more)
                    logs.update({f"val_{name}": value for name, value in validation_logs.items()})
                callback_list.on_epoch_end(epoch, logs)
                workers.follow(model)
                is_last = model.stop_training or epoch + 1 >= config.epochs
                report_epoch(workers, epoch, logs, is_last)
                position = Position(epoch + 1, finished_epochs=config.epochs if is_last else None)
                workers.share_signals()
                checkpoints.after_epoch(position)
            checkpoints.wait()
        finally:
            checkpoints.close()
            if config.epochs > 0:
                _finalize(model, runner.step.optimizers)
        watch.finish()
        if watch.skipped:
            model.history.params["skipped_steps"] = watch.skipped
        model.history.params.update(
            execution=runner.execution_mode,
            execution_reason=runner.fallback_reason,
            fast_paths=sorted(runner.fast_paths | (validation.runner.fast_paths if validation else set())),
        )
        callback_list.on_train_end(logs)
        workers.follow(model)
    _warn_eager("training", runner)
    return model.history


def run_evaluation(
    model: keras.Model, phase: Phase, callback_list: Any, reporter: progress.Reporter | None = None, more: int = 0
) -> Logs:
    """Run one pass without training and return the loss and metrics; `more` passes are known to follow."""
    runner, iterator = phase.runner, phase.iterator

    def on_block_begin(first: int) -> None:
        if has_hooks:
            callback_list.on_test_batch_begin(first)

    def on_block_end(report: BlockReport) -> None:
        if has_hooks:
            callback_list.on_test_batch_end(report.last, report.logs)
        if reporter:  # a validation belongs to its epoch, which ends with a checkpoint
            reporter.on_block_end(report)
            signals.check()

    has_hooks = callbacks.have_batch_hooks(callback_list.callbacks, "test")
    runner.engine.set_mode(model, training=False)
    model.stop_evaluating = False
    iterator.restart()
    callback_list.on_test_begin()
    if reporter:
        reporter.begin(iterator.steps)
    runner.reset_metrics()
    sizer = _block_sizer(model, callback_list, "test", runner.workers)
    with contextlib.closing(iterator.chunks(0, sizer.fixed)) as chunks:
        logs = runner.run(
            chunks,
            sizer,
            on_block_begin,
            on_block_end,
            lambda: bool(model.stop_evaluating),
            steps_left=StepsLeft(iterator.steps, epochs=more),
        )
    logs = pythonify_logs(logs)
    callback_list.on_test_end(logs)
    if reporter:  # only for `evaluate`: in a validation, the training warns
        _warn_eager("evaluation", runner)
    return logs


def run_prediction(model: keras.Model, phase: Phase, callback_list: Any, reporter: progress.Reporter) -> list[Any]:
    """Return the predictions in parts that are to be concatenated."""
    runner, iterator = phase.runner, phase.iterator

    def on_block_begin(first: int) -> None:
        if has_hooks:
            callback_list.on_predict_batch_begin(first)

    def on_block_end(report: BlockReport, outputs: Any) -> None:
        if has_hooks:
            callback_list.on_predict_batch_end(report.last, {"outputs": outputs})
        reporter.on_block_end(report)
        signals.check()

    has_hooks = callbacks.have_batch_hooks(callback_list.callbacks, "predict")
    runner.engine.set_mode(model, training=False)
    model.stop_predicting = False
    iterator.restart()
    callback_list.on_predict_begin()
    reporter.begin(iterator.steps)
    sizer = _block_sizer(model, callback_list, "predict", runner.workers)
    with contextlib.closing(iterator.chunks(0, sizer.fixed)) as chunks:
        outputs = predict_blocks(
            runner,
            chunks,
            iterator.steps,
            sizer,
            on_block_begin,
            on_block_end,
            lambda: bool(model.stop_predicting),
        )
    callback_list.on_predict_end()
    _warn_eager("prediction", runner)
    return outputs


def _train_epoch(
    model: keras.Model,
    training: Phase,
    position: Position,
    steps_left: StepsLeft,
    sizer: BlockSizer,
    callback_list: Any,
    reporter: progress.Reporter,
    checkpoints: NoCheckpoints,
    watch: BlockWatch,
) -> Logs:
    """Run the steps of an epoch from a position on, and return the logs of the last."""
    runner, iterator, epoch = training.runner, training.iterator, position.epoch

    def on_block_end(report: BlockReport) -> None:
        callback_list.on_train_batch_end(report.last, report.logs)
        reporter.on_block_end(report)
        workers.share_signals()
        checkpoints.after_block(epoch, report)

    def restore_outside(block: Block, chunk: Chunk) -> None:
        if workers.agree(checkpoints.has_outside()):
            block.prepare(chunk.data, chunk.order)
            checkpoints.restore_outside(block)
            workers.send(block.variables)

    workers = runner.workers
    entry = Entry(position.step, position.logs, restore_outside)
    runner.engine.set_mode(model, training=True)
    stop_on_nonfinite = workers.agree(callbacks.halts_on_nan(callback_list.callbacks))
    try:
        with contextlib.closing(iterator.chunks(epoch, sizer.fixed)) as chunks:
            logs = runner.run(
                chunks,
                sizer,
                callback_list.on_train_batch_begin,
                on_block_end,
                lambda: bool(model.stop_training),
                stop_on_nonfinite,
                entry,
                watch,
                steps_left,
            )
    finally:
        runner.engine.set_mode(model, training=False)
    return pythonify_logs(logs)


def _follow_position(position: Position, iterator: EpochIterator, workers: Workers, is_sought: bool) -> Position:
    """Return the position of worker 0, with the data there on all workers.

    Args:
        position: that of this worker.
        iterator: the data.
        workers: the workers of the run.
        is_sought: whether the data of worker 0 is there.
    """
    epoch, step, finished, is_sought = workers.agree(
        [position.epoch, position.step, position.finished_epochs, is_sought]
    )
    if workers.leads:
        return position
    if is_sought:
        iterator.seek(epoch, step, None)  # worker 0 has compared the data
    return Position(epoch, step, finished_epochs=finished)


def _validations_left(epoch: int, config: FitConfig) -> int:
    """Return how many validations follow that of this epoch."""
    if isinstance(config.validation_freq, int):
        return (config.epochs - epoch - 1) // config.validation_freq
    return sum(epoch + 1 < each <= config.epochs for each in config.validation_freq)


def _warn_eager(activity: str, runner: Runner) -> None:
    if runner.fallback_reason:
        log.warning("kerasbridge: %s ran eagerly: %s.", activity, runner.fallback_reason)


def _finalize(model: keras.Model, optimizers: Sequence[tuple[Any, Sequence[Any]]] | None) -> None:
    """Let each optimizer finalize its variables, which may overwrite weights with their moving averages."""
    for optimizer, variables in [(model.optimizer, model.trainable_weights)] if optimizers is None else optimizers:
        if optimizer is not None:
            optimizer.finalize_variable_values(variables)


def _block_sizer(
    model: keras.Model,
    callback_list: Any,
    kind: str,
    workers: Workers,
    steps_left: Callable[[], int | None] | None = None,
) -> BlockSizer:
    has_batch_hooks = workers.agree(callbacks.needs_batch_hooks(callback_list.callbacks, kind))
    is_fixed = has_batch_hooks or model.steps_per_execution > 1
    return BlockSizer(max(1, model.steps_per_execution) if is_fixed else None, steps_left)
