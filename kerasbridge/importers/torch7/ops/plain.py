"""Torch7's modules that compute without weights, as operations; nn's Lua files define them."""

import math

from kerasbridge.importers.ir.ops import (
    LRN,
    Activation,
    Clip,
    Dropout,
    GlobalPooling,
    L2Normalize,
    Operation,
    Padding,
    Pooling,
    Power,
    ReplaceValue,
    ScaleShift,
    ShapeError,
    Softmax,
    Upsample,
)
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.ops.base import InputInfo, Module


def max_pooling(module: Module, given: InputInfo) -> list[Operation]:
    """SpatialMaxPooling; that of inn rounds up, as Caffe does."""
    if module.integer("dilationW", 1) > 1 or module.integer("dilationH", 1) > 1:
        raise Unsupported("has a dilation")
    window, stride, padding = _pooling_options(module)
    return [Pooling("max", window, stride, padding, _ceil_mode(module))]


def average_pooling(module: Module, given: InputInfo) -> list[Operation]:
    """SpatialAveragePooling; nn's of old files, without `divide`, gives sums."""
    window, stride, padding = _pooling_options(module)
    counted = module.get("count_include_pad") is not False
    average = Pooling("average", window, stride, padding, _ceil_mode(module), counted)
    if module.type.startswith("nn.") and not module.get("divide"):
        return [average, ScaleShift(float(window[0] * window[1]))]
    return [average]


def _pooling_options(module: Module) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int, int, int]]:
    window, (down, right) = module.pair("k"), module.pair("pad", 0, least=0)
    stride = module.integer("dH", window[0]), module.integer("dW", window[1])
    if 2 * down > window[0] or 2 * right > window[1]:
        raise Unsupported("has padding of more than half its window")
    return window, stride, (down, down, right, right)


def _ceil_mode(module: Module) -> bool:
    return bool(module.get("ceil_mode", module.type.startswith("inn.")))


def adaptive_pooling(module: Module, given: InputInfo) -> list[Operation]:
    """SpatialAdaptiveAveragePooling and SpatialAdaptiveMaxPooling, to one number of each channel."""
    size = module.integer("H"), module.integer("W")
    if size != (1, 1):
        raise Unsupported(f"has windows that make {size[0]} x {size[1]} of images of any size")
    return [GlobalPooling("average" if "Average" in module.type else "max")]


def zero_padding(module: Module, given: InputInfo) -> list[Operation]:
    """SpatialZeroPadding; what is below 0 is cut off."""
    return [Padding(module.sides())]


def edge_padding(module: Module, given: InputInfo) -> list[Operation]:
    """SpatialReflectionPadding and SpatialReplicationPadding."""
    sides = module.sides()
    if min(sides) < 0:
        raise Unsupported(f"has a padding of {min(sides)}")
    return [Padding(sides, "reflection" if "Reflection" in module.type else "edge")]


def shave(module: Module, given: InputInfo) -> list[Operation]:
    """ShaveImage, of fast-neural-style: cuts so many rows and columns off each side."""
    size = -module.integer("size", least=0)
    return [Padding((size, size, size, size))]


def upsampling(module: Module, given: InputInfo) -> list[Operation]:
    """SpatialUpSamplingNearest."""
    factor = module.integer("scale_factor")
    return [Upsample((factor, factor))]


def relu(module: Module, given: InputInfo) -> list[Operation]:
    """ReLU, and Threshold: what is above `threshold` stays, all else becomes `val`."""
    if module.kind == "Threshold":
        return [ReplaceValue(module.number("threshold", 1e-6), module.number("val", 0))]
    return [ReplaceValue(0.0, 0.0)]


def leaky_relu(module: Module, given: InputInfo) -> list[Operation]:
    """LeakyReLU, that of waifu2x, and RReLU, whose slope is the mean of its bounds when it does not train."""
    if module.kind == "RReLU":
        return [Activation("relu", (module.number("lower", 1 / 8) + module.number("upper", 1 / 3)) / 2)]
    name = "negval" if module.kind == "LeakyReLU" else "negative_scale"
    return [Activation("relu", module.number(name, 0.01 if name == "negval" else 0.333))]


def elu(module: Module, given: InputInfo) -> list[Operation]:
    """ELU."""
    return [Activation("elu", module.number("alpha", 1))]


def clip(module: Module, given: InputInfo) -> list[Operation]:
    """HardTanh, Clamp, ReLU6, cudnn's ClippedReLU, and the InplaceClip01 of waifu2x."""
    bounds = {"ReLU6": (0.0, 6.0), "w2nn.InplaceClip01": (0.0, 1.0)}.get(module.kind)
    if module.kind == "ClippedReLU":
        bounds = (0.0, module.number("ceiling"))
    low, high = bounds or (module.number("min_val", -1), module.number("max_val", 1))
    return [Clip(low, high)]


def softplus(module: Module, given: InputInfo) -> list[Operation]:
    """SoftPlus: ``log(1 + exp(beta * x)) / beta``."""
    beta = module.number("beta", 1)
    if beta == 0:
        raise Unsupported("has a beta of 0")
    around: list[list[Operation]] = [[], []] if beta == 1 else [[ScaleShift(beta)], [ScaleShift(1 / beta)]]
    return [*around[0], Activation("softplus"), *around[1]]


def power(module: Module, given: InputInfo) -> list[Operation]:
    """Power, Square, and Sqrt, which may add a number before."""
    if module.kind == "Square":
        return [Power(2.0)]
    if module.kind == "Power":
        return [Power(module.number("pow"))]
    added = module.number("eps", 0)
    return [*([ScaleShift(1.0, added)] if added else []), Power(0.5)]


def constant(module: Module, given: InputInfo) -> list[Operation]:
    """AddConstant and MulConstant."""
    value = module.number("constant_scalar")
    if not math.isfinite(value):
        raise Unsupported(f"has a constant of {value:g}")
    return [ScaleShift(1.0, value) if module.kind == "AddConstant" else ScaleShift(value)]


def dropout(module: Module, given: InputInfo) -> list[Operation]:
    """Dropout and SpatialDropout; those that do not scale while training, as old files', do it otherwise."""
    rate = module.number("p", 0.5)
    if not 0 <= rate < 1:
        raise Unsupported(f"has a p of {rate:g}")
    channels = module.kind == "SpatialDropout"
    if channels and len(given.shape) != 4:
        raise ShapeError("expected images")
    scaled: list[Operation] = [ScaleShift(1 - rate)] if rate and (channels or not module.get("v2")) else []
    return [*scaled, Dropout(rate, channels)]


def softmax(module: Module, given: InputInfo) -> list[Operation]:
    """SoftMax, LogSoftMax, SoftMin, those of images, and those of cudnn."""
    if module.type in ("cudnn.SoftMax", "cudnn.LogSoftMax") and given.dimensions > 2:
        raise Unsupported("has one sum for all of an image")
    if not 1 <= given.dimensions <= 4:
        raise ShapeError("expected one to four dimensions")
    axis = given.axis(1 if given.dimensions in (1, 3) else 2)
    negated: list[Operation] = [ScaleShift(-1.0)] if module.kind == "SoftMin" else []
    return [*negated, Softmax(axis, "Log" in module.kind)]


def lrn(module: Module, given: InputInfo) -> list[Operation]:
    """SpatialCrossMapLRN, and inn's SpatialCrossResponseNormalization: alpha is divided by the size of the window."""
    size = module.integer("size", 5)
    if size % 2 == 0:
        raise Unsupported(f"has a size of {size}")
    k = module.number("K") if module.get("K") is not None else module.number("k", 1)
    alpha, beta = module.number("alpha", 1e-4), module.number("beta", 0.75)
    return [LRN(size, k, alpha / size, beta)]


def normalize(module: Module, given: InputInfo) -> list[Operation]:
    """Normalize."""
    norm = module.number("p")
    if not 0 < norm < math.inf:
        raise Unsupported(f"has a p of {norm:g}")
    return [L2Normalize(norm, module.number("eps", 1e-10))]
