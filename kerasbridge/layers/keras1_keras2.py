"""Activations and layers of Keras 1 and Keras 2 that Keras 3 no longer has."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer
from kerasbridge.layers.pooling import CeilAveragePooling2D, CeilMaxPooling2D

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")  # type: ignore[untyped-decorator]
def hard_sigmoid(x: Any) -> Any:
    """Return ``clip(0.2 * x + 0.5, 0, 1)``, as in Keras 1 and 2 (`keras/backend/tensorflow_backend.py`).

    Keras 3 computes ``clip(x / 6 + 0.5, 0, 1)``.

    >>> from kerasbridge.keras_compat import keras
    >>> [round(float(y), 3) for y in hard_sigmoid(keras.ops.array([-3.0, 1.0, 2.4]))]
    [0.0, 0.7, 0.98]
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable("kerasbridge")
class ThresholdedReLU(Layer):
    """``x`` where ``x > theta``, else 0 (`keras/layers/advanced_activations.py` of Keras 2).

    Args:
        theta: the threshold.
    """

    options: ClassVar[tuple[str, ...]] = ("theta",)

    def __init__(self, theta: float = 1.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.theta = theta

    def call(self, inputs: Any) -> Any:
        """Apply the activation elementwise to a tensor of any shape."""
        return inputs * ops.cast(inputs > self.theta, inputs.dtype)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the shape of the inputs."""
        return tuple(shape)


@keras.saving.register_keras_serializable("kerasbridge")
class CeilMaxPooling1D(CeilMaxPooling2D):
    """`CeilMaxPooling2D` in one dimension: for inputs of shape (batch, steps, channels)."""


@keras.saving.register_keras_serializable("kerasbridge")
class CeilMaxPooling3D(CeilMaxPooling2D):
    """`CeilMaxPooling2D` in three dimensions: for inputs of shape (batch, depth, height, width, channels)."""


@keras.saving.register_keras_serializable("kerasbridge")
class CeilAveragePooling1D(CeilAveragePooling2D):
    """`CeilAveragePooling2D` in one dimension: for inputs of shape (batch, steps, channels)."""


@keras.saving.register_keras_serializable("kerasbridge")
class CeilAveragePooling3D(CeilAveragePooling2D):
    """`CeilAveragePooling2D` in three dimensions: for inputs of shape (batch, depth, height, width, channels)."""


@keras.saving.register_keras_serializable("kerasbridge")
class EachBatchNormalization(Layer):
    """Batch normalisation by the statistics of each batch, in inference too.

    BatchNormalization of Keras 1 with mode=2 (`keras/layers/normalization.py`).

    Args:
        axis: the axis of the channels.
        epsilon: a small number added to the variance.
    """

    options: ClassVar[tuple[str, ...]] = ("axis", "epsilon")

    def __init__(self, axis: int = -1, epsilon: float = 1e-3, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis, self.epsilon = axis, epsilon

    def build(self, shape: Sequence[int]) -> None:
        """Create gamma and beta, shape (channels,)."""
        self.gamma = self.add_weight(shape=(shape[self.axis],), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(shape[self.axis],), initializer="zeros", name="beta")

    def call(self, inputs: Any) -> Any:
        """Normalise inputs of any shape."""
        channels = self.axis % len(inputs.shape)
        sizes = [-1 if axis == channels else 1 for axis in range(len(inputs.shape))]
        mean, variance = ops.moments(inputs, [axis for axis, size in enumerate(sizes) if size == 1], keepdims=True)
        normal = (inputs - mean) * ops.rsqrt(variance + self.epsilon)
        return normal * ops.reshape(self.gamma, sizes) + ops.reshape(self.beta, sizes)


class _SameAverage(Layer):
    """Average pooling with padding "same" over the cells within the image; Keras 3 on torch repeats the edge instead.

    Args:
        pool_size, strides: a number for each axis.
    """

    options: ClassVar[tuple[str, ...]] = ("pool_size", "strides")

    def __init__(self, pool_size: Sequence[int], strides: Sequence[int], **keywords: Any) -> None:
        super().__init__(**keywords)
        self.pool_size, self.strides = tuple(pool_size), tuple(strides)

    def call(self, images: Any) -> Any:
        """Pool images of shape (batch, …, channels)."""
        sizes = ops.shape(images)[1:-1]
        windows = zip(sizes, self.pool_size, self.strides, strict=True)
        padding = [(0, 0), *(_same_padding(*window) for window in windows), (0, 0)]
        ones = ops.ones_like(images[:1, ..., :1])
        return self._average(ops.pad(images, padding)) / self._average(ops.pad(ones, padding))

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return (batch, …, channels), where each size is divided by the stride and rounded up."""
        sizes = zip(shape[1:-1], self.strides, strict=True)
        return (shape[0], *(None if size is None else -(-size // stride) for size, stride in sizes), shape[-1])

    def _average(self, images: Any) -> Any:
        return ops.average_pool(images, self.pool_size, self.strides, "valid", data_format="channels_last")


def _same_padding(size: Any, window: int, stride: int) -> tuple[Any, Any]:
    """Return the padding before and after an axis of this size, which may be a tensor."""
    missing = (-(-size // stride) - 1) * stride + window - size
    if window < stride:
        missing = max(missing, 0) if isinstance(missing, int) else ops.maximum(missing, 0)
    return missing // 2, missing - missing // 2


@keras.saving.register_keras_serializable("kerasbridge")
class SameAveragePooling1D(_SameAverage):
    """Average pooling with padding "same" as in TensorFlow, for inputs of shape (batch, steps, channels)."""


@keras.saving.register_keras_serializable("kerasbridge")
class SameAveragePooling2D(_SameAverage):
    """Average pooling with padding "same" as in TensorFlow, for images of shape (batch, height, width, channels).

    >>> from kerasbridge.keras_compat import keras
    >>> layer = SameAveragePooling2D((2, 2), (2, 2))
    >>> float(layer(keras.ops.ones((1, 3, 3, 1)))[0, 1, 1, 0])
    1.0
    """


@keras.saving.register_keras_serializable("kerasbridge")
class SameAveragePooling3D(_SameAverage):
    """Average pooling with padding "same" as in TensorFlow, for inputs (batch, depth, height, width, channels)."""
