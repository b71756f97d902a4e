"""Classify images with a small convolutional network, as in the Keras example "Simple MNIST convnet"."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(812)
rng = np.random.default_rng(0)
y_train = rng.integers(0, 10, 160)
x_train = (rng.random((160, 12, 12, 1)) * 0.5 + y_train[:, None, None, None] / 20).astype("float32")
y_train = keras.utils.to_categorical(y_train, 10)

model = keras.Sequential(
    [
        keras.Input(shape=(12, 12, 1)),
        layers.Conv2D(8, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Conv2D(16, kernel_size=(3, 3), activation="relu"),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=16, epochs=2, validation_split=0.1, verbose=0)
model.evaluate(x_train[:40], y_train[:40], verbose=0)
