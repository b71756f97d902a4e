"""Forecast a temperature with an LSTM on windows of a tf.data dataset, keeping the best weights in a file."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(21)
rng = np.random.default_rng(21)
hours = np.arange(260)
temperature = np.sin(2 * np.pi * hours / 24) + 0.01 * hours + rng.normal(0, 0.1, 260)
pressure = np.cos(2 * np.pi * hours / 24) + rng.normal(0, 0.1, 260)
table = np.stack([temperature, pressure, np.roll(temperature, 3)], axis=1).astype("float32")
split, past, future, step = 180, 24, 6, 3
table = (table - table[:split].mean(axis=0)) / table[:split].std(axis=0)


def windows(rows):
    """Return windows of past rows, each with the temperature some hours later."""
    x, y = rows[: -(past + future)], rows[past + future :, :1]
    return keras.utils.timeseries_dataset_from_array(
        x, y, sequence_length=past // step, sampling_rate=step, batch_size=16
    )


train = windows(table[:split])
validation = windows(table[split:])
for batch_x, _ in train.take(1):
    inputs = keras.Input(shape=batch_x.shape[1:])
outputs = layers.Dense(1)(layers.LSTM(8)(inputs))
model = keras.Model(inputs, outputs)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse", metrics=["mae"])

with tempfile.TemporaryDirectory() as folder:
    path = str(Path(folder) / "model.weights.h5")
    model.fit(
        train,
        epochs=3,
        validation_data=validation,
        callbacks=[
            keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=0, patience=2),
            keras.callbacks.ModelCheckpoint(path, monitor="val_loss", save_weights_only=True, save_best_only=True),
        ],
        verbose=0,
    )
    model.load_weights(path)
model.evaluate(validation, verbose=0)
for batch_x, _ in validation.take(2):
    model.predict(batch_x, verbose=0)
