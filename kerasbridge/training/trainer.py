"""fit, evaluate and predict: the public functions; `epoch_loop.py` runs them."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from kerasbridge import checks, engines
from kerasbridge.data import adapters
from kerasbridge.data.adapters import BatchingConfig
from kerasbridge.errors import DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import metrics_in_order
from kerasbridge.random import generator, keras_patch
from kerasbridge.seeding import seed_random_layers
from kerasbridge.training import arguments, build, run_recorder
from kerasbridge.training.epoch_loop import (
    FitConfig,
    concatenate_batches,
    make_callback_list,
    make_progress_reporter,
    prepare_callbacks,
    run_evaluation,
    run_prediction,
    run_training,
)


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
    class_weight: Mapping[int, float] | None = None,
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
) -> keras.callbacks.History:
    """Train a compiled model, as `keras.Model.fit` does, many steps per call of the backend.

    Args:
        model: a compiled Keras model.
        x: arrays or tensors of shape (samples, …), or a list, tuple or dict of them. Or what yields batches of
            ``(x, y)`` or ``(x, y, sample_weight)``: a `keras.utils.PyDataset`, a generator, a `tf.data.Dataset`, a
            torch `DataLoader`, a Grain loader. Or a Hugging Face dataset with a format set.
        y: targets, likewise; for a Hugging Face dataset the names of its columns.
        batch_size: samples per step, 32 by default. A smaller last batch is trained too.
        epochs: the epoch to train up to.
        verbose: 0 silent, 1 a progress bar, 2 a line per epoch; "auto" is 1, and lines where there is no terminal.
        callbacks: `keras.callbacks.Callback` objects. One with a hook after every batch is called after every batch.
        validation_split: the last part of the data, between 0 and 1, to validate on.
        validation_data: ``(x, y)`` or ``(x, y, sample_weight)`` to validate on after each epoch, or what yields
            batches of them.
        shuffle: whether each epoch sees the rows, or the batches of a PyDataset, in an order of its own, from
            (seed, epoch). "batch" shuffles the rows of each batch only.
        class_weight: weight of each class's samples in the loss.
        sample_weight: weight of each sample in the loss.
        initial_epoch: the epoch to start at.
        steps_per_epoch: steps of an epoch, where that is not all of the data; the next goes on where it ended.
        validation_steps: steps of a validation, likewise; each begins anew.
        validation_batch_size: `batch_size` unless given.
        validation_freq: validate every so many epochs, or after the epochs in a list.
        seed: one number that settles the order of rows and, by their position in the model, its random layers.
            Without it the order comes from Python's `random`, and the layers go on where they were.
        rng: "portable", the same numbers on every backend, or "native", the backend's own.
        step: a training step of one's own, in place of the model's loss: a function of (model, batch) that returns a
            scalar loss, or `kb.Objective` objects, and named values to log. With a third parameter, `training`, it also
            runs on what is validated. A list of functions runs one after the other on each batch. Such a model needs
            no loss, and where the step names its optimizers, need not be compiled.
        device_budget: memory of the device that data may take, in bytes or in words ("2 GB"). Arrays that are larger
            stay where they are and stream, as a `np.memmap` always does. By default what KERASBRIDGE_DEVICE_BUDGET
            says, or half of what is free.
        run_dir: a folder, new or empty, to record the training in: how it was made, each epoch's numbers as soon as it
            has ended, and at the end the model and, where Matplotlib is installed, a picture of the curves.
            `kb.runs.load` reads it. Where training breaks off after an epoch, what is there stays.

    Returns:
        The `History`; its `params` say how the steps ran ("looped", "traced", "jit" or "eager",
        and `execution_reason` why not faster), and the seed.

    Raises:
        DataError: arrays of unequal length or without rows, labels outside the output's width.
        ArgumentError: an argument outside what it may be.
        StepError: `step` returns no loss, or cannot be compiled.
        RunFolderError: `run_dir` is not empty, or cannot be written.

    A model that overrides `train_step`, or `test_step` where there is something to validate on, is handed to
    `model.fit`, and one line says so.

    Example:
        >>> import kerasbridge as kb
        >>> data, model = kb.datasets.mnist(), kb.models.mlp()
        >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        >>> history = kb.fit(model, data.x_train / 255, data.y_train, epochs=1, seed=0, verbose=0)
    """
    given = dict(locals())
    arguments.check(model, step, batch_size, epochs, initial_epoch, validation_split, seed, rng)
    run_recorder.check(run_dir)
    if validation_batch_size is not None:
        checks.check_batch_size(validation_batch_size, 1)
    kinds = ("train", "test") if validation_data is not None or validation_split else ("train",)
    if step is None and arguments.delegates_to_keras(model, *kinds):
        with run_recorder.record_run(given, execution="model.fit") as recorded:
            return recorded.finish(
                model.fit(
                    x,
                    y,
                    batch_size,
                    epochs,
                    verbose,
                    prepare_callbacks(recorded.callbacks),
                    validation_split,
                    validation_data,
                    shuffle,
                    class_weight,
                    sample_weight,
                    initial_epoch,
                    steps_per_epoch,
                    validation_steps,
                    validation_batch_size or batch_size,
                    validation_freq,
                )
            )
    order_seed = generator.new_seed() if seed is None else seed
    engine = engines.current()
    source, held_out = adapters.with_validation(
        adapters.read(x, y, sample_weight, class_weight), validation_data, validation_split
    )
    steps, held_steps = (arguments.round_up_to_execution(model, count) for count in (steps_per_epoch, validation_steps))
    cut = BatchingConfig(batch_size, steps, order_seed if shuffle else None, shuffle, device_budget)
    held_cut = BatchingConfig(validation_batch_size or batch_size, held_steps, device_budget=device_budget)
    with _random_numbers(rng):
        trained, own = build.make_train_runner(model, step, engine, adapters.epoch_iterator(source, engine, cut))
        validated, tests = None, None
        if held_out is not None:
            validated, tests = build.make_test_runner(
                model, step, engine, adapters.epoch_iterator(held_out, engine, held_cut)
            )
        if seed is not None:
            used = [variable for made in (own, tests) if made for variable in made.program.variables]
            seed_random_layers(model, seed, used)
        plan = FitConfig(arguments.limit_epochs(epochs), initial_epoch, validation_freq, verbose)
        with run_recorder.record_run(given, seed=order_seed, rng=rng) as recorded:
            moved = own.optimizers if own else None
            history = run_training(model, trained, validated, plan, recorded.callbacks, moved)
            history.params.update(seed=order_seed, rng=rng, backend=engine.name, device=engine.device)
            recorded.finish(history)
    return history


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
    """The loss and metrics of a compiled model on data it does not train on, as `keras.Model.evaluate` gives them.

    Args:
        model: a compiled Keras model.
        x, y, sample_weight: as for `fit`.
        batch_size: samples per step, 32 by default.
        verbose, device_budget: as for `fit`.
        steps: steps to run, where that is not all of the data.
        callbacks: `keras.callbacks.Callback` objects.
        return_dict: a dict by name instead of a list in the order of `metrics_names`.
        step: as for `fit`; with a parameter `training`, which it gets as False, it says what is computed: the loss,
            and then its named values in alphabetical order.

    Raises:
        DataError, ArgumentError, StepError: as for `fit`.

    Example:
        >>> import kerasbridge as kb
        >>> data, model = kb.datasets.mnist(), kb.models.mlp()
        >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        >>> loss, accuracy = kb.evaluate(model, data.x_test / 255, data.y_test, verbose=0)
    """
    arguments.check(model, step, batch_size)
    if step is None and arguments.delegates_to_keras(model, "test"):
        return model.evaluate(
            x, y, batch_size, verbose, sample_weight, steps, prepare_callbacks(callbacks), return_dict
        )
    engine = engines.current()
    cut = BatchingConfig(batch_size, arguments.round_up_to_execution(model, steps), device_budget=device_budget)
    feed = adapters.epoch_iterator(adapters.read(x, y, sample_weight), engine, cut)
    with _random_numbers("portable"):
        course, own = build.make_test_runner(model, step, engine, feed)
        reporter = make_progress_reporter(callbacks, verbose, title="Evaluate")
        listeners = make_callback_list(model, callbacks, reporter, epochs=1, steps=feed.steps, verbose=verbose)
        with contextlib.closing(reporter):
            logs = run_evaluation(model, course, listeners, reporter)
    if return_dict:
        return logs
    return _in_order(logs) if own else metrics_in_order(model, logs)


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
    """The model's outputs for `x` as NumPy arrays, in the structure the model returns, as `keras.Model.predict`.

    Args:
        model: a Keras model; it need not be compiled.
        x: as for `fit`.
        batch_size: samples per step, 32 by default.
        verbose, device_budget: as for `fit`.
        steps: steps to run, where that is not all of the data.
        callbacks: `keras.callbacks.Callback` objects.

    Raises:
        DataError, ArgumentError: as for `fit`.

    Example:
        >>> import kerasbridge as kb
        >>> kb.predict(kb.models.mlp(), kb.datasets.mnist().x_test[:5] / 255).shape
        (5, 10)
    """
    if batch_size is not None:
        checks.check_batch_size(batch_size, 1)
    if arguments.delegates_to_keras(model, "predict"):
        return model.predict(x, batch_size, verbose, steps, prepare_callbacks(callbacks))
    engine = engines.current()
    cut = BatchingConfig(batch_size, arguments.round_up_to_execution(model, steps), device_budget=device_budget)
    feed = adapters.epoch_iterator(adapters.read(x), engine, cut)
    reporter = make_progress_reporter(callbacks, verbose, title="Predict")
    listeners = make_callback_list(model, callbacks, reporter, epochs=1, steps=feed.steps, verbose=verbose)
    with _random_numbers("portable"), contextlib.closing(reporter):
        outputs = run_prediction(model, build.make_predict_runner(model, engine, feed), listeners, reporter)
    if not outputs:
        raise DataError("Expected at least one batch to predict for, received none.")
    return concatenate_batches(outputs)


@contextlib.contextmanager
def _random_numbers(rng: str) -> Iterator[None]:
    with keras_patch.portable_random() if rng == "portable" else contextlib.nullcontext():
        yield


def _in_order(logs: dict[str, float]) -> float | list[float]:
    """The loss, and the named values after it, if there are any."""
    loss, *named = sorted(logs, key=lambda name: (name != "loss", name))
    return [logs[name] for name in (loss, *named)] if named else logs[loss]
