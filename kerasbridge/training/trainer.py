"""`kb.fit`, `kb.evaluate` and `kb.predict`; `epoch_loop.py` contains the loops that they run."""

import contextlib
import inspect
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from kerasbridge import checks, engines
from kerasbridge.data import adapters, input_checks
from kerasbridge.data.adapters import BatchingConfig
from kerasbridge.data.class_weights import class_weights
from kerasbridge.engines.fast_paths import allow
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import metrics_in_order, target_user
from kerasbridge.random import generator, keras_patch
from kerasbridge.seeding import seed_random_layers
from kerasbridge.training import arguments, build, run_recorder
from kerasbridge.training.callbacks import make_callback_list, make_progress_reporter, prepare_callbacks
from kerasbridge.training.checkpointing import check_settings, open_checkpoints
from kerasbridge.training.epoch_loop import FitConfig, Phase, run_evaluation, run_prediction, run_training
from kerasbridge.training.keras_methods import call_keras
from kerasbridge.training.prediction import concatenate_parts
from kerasbridge.training.run_scope import run_scope
from kerasbridge.training.worker_agreement import check_alike
from kerasbridge.training.worker_guard import together
from kerasbridge.training.workers import Workers


@together
def fit(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: int | str = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool | str = True,
    class_weight: Any = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int | list[int] = 1,
    *,
    seed: int | None = None,
    rng: str = "portable",
    step: Any = None,
    device_budget: int | str | None = None,
    run_dir: str | os.PathLike[str] | None = None,
    checkpoint_every: str | None = None,
    keep_checkpoints: int = 3,
    resume: bool = False,
    on_nonfinite: str = "warn",
    fast_paths: Sequence[str] | None = None,
) -> keras.callbacks.History:
    """Train a compiled model like `keras.Model.fit`, with many steps per call of the backend.

    Args:
        model: a compiled Keras model.
        x: arrays or tensors of shape (samples, …), or a list, tuple or dict of them. Or an iterable of
            batches ``(x, y)`` or ``(x, y, sample_weight)``: a `keras.utils.PyDataset`, a generator, a
            `tf.data.Dataset`, a torch `DataLoader`, a Grain loader. Or a Hugging Face dataset with a format set, or a
            shard of Ray Data.
        y: targets, in the same forms; for a Hugging Face dataset or a shard, the names of its target columns.
        batch_size: samples per step, 32 by default. A smaller last batch is used too.
        epochs: the epoch to train up to.
        verbose: 0 silent, 1 a progress bar, 2 a line per epoch; "auto" is 1, with lines where there is no terminal.
        callbacks: `keras.callbacks.Callback` objects. One with batch hooks is called for every batch.
        validation_split: fraction of the data, between 0 and 1, to validate on, taken from the end.
        validation_data: ``(x, y)`` or ``(x, y, sample_weight)`` to validate on after each epoch, or an
            iterable of such batches.
        shuffle: whether to shuffle the rows, or the batches of a PyDataset, in each epoch. The order depends on
            (seed, epoch). "batch" shuffles the rows of each batch only.
        class_weight: weight of the samples of each class in the loss: a dict by class number, an array with a weight
            per class, or "balanced" for classes of equal weight in total.
        sample_weight: weight of each sample in the loss.
        initial_epoch: the epoch to start at.
        steps_per_epoch: steps of an epoch, by default all of the data; the next epoch continues after them.
        validation_steps: steps of a validation, by default all of the data; each validation starts from the beginning.
        validation_batch_size: samples per validation step, by default `batch_size`.
        validation_freq: validate every so many epochs, or after the epochs in a list.
        seed: seed of the order of rows and, by their position in the model, of its random layers. Without it, the
            order is seeded from Python's `random`, and the layers continue from their current state.
        rng: "portable" for the same random numbers on every backend, "native" for those of the backend.
        step: a custom training step that replaces the loss of the model: a function of (model, batch) that returns a
            scalar loss, or `kb.Objective` objects, and named values to log. With a third parameter, `training`, it also
            runs on the validation data. A list of functions runs one after the other on each batch. With a step, the
            model needs no loss; if the step names its optimizers, the model need not be compiled.
        device_budget: device memory that data may take, in bytes or as a string ("2 GB"). Larger arrays stay where
            they are and are streamed, as is always done for `np.memmap`. By default KERASBRIDGE_DEVICE_BUDGET, or half
            of the free memory.
        run_dir: a new or empty folder to record the training in: its configuration, the logs of each epoch as soon as
            it has ended, and at the end the model and, where Matplotlib is installed, a plot of the curves.
            `kb.runs.load` reads it. If training is interrupted, the epochs recorded so far are kept.
        checkpoint_every: write a checkpoint into `run_dir` at this interval: "10s", "5 min", "500 steps", "1 epoch".
        keep_checkpoints: how many of them are kept.
        resume: continue the run in `run_dir` from its latest checkpoint, exactly, with the same arguments; begin it if
            the folder has no run yet. Without `checkpoint_every`, a checkpoint is written after each epoch.
        on_nonfinite: what to do at a loss or gradient that is NaN or infinite: "warn" logs the step and the array or
            variable once and continues, like Keras; "stop" raises NonFiniteError; "skip" leaves the step out, also of
            the metrics; "ignore" does nothing.
        fast_paths: the names of the fast paths that may be used, () for no one; by default those in
            KERASBRIDGE_FAST_PATHS, or all. A continued run uses those that it was started with.

    Returns:
        The `History`; its `params` contain the seed, how the steps ran in the end ("looped", "traced", "jit" or
        "eager"), `execution_reason` if they could not run faster, and the `fast_paths` that were used.

    Raises:
        DataError: arrays of unequal length or without rows, or labels outside the range of the output.
        ArgumentError: an argument is invalid.
        StepError: `step` returns no loss, or cannot be compiled.
        RunFolderError: `run_dir` is not empty, or cannot be written.
        NonFiniteError: a loss or gradient is not finite, with `on_nonfinite="stop"`.
        DeviceMemoryError: the device has too little memory.

    A model that overrides `train_step`, or `test_step` if there is validation data, is trained with `model.fit`, and a
    warning is logged.

    Example:
        >>> import kerasbridge as kb
        >>> data, model = kb.datasets.mnist(), kb.models.mlp()
        >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        >>> history = kb.fit(model, data.x_train / 255, data.y_train, epochs=1, seed=0, verbose=0)
    """
    arguments.check(
        model,
        batch_size,
        verbose,
        callbacks,
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        validation_batch_size=validation_batch_size,
    )
    arguments.check_compiled(model, step)
    arguments.check_fit(epochs, initial_epoch, validation_split, shuffle, seed, rng, on_nonfinite)
    validation_freq = checks.check_validation_freq(validation_freq)
    class_weight = class_weights(class_weight, y)
    fit_arguments = dict(locals())
    settings = check_settings(run_dir, checkpoint_every, keep_checkpoints, resume, initial_epoch)
    workers = Workers(engines.current())
    if not workers.leads:
        callbacks, run_dir, settings, verbose = None, None, None, 0
        fit_arguments.update(callbacks=None, run_dir=None)
    run_recorder.check(run_dir, resume)
    allowed = frozenset(workers.agree(sorted(run_recorder.fast_paths_of_run(fast_paths, run_dir, resume))))
    kinds = ("train", "test") if validation_data is not None or validation_split else ("train",)
    if step is None and arguments.delegates_to_keras(model, *kinds):
        return _fit_with_keras(fit_arguments)
    arguments.warn_extended(model, "fit")
    engine = engines.current()
    arguments.check_workers(batch_size, engine.world)
    order_seed = _seed_of_order(x, shuffle) if seed is None else seed
    if settings and resume and seed is None and (seed_of_run := run_recorder.seed_of_run(run_dir)) is not None:
        order_seed = seed_of_run
    order_seed = workers.agree(order_seed)
    build.check_strategy(model, engine)
    steps_per_epoch = arguments.round_up_to_execution(model, steps_per_epoch)
    validation_steps = arguments.round_up_to_execution(model, validation_steps)
    batching = BatchingConfig(batch_size, steps_per_epoch, order_seed if shuffle else None, shuffle, device_budget)
    validation_batching = BatchingConfig(
        validation_batch_size or batch_size,
        validation_steps,
        device_budget=device_budget,
        steps_name="validation_steps",
        in_stacks=engine.compiles_each_stack_size,
        keep=True,
    )
    random = keras_patch.portable_random() if rng == "portable" else contextlib.nullcontext()
    with run_scope(engine, model, step), random, allow(allowed):
        source, validation_source = adapters.with_validation(
            adapters.read(x, y, sample_weight, class_weight), validation_data, validation_split
        )
        if on_nonfinite == "warn":
            input_checks.warn_nonfinite(source)
        iterator = adapters.epoch_iterator(source, engine, batching)
        training = build.make_train_phase(model, step, engine, iterator, skip=on_nonfinite == "skip")
        validation = None
        if validation_source is not None:
            iterator = adapters.epoch_iterator(validation_source, engine, validation_batching)
            argument = "validation_split" if validation_data is None else "validation_data"
            validation = build.make_test_phase(model, step, engine, iterator, argument)
        if seed is not None:
            steps = [phase.runner.step for phase in (training, validation) if phase]
            seed_random_layers(model, seed, [variable for each in steps for variable in each.variables])
            keras_patch.seed_draws_without_seed(seed)
        config = FitConfig(arguments.limit_epochs(epochs), initial_epoch, validation_freq, verbose, on_nonfinite)
        sources = {"data": (source, training), "validation data": (validation_source, validation)}
        check_alike(workers, engine.name, fit_arguments, sources, order_seed)
        used = workers.gather(engine.used_devices() or [run_recorder.device_of(model)])
        spread = {"workers": engine.world.size, "devices": [name for each in used for name in each]}
        entries = {"seed": order_seed, "rng": rng, "fast_paths": sorted(allowed), **spread}
        with (
            workers.noting_signals(),
            run_recorder.record_run(fit_arguments, **entries) as record,
            open_checkpoints(settings, record.run, engine, fit_arguments, sources) as checkpoints,
        ):
            history = run_training(model, training, validation, config, record.callbacks, checkpoints)
            history.params.update(seed=order_seed, rng=rng, backend=engine.name, device=engine.device, **spread)
            validate = partial(_validate, model, validation) if validation else None
            if workers.agree(record.needs_validation()) and validate and not workers.leads:
                with contextlib.suppress(DataError):
                    validate()
            record.finish(history, validate)
    return history


def _validate(model: keras.Model, phase: Phase) -> dict[str, Any]:
    """Return loss and metrics on the validation data; no callback sees it."""
    return run_evaluation(model, phase, make_callback_list(model, [], None, epochs=1, steps=None, verbose=0))


def _seed_of_order(x: Any, shuffle: bool | str) -> int:
    """Draw a seed from Python's `random`, or if nothing is shuffled return the next one and draw nothing."""
    return generator.new_seed() if shuffle and not adapters.defines_its_order(x) else generator.peek_seed()


@together
def evaluate(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
    *,
    step: Any = None,
    device_budget: int | str | None = None,
) -> Any:
    """Compute the loss and metrics of a compiled model, as `keras.Model.evaluate` does.

    Args:
        model: a compiled Keras model.
        x, y, sample_weight: as for `fit`.
        batch_size: samples per step, 32 by default.
        verbose, device_budget: as for `fit`.
        steps: steps to run, by default all of the data.
        callbacks: `keras.callbacks.Callback` objects.
        return_dict: return a dict by name instead of a list in the order of `metrics_names`.
        step: as for `fit`; if it has a parameter `training`, it is called with False and its results are returned: the
            loss, then its named values in alphabetical order.

    Returns:
        The loss, a list that begins with it, or a dict.

    Raises:
        DataError, ArgumentError, StepError: as for `fit`.

    Example:
        >>> import kerasbridge as kb
        >>> data, model = kb.datasets.mnist(), kb.models.mlp()
        >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        >>> loss, accuracy = kb.evaluate(model, data.x_test / 255, data.y_test, verbose=0)
    """
    arguments.check(model, batch_size, verbose, callbacks, steps=steps)
    arguments.check_compiled(model, step)
    checks.check_choice("return_dict", return_dict, True, False)
    if step is None and arguments.delegates_to_keras(model, "test"):
        return call_keras(
            model,
            "evaluate",
            {
                "x": x,
                "y": y,
                "batch_size": batch_size,
                "verbose": verbose,
                "sample_weight": sample_weight,
                "steps": steps,
                "callbacks": prepare_callbacks(callbacks),
                "return_dict": return_dict,
            },
        )
    arguments.warn_extended(model, "evaluate")
    engine = engines.current()
    if not engine.world.is_first:
        callbacks, verbose = None, 0
    build.check_strategy(model, engine)
    steps = arguments.round_up_to_execution(model, steps)
    in_stacks = engine.compiles_each_stack_size
    batching = BatchingConfig(batch_size, steps, device_budget=device_budget, steps_name="steps", in_stacks=in_stacks)
    with run_scope(engine, model, step), keras_patch.portable_random():
        source = adapters.read(x, y, sample_weight)
        iterator = adapters.epoch_iterator(source, engine, batching)
        phase = build.make_test_phase(model, step, engine, iterator)
        reporter = make_progress_reporter(callbacks, verbose, title="Evaluate")
        callback_list = make_callback_list(model, callbacks, reporter, epochs=1, steps=iterator.steps, verbose=verbose)
        with contextlib.closing(reporter):
            logs = run_evaluation(model, phase, callback_list, reporter)
        if not np.isfinite(logs.get("loss", 0.0)):
            input_checks.warn_nonfinite(source)
    if return_dict:
        return logs
    return _logs_in_order(logs) if phase.runner.step.functions else metrics_in_order(model, logs)


@together
def predict(
    model: keras.Model,
    x: Any,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    steps: int | None = None,
    callbacks: Any = None,
    *,
    device_budget: int | str | None = None,
) -> Any:
    """Return the outputs of the model for `x` as NumPy arrays, as `keras.Model.predict` does.

    Args:
        model: a Keras model; it need not be compiled.
        x: as for `fit`.
        batch_size: samples per step, 32 by default.
        verbose, device_budget: as for `fit`.
        steps: steps to run, by default all of the data.
        callbacks: `keras.callbacks.Callback` objects.

    Raises:
        DataError, ArgumentError: as for `fit`.

    Example:
        >>> import kerasbridge as kb
        >>> kb.predict(kb.models.mlp(), kb.datasets.mnist().x_test[:5] / 255).shape
        (5, 10)
    """
    arguments.check(model, batch_size, verbose, callbacks, steps=steps)
    if arguments.delegates_to_keras(model, "predict"):
        callbacks = prepare_callbacks(callbacks)
        given = {"x": x, "batch_size": batch_size, "verbose": verbose, "steps": steps, "callbacks": callbacks}
        return call_keras(model, "predict", given)
    arguments.warn_extended(model, "predict")
    engine = engines.current()
    if not engine.world.is_first:
        callbacks, verbose = None, 0
    build.check_strategy(model, engine)
    steps = arguments.round_up_to_execution(model, steps)
    batching = BatchingConfig(batch_size, steps, device_budget=device_budget, steps_name="steps", in_stacks=True)
    reporter = make_progress_reporter(callbacks, verbose, title="Predict")
    with run_scope(engine, model), keras_patch.portable_random(), contextlib.closing(reporter):
        iterator = adapters.epoch_iterator(adapters.read(x), engine, batching)
        callback_list = make_callback_list(model, callbacks, reporter, epochs=1, steps=iterator.steps, verbose=verbose)
        outputs = run_prediction(model, build.make_predict_phase(model, engine, iterator), callback_list, reporter)
    if not outputs:
        raise DataError("Expected at least one batch to predict for, received none.")
    return concatenate_parts(outputs)


def _fit_with_keras(fit_arguments: Mapping[str, Any]) -> keras.callbacks.History:
    """Train with `model.fit` and record the run."""
    if engines.current().world.size > 1:
        raise ArgumentError(
            f"Expected a model without a train_step of its own on several workers, received "
            f"{type(fit_arguments['model']).__name__}, which Keras trains on one. Pass the step as step=."
        )
    if fit_arguments["checkpoint_every"] is not None or fit_arguments["resume"]:
        raise ArgumentError(
            f"Expected a model without a train_step of its own with checkpoint_every and resume, received "
            f"{type(fit_arguments['model']).__name__}, which Keras trains. Leave them out, or pass the step as step=."
        )
    if fit_arguments["on_nonfinite"] in ("stop", "skip"):
        raise ArgumentError(
            f'Expected on_nonfinite "warn" or "ignore" for a model that overrides train_step, received '
            f"{fit_arguments['on_nonfinite']!r}. Pass a function as step= instead of overriding train_step."
        )
    known = inspect.signature(keras.Model.fit).parameters
    keras_arguments = {name: value for name, value in fit_arguments.items() if name in known}
    keras_arguments["validation_batch_size"] = fit_arguments["validation_batch_size"] or fit_arguments["batch_size"]
    with run_recorder.record_run(fit_arguments, execution="model.fit") as record:
        keras_arguments["callbacks"] = prepare_callbacks(record.callbacks)
        try:
            return record.finish(call_keras(fit_arguments["model"], "fit", keras_arguments))
        except (AttributeError, TypeError, ValueError) as error:
            user = target_user(fit_arguments["model"])
            if not user or fit_arguments["y"] is not None or adapters.defines_its_order(fit_arguments["x"]):
                raise
            raise DataError(
                f"Expected y, which {user} of the model needs, received x alone. Pass y, or batches of (x, y)."
            ) from error


def _logs_in_order(logs: dict[str, float]) -> float | list[float]:
    """Return the loss, or a list of the loss and the named values in alphabetical order."""
    loss, *named = sorted(logs, key=lambda name: (name != "loss", name))
    return [logs[name] for name in (loss, *named)] if named else logs[loss]
