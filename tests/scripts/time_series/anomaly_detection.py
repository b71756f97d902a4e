"""Detect anomalies in a time series by the reconstruction error of a convolutional autoencoder."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(22)
rng = np.random.default_rng(22)
daily = np.sin(np.arange(400) / 4) + rng.normal(0, 0.05, 400)
disturbed = daily[:120].copy()
disturbed[60:70] += 3
mean, std, size = daily.mean(), daily.std(), 24


def sequences(values):
    """Return each window of consecutive normalized values."""
    values = (values - mean) / std
    return np.stack([values[i : i + size] for i in range(0, len(values) - size, 3)])[..., None].astype("float32")


x_train = sequences(daily)
model = keras.Sequential(
    [
        layers.Input(shape=(size, 1)),
        layers.Conv1D(8, 7, padding="same", strides=2, activation="relu"),
        layers.Dropout(rate=0.2),
        layers.Conv1D(4, 7, padding="same", strides=2, activation="relu"),
        layers.Conv1DTranspose(4, 7, padding="same", strides=2, activation="relu"),
        layers.Dropout(rate=0.2),
        layers.Conv1DTranspose(8, 7, padding="same", strides=2, activation="relu"),
        layers.Conv1DTranspose(1, 7, padding="same"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.005), loss="mse")
history = model.fit(
    x_train,
    x_train,
    epochs=3,
    batch_size=16,
    validation_split=0.1,
    callbacks=[keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, mode="min")],
    verbose=0,
)
assert history.history["val_loss"][-1] < history.history["val_loss"][0]

threshold = np.abs(model.predict(x_train, verbose=0) - x_train).mean(axis=1).max()
x_test = sequences(disturbed)
error = np.abs(model.predict(x_test, batch_size=8, verbose=0) - x_test).mean(axis=1)
assert (error > threshold).any()
