"""Dense layers of Keras 1 that choose: by a gate, or the largest of several (`keras/layers/core.py` of 1.2.2)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Weighted

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class Highway(Weighted):
    """``gate * activation(x @ kernel + bias) + (1 - gate) * x``.

    The gate is ``sigmoid(x @ carry_kernel + carry_bias)``. Srivastava et al., Highway Networks (2015), section 2. In
    Keras 1 the kernel of the gate is W_carry, though nothing is carried where the gate is 1.

    Args:
        keywords: those of Keras's `Dense` beside `units`: as many numbers come out as go in.

    >>> layer = Highway(activation="tanh")
    >>> layer.build((None, 4))
    >>> [(weight.name, tuple(weight.shape)) for weight in layer.weights][:2]
    [('kernel', (4, 4)), ('carry_kernel', (4, 4))]
    """

    def build(self, shape: Sequence[int]) -> None:
        """Make two kernels of the shape (numbers, numbers), and two biases."""
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
        """Numbers of the shape (batch, numbers), and so the result."""
        made, gate = ops.matmul(inputs, self.kernel), ops.matmul(inputs, self.carry_kernel)
        if self.use_bias:
            made, gate = made + self.bias, gate + self.carry_bias
        gate = ops.sigmoid(gate)
        return gate * self.activation(made) + (1 - gate) * inputs

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The same shape."""
        return tuple(shape)


@keras.saving.register_keras_serializable("kerasbridge")
class MaxoutDense(Weighted):
    """The largest of several ``x @ kernel[n] + bias[n]``, number by number.

    Goodfellow et al., Maxout Networks (2013), section 3.

    Args:
        units: how many numbers come out.
        pieces: of how many the largest is taken; `nb_feature` in Keras 1.
        keywords: those of Keras's `Dense` beside `units`, an activation excepted: there is none.

    >>> layer = MaxoutDense(2, pieces=3)
    >>> layer(keras.ops.ones((1, 4))).shape[1], [tuple(weight.shape) for weight in layer.weights]
    (2, [(3, 4, 2), (3, 2)])
    """

    options: ClassVar[tuple[str, ...]] = ("units", "pieces")

    def __init__(self, units: int, pieces: int = 4, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.units, self.pieces = units, pieces

    def build(self, shape: Sequence[int]) -> None:
        """Make the kernels, shape (pieces, numbers, units), and the biases, shape (pieces, units)."""
        self.kernel = self._add("kernel", (self.pieces, shape[-1], self.units))
        self.bias = self._add("bias", (self.pieces, self.units))

    def call(self, inputs: Any) -> Any:
        """Numbers of the shape (batch, numbers) to (batch, units)."""
        pieces = ops.matmul(inputs, self.kernel)
        return ops.max(pieces if self.bias is None else pieces + ops.expand_dims(self.bias, 1), axis=0)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """(batch, units)."""
        return (*shape[:-1], self.units)
