"""Elementwise functions that Keras has no layer for."""

from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class Power(Layer):
    """``x ** exponent``, the power of a Caffe Power layer (`src/caffe/layers/power_layer.cpp`).

    Args:
        exponent: if it is not an integer, the result is NaN for negative numbers, as in C.
    """

    options: ClassVar[tuple[str, ...]] = ("exponent",)

    def __init__(self, exponent: float, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.exponent = exponent

    def call(self, inputs: Any) -> Any:
        """Apply the function elementwise to a tensor of any shape."""
        return ops.power(inputs, self.exponent)


@keras.saving.register_keras_serializable("kerasbridge")
class Logarithm(Layer):
    """The natural logarithm, as in a Caffe Log layer (`src/caffe/layers/log_layer.cpp`)."""

    def call(self, inputs: Any) -> Any:
        """Apply the function elementwise to a tensor of any shape."""
        return ops.log(inputs)


@keras.saving.register_keras_serializable("kerasbridge")
class Erf(Layer):
    """The error function, ``2 / sqrt(pi)`` times the integral of ``exp(-t ** 2)`` from 0 to x, like `tf.math.erf`."""

    def call(self, inputs: Any) -> Any:
        """Apply the function elementwise to a tensor of any shape."""
        return ops.erf(inputs)


@keras.saving.register_keras_serializable("kerasbridge")
class Absolute(Layer):
    """``|x|``, as in a Caffe AbsVal layer (`src/caffe/layers/absval_layer.cpp`)."""

    def call(self, inputs: Any) -> Any:
        """Apply the function elementwise to a tensor of any shape."""
        return ops.abs(inputs)


@keras.saving.register_keras_serializable("kerasbridge")
class Clip(Layer):
    """``min(max(x, low), high)``, as in a Caffe Clip layer (`src/caffe/layers/clip_layer.cpp`).

    Args:
        low, high: the smallest and the largest result.
    """

    options: ClassVar[tuple[str, ...]] = ("low", "high")

    def __init__(self, low: float, high: float, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.low, self.high = low, high

    def call(self, inputs: Any) -> Any:
        """Apply the function elementwise to a tensor of any shape."""
        return ops.clip(inputs, self.low, self.high)


@keras.saving.register_keras_serializable("kerasbridge")
class Threshold(Layer):
    """1 where ``x > threshold``, else 0, as in a Caffe Threshold layer (`src/caffe/layers/threshold_layer.cpp`).

    Args:
        threshold: the largest number that becomes 0.
    """

    options: ClassVar[tuple[str, ...]] = ("threshold",)

    def __init__(self, threshold: float, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.threshold = threshold

    def call(self, inputs: Any) -> Any:
        """Apply the function elementwise to a tensor of any shape."""
        return ops.cast(inputs > self.threshold, inputs.dtype)


@keras.saving.register_keras_serializable("kerasbridge")
class Replace(Layer):
    """``x`` where ``x > threshold``, else ``value``, as in a Torch7 Threshold module (`lib/THNN/generic/Threshold.c`).

    Args:
        threshold: the largest number that is replaced.
        value: the number it is replaced by.
    """

    options: ClassVar[tuple[str, ...]] = ("threshold", "value")

    def __init__(self, threshold: float, value: float, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.threshold, self.value = threshold, value

    def call(self, inputs: Any) -> Any:
        """Apply the function elementwise to a tensor of any shape."""
        return ops.where(inputs > self.threshold, inputs, ops.full_like(inputs, self.value))
