"""Train with a `train_step` and a `test_step` that wrap those of Keras, then without them."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(59)
rng = np.random.default_rng(59)
x = rng.normal(size=(96, 5)).astype("float32")
y = (x[:, 0] > 0).astype("float32")


class Counting(keras.Model):
    """Count the steps of training and evaluation in Python."""

    steps = tests = 0

    def train_step(self, *arguments):
        type(self).steps += 1
        return super().train_step(*arguments)

    def test_step(self, *arguments):
        type(self).tests += 1
        return super().test_step(*arguments)


inputs = keras.Input((5,))
h = layers.Dense(8, activation="relu")(inputs)
outputs = layers.Dense(1, activation="sigmoid")(layers.Dropout(0.3)(h))
model = Counting(inputs, outputs)
model.compile("rmsprop", "binary_crossentropy", metrics=["binary_accuracy"])
model.fit(x, y, batch_size=16, epochs=2, validation_data=(x[:32], y[:32]), shuffle=False, verbose=0)
model.evaluate(x, y, verbose=0)
assert Counting.steps
assert Counting.tests

plain = keras.Model(inputs, outputs)
plain.compile(
    keras.optimizers.Lion(1e-3), keras.losses.BinaryFocalCrossentropy(), metrics=[keras.metrics.F1Score(threshold=0.5)]
)
plain.fit(x, y[:, None], batch_size=16, epochs=2, verbose=0)
plain.evaluate(x, y[:, None], verbose=0)
