"""Keras layers for functions of each number, for combinations of inputs, and for normalisations without weights."""

from typing import Any

from kerasbridge import layers
from kerasbridge.importers.ir import ops
from kerasbridge.importers.keras_builder.context import LayerContext
from kerasbridge.keras_compat import keras

_OWN = {"absolute": layers.Absolute, "erf": layers.Erf, "logarithm": layers.Logarithm}
_STOCK = {"swish": "silu"}
_COMBINED = {
    "sum": keras.layers.Add,
    "product": keras.layers.Multiply,
    "maximum": keras.layers.Maximum,
    "minimum": keras.layers.Minimum,
}


def activation(operation: ops.Activation, site: LayerContext, tensor: Any) -> Any:
    """`ReLU`, `LeakyReLU`, `ELU`, or `Activation` with the function's name."""
    if operation.function == "relu":
        if operation.slope:
            return site.layer(keras.layers.LeakyReLU, tensor, negative_slope=operation.slope)
        return site.layer(keras.layers.ReLU, tensor)
    if operation.function == "elu":
        return site.layer(keras.layers.ELU, tensor, alpha=operation.slope)
    if operation.function in _OWN:
        return site.layer(_OWN[operation.function], tensor)
    function = _STOCK.get(operation.function, operation.function)
    return site.layer(keras.layers.Activation, tensor, activation=function)


def linear(operation: ops.ScaleShift, site: LayerContext, tensor: Any) -> Any:
    """`Rescaling`."""
    return site.layer(keras.layers.Rescaling, tensor, scale=operation.scale, offset=operation.offset)


def power(operation: ops.Power, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's."""
    return site.layer(layers.Power, tensor, exponent=operation.exponent)


def clip(operation: ops.Clip, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's; from 0 on, `ReLU` with a bound."""
    if operation.low == 0 < operation.high:
        return site.layer(keras.layers.ReLU, tensor, max_value=operation.high)
    return site.layer(layers.Clip, tensor, low=operation.low, high=operation.high)


def threshold(operation: ops.Threshold, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's."""
    return site.layer(layers.Threshold, tensor, threshold=operation.threshold)


def replacement(operation: ops.ReplaceValue, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's; `ReLU` where it is that."""
    if operation.threshold == operation.value == 0:
        return site.layer(keras.layers.ReLU, tensor)
    return site.layer(layers.Replace, tensor, threshold=operation.threshold, value=operation.value)


def dropout(operation: ops.Dropout, site: LayerContext, tensor: Any) -> Any:
    """`Dropout`, or `SpatialDropout2D`."""
    if operation.channels:
        return site.layer(keras.layers.SpatialDropout2D, tensor, rate=operation.rate)
    return site.layer(keras.layers.Dropout, tensor, rate=operation.rate)


def softmax(operation: ops.Softmax, site: LayerContext, tensor: Any) -> Any:
    """`Softmax`, along the axis as it lies in the model; of its logarithm, `Activation` along the last."""
    axis = site.axis(operation.axis)
    if operation.logarithm:
        return _log_softmax(site, tensor, axis)
    return site.layer(keras.layers.Softmax, tensor, axis=-1 if axis == site.rank - 1 else axis)


def _log_softmax(site: LayerContext, tensor: Any, axis: int) -> Any:
    last = [place for place in range(1, site.rank) if place != axis] + [axis]
    moved = axis != site.rank - 1
    tensor = site.permuted(tensor, last, part="axis_last") if moved else tensor
    tensor = site.layer(keras.layers.Activation, tensor, activation="log_softmax")
    back = [last.index(place) + 1 for place in range(1, site.rank)]
    return site.permuted(tensor, back, part="axis_back") if moved else tensor


def unit_length(operation: ops.L2Normalize, site: LayerContext, tensor: Any) -> Any:
    """A layer of kerasbridge's."""
    return site.layer(layers.UnitLength, tensor, power=operation.power, epsilon=operation.epsilon)


def combination(operation: ops.ElementwiseMerge, site: LayerContext, *tensors: Any) -> Any:
    """`Add`, `Multiply`, `Maximum` or `Minimum`; `Rescaling` before where a coefficient is not 1."""
    coefficients = operation.coefficients or (1.0,) * len(tensors)
    scaled = [
        tensor if factor == 1 else site.layer(keras.layers.Rescaling, tensor, part=f"times_{place}", scale=factor)
        for place, (tensor, factor) in enumerate(zip(tensors, coefficients, strict=True))
    ]
    return site.layer(_COMBINED[operation.kind], scaled) if len(scaled) > 1 else scaled[0]


def broadcast(operation: ops.Broadcast, site: LayerContext, tensor: Any, other: Any) -> Any:
    """`Multiply` or `Add`, of an input that is brought to as many dimensions first."""
    first, second = site.inputs
    if len(first) != len(second):
        other = site.reshape(other, second, (*second, *(1,) * (len(first) - len(second))), part="shape")
    return site.layer(_COMBINED[operation.kind], [tensor, other])


def local_response(operation: ops.LRN, site: LayerContext, images: Any) -> Any:
    """A layer of kerasbridge's."""
    options = {name: getattr(operation, name) for name in layers.LocalResponseNormalization.options}
    return site.layer(layers.LocalResponseNormalization, images, **options)


def standardization(operation: ops.MeanVarianceNormalization, site: LayerContext, images: Any) -> Any:
    """A layer of kerasbridge's."""
    options = {name: getattr(operation, name) for name in layers.MeanVarianceNormalization.options}
    return site.layer(layers.MeanVarianceNormalization, images, **options)
