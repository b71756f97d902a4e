"""fit, evaluate and predict: what the user calls; `epochs.py` runs it."""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kerasbridge import _keras, checks, engines, preparing, progress
from kerasbridge._keras import keras
from kerasbridge.data import DEFAULT_BATCH_SIZE, arrays, order, unpack_validation
from kerasbridge.epochs import Plan, callback_list, run_evaluation, run_training
from kerasbridge.errors import ArgumentError
from kerasbridge.loop import Runner
from kerasbridge.step import predict_step

log = logging.getLogger("kerasbridge")
RNGS = ("portable", "native")


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
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    validation_batch_size: int | None = None,
    validation_freq: int | list[int] = 1,
    *,
    seed: int | None = None,
    rng: str = "portable",
    step: Any = None,
) -> keras.callbacks.History:
    """Trains a compiled model, as `keras.Model.fit` does, many steps per call of the backend.

    Args:
        model: a compiled Keras model.
        x: arrays or tensors of shape (samples, …), or a list, tuple or dict of them.
        y: targets, likewise.
        batch_size: samples per step, 32 by default. A smaller last batch is trained too.
        epochs: the epoch to train up to.
        verbose: 0 silent, 1 a progress bar, 2 a line per epoch; "auto" is 1, and lines where there is no terminal.
        callbacks: `keras.callbacks.Callback` objects. One with a hook after every batch is called after every batch.
        validation_split: the last part of the data, between 0 and 1, to validate on.
        validation_data: ``(x, y)`` or ``(x, y, sample_weight)`` to validate on after each epoch.
        shuffle: whether each epoch sees the rows in an order of its own, from (seed, epoch).
        class_weight: weight of each class's samples in the loss.
        sample_weight: weight of each sample in the loss.
        initial_epoch: the epoch to start at.
        validation_batch_size: `batch_size` unless given.
        validation_freq: validate every so many epochs, or after the epochs in a list.
        seed: one number that settles the order of rows and, by their position in the model, its random layers.
            Without it the order comes from Python's `random`, and the layers go on where they were.
        rng: "portable", the same numbers on every backend, or "native", the backend's own.
        step: a training step of one's own, in place of the model's loss: a function of (model, batch) that returns a
            scalar loss, or `kb.Objective` objects, and named values to log. With a third parameter, `training`, it also
            runs on what is validated. A list of functions runs one after the other on each batch. Such a model needs
            no loss, and where the step names its optimizers, need not be compiled.

    Returns:
        The `History`; its `params` say how the steps ran ("looped", "traced", "jitted steps" or "step by step",
        and `execution_reason` why not faster), and the seed.

    Raises:
        DataError: arrays of unequal length or without rows, labels outside the output's width.
        ArgumentError: an argument outside what it may be.
        StepError: `step` returns no loss, or cannot be compiled.

    A model that overrides `train_step` is handed to `model.fit`.

    Example:
        >>> import kerasbridge as kb
        >>> data, model = kb.datasets.mnist(), kb.models.mlp()
        >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        >>> history = kb.fit(model, data.x_train / 255, data.y_train, epochs=1, seed=0, verbose=0)
    """
    _keras.hide_tensorflow()
    _check_arguments(model, step, batch_size, epochs, initial_epoch, validation_split, seed, rng)
    if validation_batch_size is not None:
        checks.check_batch_size(validation_batch_size, 1)
    if step is None and _keras.overrides(model, "train_step"):
        log.warning("kerasbridge: %s overrides train_step, so it trains through model.fit.", type(model).__name__)
        return model.fit(
            x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle, class_weight,
            sample_weight, initial_epoch, None, None, validation_batch_size or batch_size, validation_freq,
        )  # fmt: skip
    data = arrays(x, y, sample_weight, class_weight)
    held_out = unpack_validation(validation_data) if validation_data is not None else None
    if validation_split and held_out is None:
        data, held_out = data.split(validation_split)
    batch_size = batch_size or DEFAULT_BATCH_SIZE
    validation_batch_size = validation_batch_size or batch_size
    with _random_numbers(rng):
        trainer, own = preparing.trainer(model, step, data, batch_size)
        validator, tests = preparing.tester(model, step, held_out, validation_batch_size) if held_out else (None, None)
        used = [variable for made in (own, tests) if made for variable in made.program.variables]
        order_seed = preparing.settle_seed(model, seed, used)
        plan = Plan(
            _capped(epochs), initial_epoch, batch_size, validation_batch_size, validation_freq,
            order_seed if shuffle else None, verbose,
        )  # fmt: skip
        history = run_training(model, trainer, validator, plan, callbacks, own.optimizers if own else None)
    history.params.update(seed=order_seed, rng=rng, backend=trainer.engine.name, device=trainer.engine.device)
    return history


def evaluate(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    sample_weight: Any = None,
    callbacks: Any = None,
    return_dict: bool = False,
    *,
    step: Any = None,
) -> Any:
    """The loss and metrics of a compiled model on data it does not train on, as `keras.Model.evaluate` gives them.

    Args:
        model: a compiled Keras model.
        x, y, sample_weight: as for `fit`.
        batch_size: samples per step, 32 by default.
        verbose: as for `fit`.
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
    _keras.hide_tensorflow()
    _check_arguments(model, step, batch_size)
    if step is None and _keras.overrides(model, "test_step"):
        log.warning("kerasbridge: %s overrides test_step, so model.evaluate runs it.", type(model).__name__)
        return model.evaluate(x, y, batch_size, verbose, sample_weight, None, callbacks, return_dict)
    data, batch_size = arrays(x, y, sample_weight), batch_size or DEFAULT_BATCH_SIZE
    with _random_numbers("portable"):
        runner, own = preparing.tester(model, step, data, batch_size)
        steps = -(-data.rows // batch_size)
        reporter = progress.reporter(verbose, steps, batch_size, epochs=0)
        listeners = callback_list(model, callbacks, reporter, epochs=1, steps=steps)
        with contextlib.closing(reporter):
            logs = run_evaluation(model, runner, batch_size, listeners, reporter)
    if return_dict:
        return logs
    return _in_order(logs) if own else _keras.metrics_in_order(model, logs)


def predict(
    model: keras.Model,
    x: Any,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    callbacks: Any = None,
) -> Any:
    """The model's outputs for `x` as NumPy arrays, in the structure the model returns, as `keras.Model.predict`.

    Args:
        model: a Keras model; it need not be compiled.
        x: as for `fit`.
        batch_size: samples per step, 32 by default.
        verbose: accepted for `keras.Model.predict`'s sake; predicting shows nothing.
        callbacks: `keras.callbacks.Callback` objects.

    Raises:
        DataError, ArgumentError: as for `fit`.

    Example:
        >>> import kerasbridge as kb
        >>> kb.predict(kb.models.mlp(), kb.datasets.mnist().x_test[:5] / 255).shape
        (5, 10)
    """
    del verbose
    _keras.hide_tensorflow()
    if batch_size is not None:
        checks.check_batch_size(batch_size, 1)
    if _keras.overrides(model, "predict_step"):
        log.warning("kerasbridge: %s overrides predict_step, so model.predict runs it.", type(model).__name__)
        return model.predict(x, batch_size, 0, None, callbacks)
    data = arrays(x)
    engine = engines.current()
    batches = order(data.rows, batch_size or DEFAULT_BATCH_SIZE)
    listeners = callback_list(model, callbacks, None, epochs=1, steps=sum(map(len, batches)))
    with _random_numbers("portable"):
        if not model.built:
            _keras.output_spec(model, data.first(1)[0])
        preparing.check_device(model.variables, engine)
        model.stop_predicting = False
        engine.set_mode(model, training=False)
        listeners.on_predict_begin()
        outputs = Runner(model, engine, predict_step, data).predict(
            batches,
            listeners.on_predict_batch_begin,
            lambda step, batch: listeners.on_predict_batch_end(step, {"outputs": batch}),
            lambda: bool(model.stop_predicting),
        )
        listeners.on_predict_end()
    return keras.tree.map_structure(
        lambda *parts: np.concatenate([keras.ops.convert_to_numpy(part) for part in parts]), *outputs
    )


@contextlib.contextmanager
def _random_numbers(rng: str) -> Iterator[None]:
    with _keras.portable_random() if rng == "portable" else contextlib.nullcontext():
        yield


def _in_order(logs: dict[str, float]) -> float | list[float]:
    """The loss, and the named values after it, if there are any."""
    loss, *named = sorted(logs, key=lambda name: (name != "loss", name))
    return [logs[name] for name in (loss, *named)] if named else logs[loss]


def _check_arguments(
    model: keras.Model,
    step: Any,
    batch_size: int | None,
    epochs: int = 1,
    initial_epoch: int = 0,
    validation_split: float = 0.0,
    seed: int | None = None,
    rng: str = "portable",
) -> None:
    if step is None and not model.compiled:
        raise ArgumentError('Expected a compiled model. Call model.compile("adam", loss=…) first.')
    if batch_size is not None:
        checks.check_batch_size(batch_size, 1)
    checks.check_epochs(epochs, initial_epoch)
    checks.check_validation_split(validation_split)
    if seed is not None:
        checks.check_seed(seed)
    if rng not in RNGS:
        raise ArgumentError(f"Expected rng to be one of {', '.join(RNGS)}, received {rng!r}.")


def _capped(epochs: int) -> int:
    """KERAS_MAX_EPOCHS, for debugging runs, as Keras itself respects it."""
    most = keras.config.max_epochs()
    if most and most < epochs:
        warnings.warn(f"Limiting epochs to {most}", stacklevel=3)
        return int(most)
    return epochs
