"""Trainable activations of Keras 1 (`keras/layers/advanced_activations.py` of 1.2.2)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


class _TrainableActivation(Layer):
    """An activation with weights for each element of a sample, shared along some axes.

    Args:
        shared_axes: the axes along which the weights are shared, where the batch is axis 0.
    """

    options: ClassVar[tuple[str, ...]] = ("shared_axes",)

    def __init__(self, shared_axes: Sequence[int] | None = None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.supports_masking = True
        self.shared_axes = None if shared_axes is None else list(shared_axes)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the shape of the inputs."""
        return tuple(shape)

    def _add(self, name: str, shape: Sequence[int], initializer: Any) -> Any:
        shared = self.shared_axes or ()
        sizes = tuple(1 if axis in shared else size for axis, size in enumerate(shape[1:], 1))
        return self.add_weight(shape=sizes, initializer=initializer, name=name)


@keras.saving.register_keras_serializable("kerasbridge")
class SReLU(_TrainableActivation):
    """A piecewise linear function: x between two points, with other slopes to the left and to the right of them.

    ``left + left_slope * (x - left)`` up to left, x up to ``right = left + |width|``, then
    ``right + right_slope * (x - right)``. Jin et al., Deep Learning with S-shaped Rectified Linear Activation Units
    (2015), formula 1. The weights are left, left_slope, width and right_slope: t_left, a_left, t_right and a_right in
    Keras 1.

    Args:
        shared_axes: the axes along which the weights are shared, where the batch is axis 0.
        bounded: whether the left line, if it has a negative slope, is limited to the value of the right point:
            ``minimum(line, right)``, as in Keras 1 on Theano.

    >>> import numpy as np
    >>> layer = SReLU()
    >>> layer.build((None, 3))
    >>> layer.set_weights([np.full(3, weight) for weight in (-1.0, 0.5, 2.0, 3.0)])
    >>> keras.ops.convert_to_numpy(layer(np.array([[-3.0, 0.5, 2.0]], "float32"))).tolist()
    [[-2.0, 0.5, 4.0]]
    """

    options: ClassVar[tuple[str, ...]] = ("shared_axes", "bounded")

    def __init__(self, shared_axes: Sequence[int] | None = None, bounded: bool = False, **keywords: Any) -> None:
        super().__init__(shared_axes, **keywords)
        self.bounded, self.line_initializer = bounded, keras.initializers.GlorotUniform()

    def build(self, shape: Sequence[int]) -> None:
        """Create the weights, which have the shape of a sample with 1 for each shared axis."""
        self.left = self._add("left", shape, "zeros")
        self.left_slope = self._add("left_slope", shape, self.line_initializer)
        self.width = self._add("width", shape, self.line_initializer)
        self.right_slope = self._add("right_slope", shape, "ones")

    def call(self, inputs: Any) -> Any:
        """Apply the activation elementwise to inputs of shape (batch, *sample)."""
        width = ops.abs(self.width)
        offset = inputs - self.left
        middle = ops.minimum(ops.relu(offset), width) + self.left_slope * ops.minimum(offset, 0)
        middle = ops.minimum(middle, width) if self.bounded else middle
        return self.left + middle + self.right_slope * ops.relu(offset - width)


@keras.saving.register_keras_serializable("kerasbridge")
class ParametricSoftplus(_TrainableActivation):
    """``alpha * log(1 + exp(beta * x))``.

    McFarland et al., Inferring Nonlinear Neuronal Computation Based on Physiologically Plausible Inputs (2013).

    Args:
        alpha, beta: initial values of the weights.
        shared_axes: the axes along which the weights are shared, where the batch is axis 0.

    >>> layer = ParametricSoftplus(alpha=0.5, beta=2.0)
    >>> round(float(keras.ops.convert_to_numpy(layer(keras.ops.array([[1.0]])))[0, 0]), 4)
    1.0635
    """

    options: ClassVar[tuple[str, ...]] = ("alpha", "beta", "shared_axes")

    def __init__(
        self, alpha: float = 0.2, beta: float = 5.0, shared_axes: Sequence[int] | None = None, **keywords: Any
    ) -> None:
        super().__init__(shared_axes, **keywords)
        self.alpha, self.beta = alpha, beta

    def build(self, shape: Sequence[int]) -> None:
        """Create the weights, which have the shape of a sample with 1 for each shared axis."""
        self.alphas = self._add("alphas", shape, keras.initializers.Constant(self.alpha))
        self.betas = self._add("betas", shape, keras.initializers.Constant(self.beta))

    def call(self, inputs: Any) -> Any:
        """Apply the activation elementwise to inputs of shape (batch, *sample)."""
        return self.alphas * ops.softplus(self.betas * inputs)
