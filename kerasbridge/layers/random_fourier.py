"""Random Fourier features, a layer of Keras 2 for kernel machines (`keras/layers/kernelized.py` of 2.7)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class RandomFourierFeatures(Layer):
    """``cos(x @ (kernel / scale) + bias)``, where only the scale is trainable.

    Rahimi and Recht, Random Features for Large-Scale Kernel Machines (2007), algorithm 1.

    Args:
        units: number of outputs; `output_dim` in Keras 2.

    >>> layer = RandomFourierFeatures(5)
    >>> layer.build((None, 3))
    >>> [tuple(weight.shape) for weight in layer.weights]
    [(1,), (3, 5), (5,)]
    """

    options: ClassVar[tuple[str, ...]] = ("units",)

    def __init__(self, units: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.units = units
        self.kernel_initializer = keras.initializers.RandomNormal(stddev=1.0)
        self.bias_initializer = keras.initializers.RandomUniform(0.0, 6.2831853)

    def build(self, shape: Sequence[int]) -> None:
        """Create the scale, shape (1,), the kernel, (features, units), and the bias, (units,)."""
        self.scale = self.add_weight(
            shape=(1,),
            initializer=keras.initializers.Constant((shape[-1] / 2) ** 0.5),
            constraint="non_neg",
            name="scale",
        )
        fixed = {"trainable": False}
        kernel, bias = self.kernel_initializer, self.bias_initializer
        self.kernel = self.add_weight(shape=(shape[-1], self.units), initializer=kernel, name="kernel", **fixed)
        self.bias = self.add_weight(shape=(self.units,), initializer=bias, name="bias", **fixed)

    def call(self, inputs: Any) -> Any:
        """Transform inputs of shape (batch, features) to (batch, units), each number from -1 to 1."""
        return ops.cos(ops.matmul(inputs, self.kernel / self.scale) + self.bias)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return (batch, units)."""
        return (*shape[:-1], self.units)
