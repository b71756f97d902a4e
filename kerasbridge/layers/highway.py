"""The layers Highway and MaxoutDense of Keras 1 (`keras/layers/core.py` of 1.2.2)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Weighted

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class Highway(Weighted):
    """``gate * activation(x @ kernel + bias) + (1 - gate) * x``.

    The gate is ``sigmoid(x @ carry_kernel + carry_bias)``. Srivastava et al., Highway Networks (2015), section 2. The
    names are those of Keras 1 (W_carry), though x is carried where the gate is 0.

    Args:
        keywords: those of `keras.layers.Dense` except `units`: inputs and outputs have the same size.

    >>> layer = Highway(activation="tanh")
    >>> layer.build((None, 4))
    >>> [(weight.name, tuple(weight.shape)) for weight in layer.weights][:2]
    [('kernel', (4, 4)), ('carry_kernel', (4, 4))]
    """

    def build(self, shape: Sequence[int]) -> None:
        """Create two kernels of shape (features, features), and two biases."""
        units = shape[-1]
        self.kernel = self._add("kernel", (units, units))
        self.carry_kernel = self.add_weight(
            shape=(units, units), initializer=self.kernel_initializer, name="carry_kernel"
        )
        self.bias = self._add("bias", (units,))
        self.carry_bias = (
            self.add_weight(shape=(units,), initializer="ones", name="carry_bias") if self.use_bias else None
        )

    def call(self, inputs: Any) -> Any:
        """Transform inputs of shape (batch, features) to the same shape."""
        features, gate = ops.matmul(inputs, self.kernel), ops.matmul(inputs, self.carry_kernel)
        if self.use_bias:
            features, gate = features + self.bias, gate + self.carry_bias
        gate = ops.sigmoid(gate)
        return gate * self.activation(features) + (1 - gate) * inputs

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the shape of the inputs."""
        return tuple(shape)


@keras.saving.register_keras_serializable("kerasbridge")
class MaxoutDense(Weighted):
    """The elementwise maximum of several dense layers ``x @ kernel[n] + bias[n]``.

    Goodfellow et al., Maxout Networks (2013), section 3.

    Args:
        units: number of outputs.
        pieces: number of dense layers; `nb_feature` in Keras 1.
        keywords: those of `keras.layers.Dense` except `units` and `activation`, which it does not have.

    >>> layer = MaxoutDense(2, pieces=3)
    >>> layer(keras.ops.ones((1, 4))).shape[1], [tuple(weight.shape) for weight in layer.weights]
    (2, [(3, 4, 2), (3, 2)])
    """

    options: ClassVar[tuple[str, ...]] = ("units", "pieces")

    def __init__(self, units: int, pieces: int = 4, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.units, self.pieces = units, pieces

    def build(self, shape: Sequence[int]) -> None:
        """Create the kernels, shape (pieces, features, units), and the biases, shape (pieces, units)."""
        self.kernel = self._add("kernel", (self.pieces, shape[-1], self.units))
        self.bias = self._add("bias", (self.pieces, self.units))

    def call(self, inputs: Any) -> Any:
        """Transform inputs of shape (batch, features) to (batch, units)."""
        pieces = ops.matmul(inputs, self.kernel)
        return ops.max(pieces if self.bias is None else pieces + ops.expand_dims(self.bias, 1), axis=0)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return (batch, units)."""
        return (*shape[:-1], self.units)
