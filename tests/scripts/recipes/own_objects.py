"""Train with own layers, losses, metrics, regularizers, constraints and initializers, save, load, and train on."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(55)
rng = np.random.default_rng(55)
x = rng.normal(size=(128, 5)).astype("float32")
y = (x[:, :1] * x[:, 1:2] + 0.1 * rng.normal(size=(128, 1)) > 0).astype("float32")


@keras.saving.register_keras_serializable(package="recipes")
class Orthogonal(keras.regularizers.Regularizer):
    """Penalize columns that are not orthogonal."""

    def __init__(self, strength=0.01):
        self.strength = strength

    def __call__(self, weights):
        gram = ops.matmul(ops.transpose(weights), weights)
        return self.strength * ops.sum(ops.square(gram - ops.eye(weights.shape[1])))

    def get_config(self):
        return {"strength": self.strength}


@keras.saving.register_keras_serializable(package="recipes")
class Centered(keras.constraints.Constraint):
    """Move the mean of each column to zero."""

    def __call__(self, weights):
        return weights - ops.mean(weights, axis=0, keepdims=True)


@keras.saving.register_keras_serializable(package="recipes")
class Focal(keras.losses.Loss):
    """Weight the crossentropy by how wrong the forecast is."""

    def __init__(self, gamma=2.0, name="focal", **kwargs):
        super().__init__(name=name, **kwargs)
        self.gamma = gamma

    def call(self, y_true, y_pred):
        y_pred = ops.clip(y_pred, 1e-6, 1 - 1e-6)
        right = y_true * y_pred + (1 - y_true) * (1 - y_pred)
        return ops.mean(-((1 - right) ** self.gamma) * ops.log(right), axis=-1)

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}


@keras.saving.register_keras_serializable(package="recipes")
class GeometricMean(keras.metrics.Metric):
    """Compute the geometric mean of sensitivity and specificity."""

    def __init__(self, name="geometric", **kwargs):
        super().__init__(name=name, **kwargs)
        self.counts = self.add_variable(shape=(2, 2), initializer="zeros", name="counts")

    def update_state(self, y_true, y_pred, sample_weight=None):
        truth = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), 2)
        found = ops.one_hot(ops.cast(ops.reshape(y_pred, (-1,)) > 0.5, "int32"), 2)
        if sample_weight is not None:
            truth = truth * ops.reshape(ops.cast(sample_weight, truth.dtype), (-1, 1))
        self.counts.assign_add(ops.matmul(ops.transpose(truth), found))

    def result(self):
        recalls = ops.diagonal(self.counts) / ops.maximum(ops.sum(self.counts, axis=1), 1e-6)
        return ops.sqrt(ops.prod(recalls))


@keras.saving.register_keras_serializable(package="recipes")
class Bilinear(layers.Layer):
    """Multiply two linear functions, and count the calls in training."""

    def __init__(self, units, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.scale = units, scale

    def build(self, shape):
        options = {"initializer": scaled_uniform, "regularizer": Orthogonal(0.002), "constraint": Centered()}
        self.left = self.add_weight(shape=(shape[-1], self.units), name="left", **options)
        self.right = self.add_weight(shape=(shape[-1], self.units), name="right", **options)
        self.seen = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="seen")

    def call(self, inputs, training=None):
        if training:
            self.seen.assign_add(ops.shape(inputs)[0])
        return self.scale * ops.matmul(inputs, self.left) * ops.matmul(inputs, self.right)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "scale": self.scale}


@keras.saving.register_keras_serializable(package="recipes")
def scaled_uniform(shape, dtype=None):
    """Draw weights between -0.5 and 0.5."""
    return keras.random.uniform(shape, -0.5, 0.5, dtype=dtype, seed=keras.random.SeedGenerator(5))


@keras.saving.register_keras_serializable(package="recipes")
def brier(y_true, y_pred):
    """Return the squared error of the probability."""
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


model = keras.Sequential(
    [
        keras.Input((5,)),
        Bilinear(6, scale=2.0),
        layers.Dense(6, activation="silu", kernel_constraint=keras.constraints.MaxNorm(1.0), activity_regularizer="l1"),
        layers.Dense(1, "sigmoid", kernel_regularizer=keras.regularizers.L1L2(1e-3, 1e-3), bias_constraint="non_neg"),
    ]
)
model.compile(keras.optimizers.Nadam(0.01), loss=Focal(gamma=1.5), metrics=[GeometricMean(), brier])
model.fit(x, y, batch_size=16, epochs=2, validation_split=0.25, verbose=0)
model.evaluate(x[96:], y[96:], verbose=0)
assert int(model.layers[0].seen) == 2 * 96

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "model.keras"
    model.save(path)
    again = keras.models.load_model(path)
assert int(again.layers[0].seen) == 2 * 96
again.evaluate(x[96:], y[96:], verbose=0)
again.fit(x, y, batch_size=16, epochs=1, sample_weight=np.linspace(0.5, 1.5, 128), verbose=0)
again.predict(x[:32], verbose=0)
