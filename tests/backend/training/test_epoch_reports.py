"""Logs of epochs are reported to the program that launched the training."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.training.epoch_reports import reporting


@pytest.mark.once
@pytest.mark.parametrize(("interval", "reported"), [(0, [0, 1, 2, 3]), (1000, [0, 3])])
def test_epochs_are_reported_at_an_interval_and_at_the_end(interval, reported):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    reports = {}
    with reporting(lambda epoch, logs: reports.update({epoch: logs}), interval):
        history = kb.fit(model, np.ones((4, 2)), np.ones((4, 1)), epochs=4, verbose=0)
    assert [*reports] == reported
    assert all(logs == {"loss": history.history["loss"][epoch]} for epoch, logs in reports.items())
