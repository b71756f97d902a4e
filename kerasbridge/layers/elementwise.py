"""Functions of each number that Keras has no layer for."""

from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class Power(Layer):
    """``x ** exponent``, the power in Caffe's Power (`src/caffe/layers/power_layer.cpp`).

    Args:
        exponent: with one that is not whole, numbers below 0 give NaN, as in C.
    """

    options: ClassVar[tuple[str, ...]] = ("exponent",)

    def __init__(self, exponent: float, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.exponent = exponent

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape, and so the result."""
        return ops.power(inputs, self.exponent)


@keras.saving.register_keras_serializable("kerasbridge")
class Logarithm(Layer):
    """The natural logarithm, as in Caffe's Log (`src/caffe/layers/log_layer.cpp`)."""

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape, and so the result."""
        return ops.log(inputs)


@keras.saving.register_keras_serializable("kerasbridge")
class Erf(Layer):
    """The error function, ``2 / sqrt(pi)`` times the integral of ``exp(-t ** 2)`` from 0 to x, as `tf.math.erf`."""

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape, and so the result."""
        return ops.erf(inputs)


@keras.saving.register_keras_serializable("kerasbridge")
class Absolute(Layer):
    """``|x|``, as Caffe's AbsVal (`src/caffe/layers/absval_layer.cpp`)."""

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape, and so the result."""
        return ops.abs(inputs)


@keras.saving.register_keras_serializable("kerasbridge")
class Clip(Layer):
    """``min(max(x, low), high)``, as Caffe's Clip (`src/caffe/layers/clip_layer.cpp`).

    Args:
        low, high: what comes out is between them.
    """

    options: ClassVar[tuple[str, ...]] = ("low", "high")

    def __init__(self, low: float, high: float, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.low, self.high = low, high

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape, and so the result."""
        return ops.clip(inputs, self.low, self.high)


@keras.saving.register_keras_serializable("kerasbridge")
class Threshold(Layer):
    """1 where ``x > threshold``, else 0, as Caffe's Threshold (`src/caffe/layers/threshold_layer.cpp`).

    Args:
        threshold: it itself gives 0.
    """

    options: ClassVar[tuple[str, ...]] = ("threshold",)

    def __init__(self, threshold: float, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.threshold = threshold

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape, and so the result."""
        return ops.cast(inputs > self.threshold, inputs.dtype)


@keras.saving.register_keras_serializable("kerasbridge")
class Replace(Layer):
    """``x`` where ``x > threshold``, else ``value``, as Torch7's Threshold (`lib/THNN/generic/Threshold.c`).

    Args:
        threshold: it itself gives the value.
        value: what numbers become that are not above it.
    """

    options: ClassVar[tuple[str, ...]] = ("threshold", "value")

    def __init__(self, threshold: float, value: float, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.threshold, self.value = threshold, value

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape, and so the result."""
        return ops.where(inputs > self.threshold, inputs, ops.full_like(inputs, self.value))
