"""Distill a teacher by `compute_loss`, with a tracker of the part that comes from the teacher."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(42)
rng = np.random.default_rng(42)
y = rng.integers(0, 3, 96)
x = (rng.random((96, 8, 8, 1)) * 0.5 + y[:, None, None, None] / 4).astype("float32")


def network(filters):
    """Return a convolutional classifier that gives logits."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False),
            layers.LeakyReLU(negative_slope=0.2),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


class Distiller(keras.Model):
    """Train the student on the labels and on the softened output of the teacher."""

    def __init__(self, student, teacher):
        super().__init__()
        self.teacher, self.student = teacher, student
        self.distillation_tracker = keras.metrics.Mean(name="distillation_loss")

    def compile(self, *arguments, distillation_loss_fn, alpha=0.1, temperature=3, **keywords):
        super().compile(*arguments, **keywords)
        self.distillation_loss_fn, self.alpha, self.temperature = distillation_loss_fn, alpha, temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        logits = self.teacher(x, training=False)
        student_loss = super().compute_loss(x, y, y_pred, sample_weight)
        distillation_loss = self.distillation_loss_fn(
            ops.softmax(logits / self.temperature, axis=1), ops.softmax(y_pred / self.temperature, axis=1)
        ) * (self.temperature**2)
        self.distillation_tracker.update_state(distillation_loss)
        return self.alpha * student_loss + (1 - self.alpha) * distillation_loss

    def call(self, x, training=None):
        return self.student(x, training=training)


teacher = network(6)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
teacher.compile(keras.optimizers.Adam(0.01), loss=loss, metrics=[keras.metrics.SparseCategoricalAccuracy()])
teacher.fit(x, y, epochs=2, batch_size=16, verbose=0)
teacher.trainable = False

student = network(3)
scratch = keras.models.clone_model(student)
scratch.set_weights(student.get_weights())
distiller = Distiller(student=student, teacher=teacher)
distiller.compile(
    optimizer=keras.optimizers.Adam(0.01),
    loss=loss,
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
    distillation_loss_fn=keras.losses.KLDivergence(),
    alpha=0.1,
    temperature=5,
)
distiller.fit(x, y, epochs=3, batch_size=16, verbose=0)
distiller.evaluate(x[:40], y[:40], verbose=0)

scratch.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=[keras.metrics.SparseCategoricalAccuracy()])
scratch.fit(x, y, epochs=2, batch_size=16, verbose=0)
scratch.evaluate(x[:40], y[:40], verbose=0)
