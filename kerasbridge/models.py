"""Models for MNIST: a multilayer perceptron and a small convolutional network."""

from kerasbridge import engines
from kerasbridge.keras_compat import keras
from kerasbridge.random import keras_patch

__all__ = ("cnn", "mlp")
layers = keras.layers


def __dir__() -> tuple[str, ...]:
    return __all__


def mlp() -> keras.Sequential:
    """Build a model of Flatten, Dense 128 relu, Dropout 0.2 and Dense 10 softmax.

    It takes images of shape (samples, 28, 28) in [0, 1].

    Returns:
        An uncompiled model; its outputs are probabilities, for `sparse_categorical_crossentropy`. After
        `kb.seed_everything(seed)` its weights are the same, bit for bit, on every backend.

    Example:
        >>> import kerasbridge as kb
        >>> kb.models.mlp().count_params()
        101770
    """
    engines.current()
    with keras_patch.portable_random():
        return keras.Sequential(
            [
                keras.Input((28, 28)),
                layers.Flatten(),
                layers.Dense(128, activation="relu"),
                layers.Dropout(0.2),
                layers.Dense(10, activation="softmax"),
            ],
            name="mlp",
        )


def cnn() -> keras.Sequential:
    """Build a model of three convolutions with batch normalisation, pooling and dropout, and Dense 10 softmax.

    It takes images of shape (samples, 28, 28) in [0, 1], and reaches 99 % on MNIST in a few epochs.

    Returns:
        An uncompiled model, like that of `mlp`.

    Example:
        >>> import kerasbridge as kb
        >>> kb.models.cnn().output_shape
        (None, 10)
    """
    engines.current()
    with keras_patch.portable_random():
        return keras.Sequential(
            [
                keras.Input((28, 28)),
                layers.Reshape((28, 28, 1)),
                *_convolution(32),
                layers.MaxPooling2D(),
                layers.Dropout(0.1),
                *_convolution(64),
                layers.MaxPooling2D(),
                layers.Dropout(0.2),
                *_convolution(128),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(10, activation="softmax"),
            ],
            name="cnn",
        )


def _convolution(filters: int) -> list[keras.Layer]:
    # the Keras default momentum of 0.99 needs hundreds of steps to reach the mean; an epoch of the sample has 125
    return [
        layers.Conv2D(filters, 3, use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]
