"""Distill a trained teacher into a student with `keras.distillation`, by its logits and by a layer."""

import keras
import numpy as np
from keras import layers
from keras.distillation import Distiller, FeatureDistillation, LogitsDistillation

keras.utils.set_random_seed(41)
rng = np.random.default_rng(41)
y = rng.integers(0, 4, 128)
x = (rng.random((128, 10)) + np.eye(10)[y]).astype("float32")


def network(units, name):
    """Return a classifier whose hidden layer has a name of its own."""
    inputs = keras.Input((10,))
    h = layers.Dense(units, activation="relu", name=f"{name}_hidden")(inputs)
    h = layers.Dropout(0.1)(layers.Dense(6, name=f"{name}_features")(h))
    return keras.Model(inputs, layers.Dense(4, name=f"{name}_logits")(h), name=name)


teacher, student = network(16, "teacher"), network(4, "student")
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
teacher.compile(keras.optimizers.Adam(0.02), loss=loss, metrics=["accuracy"])
teacher.fit(x, y, epochs=2, batch_size=16, verbose=0)
teacher.evaluate(x, y, verbose=0)
trained = teacher.get_weights()

distiller = Distiller(
    teacher=teacher,
    student=student,
    distillation_losses=[
        LogitsDistillation(temperature=3.0),
        FeatureDistillation(loss="mse", teacher_layer_name="teacher_features", student_layer_name="student_features"),
    ],
    distillation_loss_weights=[1.0, 0.5],
    student_loss_weight=0.4,
)
distiller.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"])
distiller.fit(x, y, epochs=3, batch_size=16, validation_data=(x[:48], y[:48]), verbose=0)
distiller.evaluate(x[48:], y[48:], verbose=0)
student.compile(loss=loss, metrics=["accuracy"])
student.evaluate(x, y, verbose=0)
assert all(np.array_equal(before, after) for before, after in zip(trained, teacher.get_weights(), strict=True))
