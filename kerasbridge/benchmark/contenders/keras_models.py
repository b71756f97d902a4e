"""The models of the built-in workloads in Keras; nothing in this file needs kerasbridge."""

import keras
from keras import layers


def build(name, dropout):
    """Return a compiled model.

    Args:
        name: "mlp", "cnn", "lstm", "transformer" or "autoencoder".
        dropout: the rate of its dropout layers.
    """
    model = MODELS[name](dropout)
    if name == "autoencoder":
        model.compile("adam", "binary_crossentropy")
    else:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def mlp(dropout):
    """Return the multilayer perceptron of `kb.models.mlp`."""
    hidden = [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(dropout)]
    return keras.Sequential([keras.Input((28, 28)), *hidden, layers.Dense(10, activation="softmax")])


def cnn(dropout):
    """Return the network of the first Keras example: two convolutions, each with a pooling."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(10, activation="softmax"),
        ]
    )


def lstm(dropout):
    """Return two LSTMs of 80 units, for sequences of 40 steps."""
    recurrent = [layers.LSTM(80, return_sequences=True), layers.LSTM(80), layers.Dropout(dropout)]
    return keras.Sequential([keras.Input((40, 8)), *recurrent, layers.Dense(10, activation="softmax")])


def transformer(dropout):
    """Return two blocks of attention over the rows of a digit, each row given with its position."""
    rows = keras.Input((28, 56))
    x = layers.Dense(64)(rows)
    for _ in range(2):
        normalized = layers.LayerNormalization(epsilon=1e-6)(x)
        attention = layers.MultiHeadAttention(num_heads=4, key_dim=16)(normalized, normalized)
        x = layers.Add()([x, layers.Dropout(dropout)(attention)])
        normalized = layers.LayerNormalization(epsilon=1e-6)(x)
        hidden = layers.Dense(64)(layers.Dense(128, activation="relu")(normalized))
        x = layers.Add()([x, layers.Dropout(dropout)(hidden)])
    return keras.Model(rows, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


def autoencoder(dropout):
    """Return a deep autoencoder of 784 pixels, with a code of 32 numbers; it has no dropout."""
    hidden = [layers.Dense(units, activation="relu") for units in (128, 64, 32, 64, 128)]
    return keras.Sequential([keras.Input((784,)), *hidden, layers.Dense(784, activation="sigmoid")])


MODELS = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "transformer": transformer, "autoencoder": autoencoder}
