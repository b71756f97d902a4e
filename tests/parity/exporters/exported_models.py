"""Models to export, with weights from a seed; `Squares` is a custom layer, `bent` a custom activation."""

import keras
import numpy as np
from keras import layers, ops

from kerasbridge.layers import CeilAveragePooling2D


class Squares(layers.Layer):
    def call(self, x):
        return ops.square(x)


def bent(x):
    return x / (1 + ops.abs(x))


def everything():
    """Two inputs in a dict, one of tokens; two outputs in a dict; layers of kerasbridge and a custom layer."""
    image, words = keras.Input((9, 8, 3), name="image"), keras.Input((6,), dtype="int32", name="words")
    x = layers.Conv2D(4, 3, strides=2, padding="same")(image)
    x = Squares()(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.Flatten()(CeilAveragePooling2D((2, 3), (2, 2), ((0, 1), (1, 1)))(x))
    y = layers.Dropout(0.3)(layers.Embedding(20, 5)(words))
    x = layers.Concatenate()([x, layers.GlobalAveragePooling1D()(layers.Conv1D(4, 3, activation="gelu")(y))])
    return keras.Model(
        {"image": image, "words": words},
        {"kind": layers.Dense(3, activation="softmax")(x), "price": layers.Dense(1, activation=bent)(x)},
    )


def plain():
    return keras.Sequential([keras.Input((5,)), layers.Dense(4, activation="tanh"), layers.Dense(2)])


def convolutional():
    x = image = keras.Input((12, 11, 3), name="image")
    x = layers.SeparableConv2D(6, 3)(layers.ZeroPadding2D(1)(x))
    x = layers.DepthwiseConv2D(3, padding="same")(layers.MaxPooling2D(2)(x))
    x = layers.Conv2DTranspose(3, 3, strides=2)(layers.GroupNormalization(2)(x))
    return keras.Model(image, layers.GlobalMaxPooling2D()(layers.UpSampling2D(2)(layers.LeakyReLU()(x))))


def of_any_size():
    image = keras.Input((None, None, 3))
    x = layers.MaxPooling2D(2)(layers.Conv2D(4, 3, activation="gelu")(image))
    return keras.Model(image, [layers.Softmax(name="map")(x), layers.Dense(3)(layers.GlobalAveragePooling2D()(x))])


def lstm():
    stack = [layers.LSTM(5, return_sequences=True), layers.LSTM(3), layers.Dense(2)]
    return keras.Sequential([keras.Input((7, 4)), *stack])


def gru():
    return keras.Sequential([keras.Input((7, 4)), layers.Bidirectional(layers.GRU(5)), layers.Dense(2)])


def masked():
    stack = [layers.Embedding(20, 8, mask_zero=True), layers.LSTM(5), layers.Dense(2)]
    return keras.Sequential([keras.Input((7,), dtype="int32"), *stack])


def lstm_of_any_length():
    return keras.Sequential([keras.Input((None, 4)), layers.LSTM(5), layers.Dense(2)])


def attention():
    words = keras.Input((6,), dtype="int32")
    x = layers.Embedding(20, 8)(words)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x))
    x = layers.LayerNormalization()(x + layers.Dense(8)(layers.Dense(16, activation="gelu")(x)))
    return keras.Model(words, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


def mixed():
    policy = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
    stack = [layers.Dense(4, activation="tanh", dtype=policy), layers.Dense(2, dtype=policy)]
    return keras.Sequential([keras.Input((5,)), *stack])


def wrongly_pooled():
    """With uneven padding, Keras 3.15 includes repeated pixels in averages on torch, but not on other backends."""
    return keras.Sequential([keras.Input((6, 6, 1)), layers.AveragePooling2D(3, 2, padding="same"), layers.Flatten()])


def made(name):
    """Return a model by name, with random weights."""
    model, random = globals()[name](), np.random.default_rng(0)
    for variable in model.weights:
        if variable.dtype == "float32":
            drawn = random.normal(0, 0.3, variable.shape)
            variable.assign(np.abs(drawn) + 0.3 if "variance" in variable.path else drawn)
    return model
