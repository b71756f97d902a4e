"""Small models with one fault each, on one backend only: functions that return (model, x, y), for `--script`."""

import keras
import numpy as np
import subjects
from keras import layers, ops

HERE = keras.config.backend()


class Halving(layers.Layer):
    """Return half of the input; a little more on torch."""

    def call(self, x):
        return x * (0.5001 if HERE == "torch" else 0.5)


class SlowBackwards(layers.Layer):
    """Return the input, with nine tenths of its gradient on JAX."""

    def call(self, x):
        return ops.stop_gradient(x) + 0.9 * (x - ops.stop_gradient(x)) if HERE == "jax" else x + 0.0


class EvenConvolution(layers.Layer):
    """A 4x4 convolution, padded "same": one more row and column after than before, on TensorFlow the opposite."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(4, 4, shape[-1], 6), name="kernel")

    def call(self, x):
        sides = (2, 1) if HERE == "tensorflow" else (1, 2)
        return ops.conv(ops.pad(x, ((0, 0), sides, sides, (0, 0))), self.kernel, padding="valid")


class Tenth(layers.Layer):
    """Return a tenth of the input, computed in float32 on torch."""

    def call(self, x):
        tenth = ops.convert_to_tensor(np.float64(0.1), "float32" if HERE == "torch" else x.dtype)
        return x * ops.cast(tenth, x.dtype)


class Attention(layers.Layer):
    """Self-attention with one head and a key bias, whose gradient is zero, unless a backend omits a term."""

    def __init__(self, wrong_on="", **options):
        super().__init__(**options)
        self.forgets = wrong_on == HERE

    def build(self, shape):
        width = shape[-1]
        self.kernel = self.add_weight(shape=(3, width, width), name="kernel")
        self.bias = self.add_weight(shape=(width,), initializer="zeros", name="key_bias")

    def call(self, x):
        query, key, value = (ops.matmul(x, self.kernel[part]) for part in range(3))
        scores = ops.matmul(query, ops.swapaxes(key + self.bias, 1, 2))
        weights = ops.exp(scores - ops.stop_gradient(ops.max(scores, -1, keepdims=True)))
        total = ops.sum(weights, -1, keepdims=True)
        return ops.matmul(weights / (ops.stop_gradient(total) if self.forgets else total), value)


def forward_wrong_on_torch():
    return between_layers(Halving(name="suspect"))


def gradient_wrong_on_jax():
    return between_layers(SlowBackwards(name="suspect"))


def even_kernel_padded_elsewhere_on_tensorflow():
    x = np.random.default_rng(0).random((64, 9, 9, 2)).astype("float32")
    parts = [keras.Input((9, 9, 2)), EvenConvolution(name="suspect"), layers.ReLU(), layers.Flatten()]
    return subjects.compiled(parts, x, subjects.labels(x.reshape(64, -1)), "adam")


def float32_constant_on_torch():
    return between_layers(Tenth(name="suspect"))


def attention(wrong_on=""):
    """A correct model if no backend is named."""
    suspect = Attention(wrong_on, name="suspect")
    parts = [keras.Input((subjects.LENGTH,), dtype="int32"), layers.Embedding(subjects.WORDS, 8), suspect]
    return subjects.compiled([*parts, layers.GlobalAveragePooling1D()], *subjects.text(64), "adam")


def key_bias_wrong_on_jax():
    return attention(wrong_on="jax")


def epsilon_wrong_on_jax():
    optimizer = keras.optimizers.Adam(epsilon=1e-6 if HERE == "jax" else 1e-7)
    parts = [keras.Input((30,)), layers.Dense(24, activation="relu")]
    return subjects.compiled(parts, *subjects.vectors(30, 64), optimizer)


def between_layers(suspect):
    parts = [keras.Input((30,)), layers.Dense(24, activation="tanh"), suspect, layers.Dense(16, activation="relu")]
    return subjects.compiled(parts, *subjects.vectors(30, 64), "adam")
