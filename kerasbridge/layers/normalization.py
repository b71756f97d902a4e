"""Normalisation layers that Keras does not have."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class LocalResponseNormalization(Layer):
    """``x * (kappa + alpha * sum of squares in a window) ** -beta``.

    The window extends from -floor((size - 1) / 2) to ceil((size - 1) / 2), along the channels or, if `across` is False,
    in height and width. Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks (2012), 3.3.
    `alpha` is that of MatConvNet (`vl_nnnormalize`). Caffe divides its alpha by size, or within a channel, where kappa
    is 1, by size squared (`src/caffe/layers/lrn_layer.cpp`).

    Args:
        size: size of the window in channels, or in rows and columns.
        kappa, alpha, beta: as in the formula.
        across: whether the window is along the channels.

    >>> from kerasbridge.keras_compat import keras
    >>> layer = LocalResponseNormalization(size=3, kappa=1.0, alpha=1.0, beta=1.0)
    >>> float(layer(keras.ops.ones((1, 1, 1, 3)))[0, 0, 0, 1])
    0.25
    """

    options: ClassVar[tuple[str, ...]] = ("size", "kappa", "alpha", "beta", "across")

    def __init__(
        self, size: int, kappa: float, alpha: float, beta: float, across: bool = True, **keywords: Any
    ) -> None:
        super().__init__(**keywords)
        self.size, self.kappa, self.alpha, self.beta, self.across = size, kappa, alpha, beta, across

    def call(self, images: Any) -> Any:
        """Normalise images of shape (batch, height, width, channels)."""
        squares = ops.square(images)
        total = self._sum_across_channels(squares) if self.across else self._sum_within_channels(squares)
        return images * ops.power(self.kappa + self.alpha * total, -self.beta)

    def _sum_across_channels(self, squares: Any) -> Any:
        channels = squares.shape[-1]
        before, after = (min(extent, channels - 1) for extent in self._extents())
        if before == after == channels - 1:
            return ops.sum(squares, axis=-1, keepdims=True)
        padded = ops.pad(squares, [(0, 0), (0, 0), (0, 0), (before, after)])
        return sum(padded[..., start : start + channels] for start in range(before + after + 1))

    def _sum_within_channels(self, squares: Any) -> Any:
        padded = ops.pad(squares, [(0, 0), self._extents(), self._extents(), (0, 0)])
        return ops.average_pool(padded, self.size, 1, "valid", data_format="channels_last") * self.size**2

    def _extents(self) -> tuple[int, int]:
        return (self.size - 1) // 2, self.size // 2


@keras.saving.register_keras_serializable("kerasbridge")
class MeanVarianceNormalization(Layer):
    """``(x - mean) / (sqrt(variance) + epsilon)`` for each channel of each image, or for each image.

    As in a Caffe MVN layer (`src/caffe/layers/mvn_layer.cpp`): unlike in Keras layers, epsilon is outside the root.

    Args:
        across_channels: compute mean and variance over all channels of an image.
        divide: whether to divide by the standard deviation.
        epsilon: a small number added to the standard deviation.
    """

    options: ClassVar[tuple[str, ...]] = ("across_channels", "divide", "epsilon")

    def __init__(
        self, across_channels: bool = False, divide: bool = True, epsilon: float = 1e-9, **keywords: Any
    ) -> None:
        super().__init__(**keywords)
        self.across_channels, self.divide, self.epsilon = across_channels, divide, epsilon

    def call(self, images: Any) -> Any:
        """Normalise images of shape (batch, height, width, channels)."""
        axes = (1, 2, 3) if self.across_channels else (1, 2)
        centred = images - ops.mean(images, axis=axes, keepdims=True)
        if not self.divide:
            return centred
        return centred / (ops.sqrt(ops.mean(ops.square(centred), axis=axes, keepdims=True)) + self.epsilon)


@keras.saving.register_keras_serializable("kerasbridge")
class Affine(Layer):
    """``scale * x + bias``, with weights along some of the axes.

    As in the Caffe layers Scale and Bias (`src/caffe/layers/scale_layer.cpp`, `bias_layer.cpp`).

    Args:
        axes: the axes of the weights, where the batch is axis 0; () for a scalar.
        scale, bias: whether to multiply by a scale, and to add a bias.

    >>> layer = Affine((3,))
    >>> layer.build((None, 4, 4, 7))
    >>> [tuple(weight.shape) for weight in layer.weights]
    [(7,), (7,)]
    """

    options: ClassVar[tuple[str, ...]] = ("axes", "scale", "bias")

    def __init__(self, axes: Sequence[int], scale: bool = True, bias: bool = True, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axes, self.scale, self.bias = tuple(axes), scale, bias

    def build(self, shape: Sequence[int]) -> None:
        """Create the weights, which have the sizes of their axes."""
        sizes = tuple(shape[axis] for axis in self.axes)
        self.gamma = self.add_weight(shape=sizes, initializer="ones", name="gamma") if self.scale else None
        self.beta = self.add_weight(shape=sizes, initializer="zeros", name="beta") if self.bias else None

    def call(self, inputs: Any) -> Any:
        """Transform a tensor of any shape."""
        sizes = [size if axis in self.axes else 1 for axis, size in enumerate(inputs.shape)]
        scaled = inputs if self.gamma is None else inputs * ops.reshape(self.gamma, sizes)
        return scaled if self.beta is None else scaled + ops.reshape(self.beta, sizes)


@keras.saving.register_keras_serializable("kerasbridge")
class UnitLength(Layer):
    """``x / (sum(|x| ** power) + epsilon) ** (1 / power)``, as in a Torch7 Normalize module (`Normalize.lua` of nn).

    Args:
        power: the order of the norm; 2 for the Euclidean norm.
        epsilon: a small number that prevents a division by zero.
    """

    options: ClassVar[tuple[str, ...]] = ("power", "epsilon")

    def __init__(self, power: float = 2.0, epsilon: float = 1e-10, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.power, self.epsilon = power, epsilon

    def call(self, inputs: Any) -> Any:
        """Normalise rows of shape (batch, features)."""
        total = ops.sum(ops.power(ops.abs(inputs), self.power), axis=-1, keepdims=True)
        return inputs * ops.power(total + self.epsilon, -1 / self.power)
