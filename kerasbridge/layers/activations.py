"""Activations of Keras 1 with weights of their own (`keras/layers/advanced_activations.py` of 1.2.2)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


class _Bent(Layer):
    """Has weights for each number of a sample, shared along some axes.

    Args:
        shared_axes: those along which all have the same, the batch being axis 0.
    """

    options: ClassVar[tuple[str, ...]] = ("shared_axes",)

    def __init__(self, shared_axes: Sequence[int] | None = None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.supports_masking = True
        self.shared_axes = None if shared_axes is None else list(shared_axes)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The same shape."""
        return tuple(shape)

    def _add(self, name: str, shape: Sequence[int], initializer: Any) -> Any:
        shared = self.shared_axes or ()
        sizes = tuple(1 if axis in shared else size for axis, size in enumerate(shape[1:], 1))
        return self.add_weight(shape=sizes, initializer=initializer, name=name)


@keras.saving.register_keras_serializable("kerasbridge")
class SReLU(_Bent):
    """Three straight lines: x between two bends, another slope to the left and another to the right of them.

    ``left + left_slope * (x - left)`` up to left, x up to ``right = left + |width|``, then
    ``right + right_slope * (x - right)``. Jin et al., Deep Learning with S-shaped Rectified Linear Activation Units
    (2015), formula 1. The weights are left, left_slope, width and right_slope: t_left, a_left, t_right and a_right in
    Keras 1.

    Args:
        shared_axes: along which axes of a sample all have the same weights, the batch being axis 0.
        bounded: whether the left line, where it falls, ends at the height of the right bend: ``minimum(line, right)``,
            as Keras 1 had it on Theano.

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
        """Make the weights, of the shape of a sample, with 1 for each axis that is shared."""
        self.left = self._add("left", shape, "zeros")
        self.left_slope = self._add("left_slope", shape, self.line_initializer)
        self.width = self._add("width", shape, self.line_initializer)
        self.right_slope = self._add("right_slope", shape, "ones")

    def call(self, inputs: Any) -> Any:
        """Numbers of the shape of the weights behind the batch, and so the result."""
        width = ops.abs(self.width)
        beyond = inputs - self.left
        middle = ops.minimum(ops.relu(beyond), width) + self.left_slope * ops.minimum(beyond, 0)
        middle = ops.minimum(middle, width) if self.bounded else middle
        return self.left + middle + self.right_slope * ops.relu(beyond - width)


@keras.saving.register_keras_serializable("kerasbridge")
class ParametricSoftplus(_Bent):
    """``alpha * log(1 + exp(beta * x))``.

    McFarland et al., Inferring Nonlinear Neuronal Computation Based on Physiologically Plausible Inputs (2013).

    Args:
        alpha, beta: what the weights begin with.
        shared_axes: along which axes of a sample all have the same weights, the batch being axis 0.

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
        """Make the weights, of the shape of a sample, with 1 for each axis that is shared."""
        self.alphas = self._add("alphas", shape, keras.initializers.Constant(self.alpha))
        self.betas = self._add("betas", shape, keras.initializers.Constant(self.beta))

    def call(self, inputs: Any) -> Any:
        """Numbers of the shape of the weights behind the batch, and so the result."""
        return self.alphas * ops.softplus(self.betas * inputs)
