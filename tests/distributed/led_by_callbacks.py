"""Train with callbacks that change the course of a run; each case is a function that returns what must be the same."""

import os
from unittest import mock

import numpy as np

import kerasbridge as kb
from kerasbridge.errors import KerasbridgeError
from kerasbridge.keras_compat import keras
from tests.distributed import mlp

RANK = int(os.environ.get("RANK", "0"))
Lambda = keras.callbacks.LambdaCallback


def schedules_and_early_stopping():
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.02 / (1 + epoch)),
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, min_delta=0.5),
        keras.callbacks.EarlyStopping("val_loss", patience=1, min_delta=0.05, restore_best_weights=True),
    ]
    return mlp.train(mlp.build(), epochs=8, callbacks=callbacks)


def hooks_of_every_batch():
    model, seen = mlp.build(), []

    def after(step, logs):
        seen.append(logs["loss"])
        model.optimizer.learning_rate = 0.01 / (1 + step)
        model.stop_training = len(seen) == 14

    return {**mlp.train(model, callbacks=[Lambda(on_train_batch_end=after)]), "calls": len(seen) if RANK == 0 else 14}


def a_variable_that_the_loss_reads():
    scale = keras.Variable(1.0)

    def loss(y, predicted):
        return scale * keras.losses.sparse_categorical_crossentropy(y, predicted)

    model = mlp.build()
    model.compile("sgd", loss)
    return mlp.train(model, epochs=3, callbacks=[Lambda(on_epoch_end=lambda epoch, logs: scale.assign(2.0 + epoch))])


def weights_written_at_the_end():
    model = mlp.build()
    begin = model.get_weights()

    def average():
        model.set_weights([(a + b) / 2 for a, b in zip(begin, model.get_weights(), strict=True)])

    return mlp.train(model, callbacks=[Lambda(on_epoch_end=lambda *_: average(), on_train_end=lambda _: average())])


def a_layer_frozen_in_the_middle():
    model = mlp.build()

    def freeze(epoch, logs):
        model.layers[0].trainable = epoch != 1

    return mlp.train(model, epochs=3, callbacks=[Lambda(on_epoch_begin=freeze)])


def predictions_in_a_callback():
    model, found = mlp.build(), []

    def look(epoch, logs):
        x, y = mlp.data(40)
        found.append([float(kb.predict(model, x, verbose=0).sum()), *kb.evaluate(model, x, y, verbose=0)])

    return {**mlp.train(model, callbacks=[Lambda(on_epoch_end=look)]), "calls": len(found) if RANK == 0 else 2}


CASES = [
    schedules_and_early_stopping,
    hooks_of_every_batch,
    a_variable_that_the_loss_reads,
    weights_written_at_the_end,
    a_layer_frozen_in_the_middle,
    predictions_in_a_callback,
]


def recompiled_by_a_callback():
    model = mlp.build()
    again = Lambda(on_epoch_end=lambda *_: model.compile("sgd", "sparse_categorical_crossentropy"))
    mlp.train(model, callbacks=[again])


def a_python_value_changed_by_a_callback():
    model = mlp.build()
    mlp.train(model, callbacks=[Lambda(on_epoch_end=lambda *_: setattr(model.layers[1], "rate", 0.5))])


def labels_out_of_range():
    x, y = mlp.data()
    kb.fit(mlp.build(), x, y + 1, verbose=0)


def other_seeds():
    mlp.train(mlp.build(), seed=1 + RANK)


def other_lengths():
    kb.fit(mlp.build(), *mlp.data(100 + RANK), seed=0, verbose=0)


def own_rows_as_with_other_tools():
    x, y = mlp.data(100)
    kb.fit(mlp.build(), x[RANK::2][:50], y[RANK::2][:50], seed=0, verbose=0)


def other_models():
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(4 + RANK, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    mlp.train(model)


def other_versions():
    with mock.patch("kerasbridge.runs.versions", return_value={"keras": f"3.{RANK}"}):
        mlp.train(mlp.build())


def fewer_rows_than_workers():
    mlp.train(mlp.build(), batch_size=1)


FAILING = [
    recompiled_by_a_callback,
    a_python_value_changed_by_a_callback,
    labels_out_of_range,
    other_seeds,
    other_lengths,
    own_rows_as_with_other_tools,
    other_models,
    other_versions,
    fewer_rows_than_workers,
]


def error_of(case):
    """Return the class and the message of the error that a case raises."""
    try:
        case()
    except KerasbridgeError as error:
        return type(error).__name__, str(error)
    return None


def results():
    """Return the result of each case by name."""
    return {case.__name__: case() for case in CASES}


if __name__ == "__main__":
    from tests.distributed.workers import report

    np.random.seed(RANK)  # as in processes that know nothing of each other
    errors = {case.__name__: error_of(case) for case in FAILING}
    report({"errors": errors, **results()})  # after errors that are the same everywhere, the workers go on
