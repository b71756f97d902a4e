"""Forecast the next frames of a video with ConvLSTM layers, and feed each forecast back."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(25)
rng = np.random.default_rng(25)
videos = np.zeros((40, 7, 8, 8, 1), "float32")
for video in videos:
    row, column = rng.integers(0, 8, 2)
    for moment in range(7):
        video[moment, (row + moment) % 8, [column, (column + 1) % 8]] = 1.0
x, y = videos[:, :-1], videos[:, 1:]

inputs = keras.Input(shape=(None, *x.shape[2:]))
h = layers.ConvLSTM2D(filters=4, kernel_size=(3, 3), padding="same", return_sequences=True, activation="relu")(inputs)
h = layers.BatchNormalization()(h)
h = layers.ConvLSTM2D(filters=4, kernel_size=(1, 1), padding="same", return_sequences=True, activation="relu")(h)
outputs = layers.Conv3D(filters=1, kernel_size=(3, 3, 3), activation="sigmoid", padding="same")(h)
model = keras.Model(inputs, outputs)
model.compile(loss=keras.losses.binary_crossentropy, optimizer=keras.optimizers.Adam(0.01))
model.fit(
    x,
    y,
    batch_size=5,
    epochs=2,
    validation_data=(x[:10], y[:10]),
    callbacks=[
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=10),
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", patience=5),
    ],
    verbose=0,
)

frames = videos[0, :4]
for _ in range(2):
    forecast = model.predict(frames[None], verbose=0)[0, -1:]
    frames = np.concatenate([frames, forecast])
