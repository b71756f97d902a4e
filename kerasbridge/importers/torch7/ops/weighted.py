"""Torch7's modules with weights, as operations; nn's Lua files define them of the same names."""

import numpy as np

from kerasbridge.importers.ir.ops import (
    Affine,
    Array,
    BatchNormalization,
    Convolution,
    Deconvolution,
    Dense,
    Embedding,
    InstanceNormalization,
    Operation,
    Padding,
    Pooling,
    PRelu,
    ShapeError,
)
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.ops.base import InputInfo, Module

MAX_CHANNELS = 10**7


def convolution(module: Module, given: InputInfo) -> list[Operation]:
    """SpatialConvolution and its MM, SpatialDilatedConvolution: weights (out, in / groups, kH, kW), not flipped."""
    filters, channels = num_channels(module, "nOutputPlane"), num_channels(module, "nInputPlane")
    groups, kernel = module.integer("groups", 1, most=MAX_CHANNELS), module.pair("k")
    if channels % groups or filters % groups:
        raise Unsupported(f"has {groups} groups of {channels} channels")
    down, right = _padding(module)
    return [
        Convolution(
            module.weight("weight", (filters, channels // groups, *kernel)),
            bias(module, filters),
            stride=module.pair("d", 1),
            padding=(down, down, right, right),
            dilation=(module.integer("dilationH", 1), module.integer("dilationW", 1)),
            groups=groups,
        )
    ]


def _padding(module: Module) -> tuple[int, int]:
    """In old files one number for both sides."""
    if module.get("padding") is not None:
        return (module.integer("padding", least=0),) * 2
    return module.pair("pad", 0, least=0)


def mapped_convolution(module: Module, given: InputInfo) -> list[Operation]:
    """SpatialConvolutionMap: a kernel for each pair of channels in a table; all others are 0."""
    filters, channels = num_channels(module, "nOutputPlane"), num_channels(module, "nInputPlane")
    table = module.weight("connTable")
    pairs = table.reshape(-1, 2).astype(int) - 1 if table.ndim == 2 else np.full((1, 2), -1)
    kernels = module.weight("weight", (len(pairs), *module.pair("k")))
    cells = kernels.shape[1] * kernels.shape[2]
    if (pairs < 0).any() or (pairs >= (channels, filters)).any() or filters * channels * cells > MAX_CHANNELS:
        raise Unsupported("has a connTable of channels that it has not")
    weight = np.zeros((filters, channels, *kernels.shape[1:]), np.float32)
    np.add.at(weight, (pairs[:, 1], pairs[:, 0]), kernels)
    return [Convolution(weight, bias(module, filters), stride=module.pair("d", 1))]


def deconvolution(module: Module, given: InputInfo) -> list[Operation]:
    """SpatialFullConvolution: (in, out, kH, kW); adjW and adjH are further rows and columns behind."""
    filters, channels = num_channels(module, "nOutputPlane"), num_channels(module, "nInputPlane")
    weight = module.weight("weight", (channels, filters, *module.pair("k")))
    (down, right), more = module.pair("pad", 0, least=0), module.pair("adj", 0, least=0)
    behind, beyond = (down - more[0], right - more[1]), (max(more[0] - down, 0), max(more[1] - right, 0))
    cropping = (down, max(behind[0], 0), right, max(behind[1], 0))
    stride, added = module.pair("d", 1), bias(module, filters)
    if not any(beyond):
        return [Deconvolution(weight, added, stride, cropping)]
    after: list[Operation] = [Padding((0, beyond[0], 0, beyond[1]))]
    after += [] if added is None else [Affine(None, added)]
    return [Deconvolution(weight, None, stride, cropping), *after]


def linear(module: Module, given: InputInfo) -> list[Operation]:
    """Linear: (out, in), of rows of numbers."""
    weight = module.weight("weight")
    if weight.ndim != 2 or not weight.size:
        raise Unsupported(f"has a weight of shape {weight.shape}")
    if given.dimensions > 2 or len(given.shape) < 2:
        raise ShapeError("expected rows of numbers")
    return [Dense(weight, bias(module, len(weight)), len(given.shape) - 1)]


def bias(module: Module, size: int) -> Array | None:
    """Its bias, if it has one."""
    return module.optional("bias", (size,))


def num_channels(module: Module, name: str) -> int:
    """A number of channels."""
    return module.integer(name, most=MAX_CHANNELS)


def batch_normalization(module: Module, given: InputInfo) -> list[Operation]:
    """BatchNormalization and SpatialBatchNormalization; old files keep 1 / sqrt(variance + eps) as running_std."""
    epsilon, mean = module.number("eps", 1e-5), module.weight("running_mean")
    variance = module.optional("running_var", mean.shape)
    if variance is None:
        variance = (module.weight("running_std", mean.shape).astype(float) ** -2 - epsilon).astype(np.float32)
    weight, shift = module.optional("weight", mean.shape), module.optional("bias", mean.shape)
    momentum = 1 - min(max(module.number("momentum", 0.1), 0.0), 1.0)
    return [BatchNormalization(mean.ravel(), variance.ravel(), weight, shift, epsilon, momentum)]


def instance_normalization(module: Module, given: InputInfo) -> list[Operation]:
    """InstanceNormalization, of texture_nets and fast-neural-style."""
    channels = num_channels(module, "nOutput")
    weight, shift = (module.optional(name, (channels,)) for name in ("weight", "bias"))
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    return [
        InstanceNormalization(
            ones if weight is None else weight, zeros if shift is None else shift, module.number("eps", 1e-5)
        )
    ]


def prelu(module: Module, given: InputInfo) -> list[Operation]:
    """PReLU: a slope for each channel, or one for all where nOutputPlane is 0."""
    channels = module.integer("nOutputPlane", 0, least=0, most=MAX_CHANNELS)
    return [PRelu(module.weight("weight", (channels,) if channels else ()))]


def lookup(module: Module, given: InputInfo) -> list[Operation]:
    """LookupTable: words count from 1, so that a row of zeros is put before the others."""
    weight = module.weight("weight")
    if weight.ndim != 2:
        raise Unsupported(f"has a weight of shape {weight.shape}")
    return [Embedding(np.concatenate([np.zeros_like(weight[:1]), weight]))]


def subsampling(module: Module, given: InputInfo) -> list[Operation]:
    """SpatialSubSampling: the sum of each window, times a weight of its channel, and a bias."""
    channels, window = num_channels(module, "nInputPlane"), module.pair("k")
    weight = module.weight("weight", (channels,)) * np.float32(window[0] * window[1])
    return [Pooling("average", window, module.pair("d", 1)), Affine(weight, bias(module, channels))]


def add(module: Module, given: InputInfo) -> list[Operation]:
    """Add: a number for each of a sample, or one for all."""
    if module.get("scalar"):
        return [Affine(None, module.weight("bias").reshape(-1)[:1].reshape(()))]
    return [Affine(None, _broadcast_weight(module, "bias", given)[0])]


def mul(module: Module, given: InputInfo) -> list[Operation]:
    """Mul: one factor."""
    return [Affine(module.weight("weight", (1,)).reshape(()), None)]


def cmul(module: Module, given: InputInfo) -> list[Operation]:
    """CMul: factors of a sample's numbers; those of size 1 stand for all along their axis."""
    weight, axis = _broadcast_weight(module, "weight", given)
    return [Affine(weight, None, axis)]


def cadd(module: Module, given: InputInfo) -> list[Operation]:
    """CAdd: as CMul, added."""
    weight, axis = _broadcast_weight(module, "bias", given)
    return [Affine(None, weight, axis)]


def _broadcast_weight(module: Module, name: str, given: InputInfo) -> tuple[Array, int]:
    """Weights without the axes that they have one place of, and the axis that they begin at."""
    weight, rank = module.weight(name), len(given.shape)
    if weight.size == 1:
        return weight.reshape(()), 1
    shape = weight.shape if weight.ndim == given.dimensions else (1,) * given.batched + weight.shape
    shape = (*(1,) * (rank - len(shape)), *shape)
    if len(shape) != rank or shape[0] != 1:
        sizes = given.shape[1:]
        if None in sizes or np.prod(sizes) != weight.size:  # type: ignore[arg-type]
            raise ShapeError(f"its weights have the shape {weight.shape}")
        shape = (1, *sizes)
    axes = [axis for axis, size in enumerate(shape) if size != 1]
    spanned = shape[axes[0] : axes[-1] + 1]
    if 1 in spanned:
        raise Unsupported(f"has weights of shape {weight.shape}")
    return weight.reshape(spanned), axes[0]
