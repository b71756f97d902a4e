"""The lesson in stock Keras, from shell to saved model: python stock_keras.py DIGITS.npz MODEL.keras."""

import sys

import keras
import numpy as np

keras.utils.set_random_seed(0)
with np.load(sys.argv[1]) as digits:
    x_train, y_train, x_test, y_test = (digits[name] for name in ("x_train", "y_train", "x_test", "y_test"))
model = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train.astype("float32") / 255, y_train, epochs=5)
model.evaluate(x_test.astype("float32") / 255, y_test)
model.save(sys.argv[2])
