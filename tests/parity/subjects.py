"""Small correct models with their data: functions that return (model, x, y), for `--script`."""

import keras
import numpy as np
from keras import layers, ops

WORDS, LENGTH, CLASSES = 200, 12, 4


def mlp():
    return compiled(
        [keras.Input((30,)), layers.Dense(24, activation="relu"), layers.Dropout(0.2)], *vectors(30), "adam"
    )


def cnn():
    x = np.random.default_rng(0).random((256, 12, 12, 2)).astype("float32")
    parts = [
        keras.Input((12, 12, 2)),
        layers.Conv2D(8, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(8, 4, padding="same", strides=2, activation="relu", kernel_regularizer="l2"),
        layers.Flatten(),
        layers.Dropout(0.3),
    ]
    return compiled(parts, x, labels(x.reshape(256, -1)), keras.optimizers.SGD(0.1, momentum=0.9))


def lstm():
    """A layer with recurrent dropout, which Keras computes on torch, one time step after another."""
    parts = [
        keras.Input((LENGTH,), dtype="int32"),
        layers.Embedding(WORDS, 8, mask_zero=True),
        layers.LSTM(12, dropout=0.2, recurrent_dropout=0.1),
    ]
    return compiled(parts, *text(), "adam")


def recurrent():
    """Two layers whose time steps are one operation on torch, as those of `lstm` are not."""
    parts = [
        keras.Input((LENGTH,), dtype="int32"),
        layers.Embedding(WORDS, 8, mask_zero=True),
        layers.LSTM(12, dropout=0.2, return_sequences=True),
        layers.GRU(8),
    ]
    return compiled(parts, *text(), "adam")


def transformer():
    """Two blocks; the gradient of the key bias of attention is zero in theory."""
    words = keras.Input((LENGTH,), dtype="int32")
    h = layers.Embedding(WORDS, 16)(words)
    for _ in range(2):
        attended = layers.MultiHeadAttention(2, 8, dropout=0.1)(h, h)
        h = layers.LayerNormalization()(h + attended)
        wider = layers.Dense(16)(layers.Dense(32, activation="gelu")(h))
        h = layers.LayerNormalization()(h + layers.Dropout(0.1)(wider))
    outputs = layers.Dense(CLASSES, activation="softmax")(layers.GlobalAveragePooling1D()(h))
    model = keras.Model(words, outputs)
    model.compile(keras.optimizers.AdamW(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, *text()


def augmentation():
    x = np.random.default_rng(0).random((256, 12, 12, 3)).astype("float32")
    parts = [
        keras.Input((12, 12, 3)),
        layers.RandomFlip(),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomRotation(0.05),
        layers.RandomContrast(0.2),
        layers.GaussianNoise(0.05),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.3),
    ]
    return compiled(parts, x, labels(x.reshape(256, -1)), "adam")


def branching():
    """Not compiled: two inputs, a shared layer, a nested model, and two outputs in a dict."""
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    shared = layers.Dense(8, activation="tanh", name="shared")
    inner = keras.Sequential([keras.Input((16,)), layers.Dense(5, name="deep")], name="inner")
    both = inner(layers.Concatenate(name="both")([shared(left), shared(right)]))
    outputs = {"size": layers.Dense(1, name="size")(both), "shape": layers.Dense(3, name="shape")(both)}
    x = {"left": vectors(6)[0], "right": vectors(6)[0][::-1]}
    return keras.Model({"left": left, "right": right}, outputs), x, None


def looped():
    """A layer that calls another inside a loop of the framework, which hides its outputs."""
    x = np.random.default_rng(0).random((64, 4, 6)).astype("float32")
    parts = [keras.Input((4, 6)), RowByRow(name="looping"), layers.Flatten()]
    return compiled(parts, x, labels(x.reshape(64, -1)), "adam")


class RowByRow(layers.Layer):
    """A dense layer, called on one sample after another."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = layers.Dense(5)

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return ops.vectorized_map(self.inner, x)


def compiled(parts, x, y, optimizer):
    """Return the layers with a softmax, compiled for classes, with their data."""
    model = keras.Sequential([*parts, layers.Dense(CLASSES, activation="softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, x, y


def vectors(width, rows=256):
    """Return normal numbers, and labels that a model can learn from them."""
    x = np.random.default_rng(0).standard_normal((rows, width)).astype("float32")
    return x, labels(x)


def text(rows=256):
    """Return tokens, 0 after the last, and labels that depend on the first five."""
    draw = np.random.default_rng(0)
    x = draw.integers(1, WORDS, (rows, LENGTH)).astype("int32")
    x[np.arange(LENGTH) >= draw.integers(6, LENGTH + 1, (rows, 1))] = 0
    return x, (x[:, :5].sum(1) % CLASSES).astype("int32")


def labels(x):
    """Return the index of the largest of the first few columns."""
    return x[:, :CLASSES].argmax(1).astype("int32")
