"""Operations with weights: convolutions, products with matrices, normalisations by stored statistics, embeddings."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import (
    Array,
    BatchNormalization,
    Convolution,
    Deconvolution,
    Dense,
    Embedding,
    Sides,
)
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import CHANNELS_LAST, NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import SpaceToBatch, SymbolicDim, Tensor
from kerasbridge.importers.tensorflow.variables import VariableHandle

_MAX_ZEROS = 64
"""Rows that a kernel is made longer by, where a transposed convolution moves further than it reaches."""


def convolution(call: NodeContext) -> Any:
    """Conv2D: weights (height, width, in / groups, out)."""
    kernel = call.weights(1, 4).transpose(3, 2, 0, 1)
    if isinstance(call.inputs[0], SpaceToBatch):
        return _convolve_blocks(call, kernel, 1)
    images = call.images()
    channels = images.shape[1] or kernel.shape[1]
    if channels % kernel.shape[1]:
        raise Unsupported(f"has weights for {kernel.shape[1]} channels, where there are {channels}")
    return _convolve(call, images, kernel, channels // kernel.shape[1])


def depthwise(call: NodeContext) -> Any:
    """DepthwiseConv2dNative: weights (height, width, in, out / in)."""
    weights = call.weights(1, 4)
    kernel = weights.transpose(2, 3, 0, 1).reshape(-1, 1, *weights.shape[:2])
    if isinstance(call.inputs[0], SpaceToBatch):
        return _convolve_blocks(call, kernel, weights.shape[2])
    return _convolve(call, call.images(), kernel, weights.shape[2])


def _convolve(call: NodeContext, images: Tensor, kernel: Array, groups: int) -> Tensor:
    stride, dilation = call.spatial_pair("strides"), call.spatial_pair("dilations")
    same, sides = padding(call)
    kernel = np.ascontiguousarray(kernel)
    return call.emit(Convolution(kernel, None, stride, sides, dilation, groups, same), images, order=call.image_order)


def padding(call: NodeContext) -> tuple[bool, Sides]:
    """Return whether it is "SAME", and the padding if it is explicit."""
    kind = call.text("padding", "VALID")
    if kind in ("SAME", "VALID"):
        return kind == "SAME", (0, 0, 0, 0)
    found = call.integers("explicit_paddings")
    if kind != "EXPLICIT" or len(found) != 8 or not 0 <= min(found) <= max(found) <= 2**16:
        raise Unsupported(f"has a padding {kind} {list(found)}")
    by_axis = {axis: found[2 * place : 2 * place + 2] for place, axis in enumerate(call.image_order)}
    if any((*by_axis[0], *by_axis[1])):
        raise Unsupported("has padding of the batch or the channels")
    return False, (*by_axis[2], *by_axis[3])  # type: ignore[return-value]


def _convolve_blocks(call: NodeContext, kernel: Array, groups: int) -> SpaceToBatch:
    """A convolution between SpaceToBatchND and BatchToSpaceND: dilated, once it is known what is cut off."""
    space_to_batch = call.inputs[0]
    plain = call.text("padding") == "VALID" and call.spatial_pair("strides") == (1, 1)
    if not plain or space_to_batch.kernel is not None or call.image_order != CHANNELS_LAST:
        raise Unsupported("has a stride or padding between SpaceToBatchND and BatchToSpaceND")
    groups = (space_to_batch.tensor.shape[1] or 1) // kernel.shape[1] if groups == 1 else groups
    return SpaceToBatch(
        space_to_batch.tensor,
        space_to_batch.rates,
        space_to_batch.before,
        space_to_batch.after,
        np.ascontiguousarray(kernel),
        groups,
        call,
    )


def space_to_batch(call: NodeContext) -> SpaceToBatch:
    """SpaceToBatchND: the beginning of a dilated convolution."""
    images = call.tensor()
    rates, sides = call.constant_ints(1), call.constant_dims(2)
    if images.rank != 4 or len(rates) != 2 or len(sides) != 4 or min(rates) < 1:
        raise Unsupported("has blocks that are not of height and width")
    return SpaceToBatch(
        call.with_order(images, CHANNELS_LAST), (rates[0], rates[1]), (sides[0], sides[2]), (sides[1], sides[3])
    )


def batch_to_space(call: NodeContext) -> Tensor:
    """BatchToSpaceND: the end of a dilated convolution."""
    value = call.inputs[0]
    if not isinstance(value, SpaceToBatch) or value.kernel is None or tuple(call.constant_ints(1)) != value.rates:
        raise Unsupported("has no convolution and SpaceToBatchND before it")
    cuts = call.constant_dims(2)
    sides: list[int] = []
    for axis, rate in enumerate(value.rates):
        total = rate * (value.kernel.shape[2 + axis] - 1)
        first, last = _dilated_padding(value.before[axis], value.after[axis], cuts[2 * axis : 2 * axis + 2], total)
        sides += [first, last]
    operation = Convolution(value.kernel, None, padding=tuple(sides), dilation=value.rates, groups=value.groups)  # type: ignore[arg-type]
    result: Tensor = value.node.emit(operation, value.tensor, order=CHANNELS_LAST)
    return result


def _dilated_padding(before: Any, after: Any, cut: list[Any], total: int) -> tuple[int, int]:
    """The padding that is left when what only fills blocks is cut off again; "SAME" or none where sizes are open."""
    if isinstance(before, SymbolicDim) or isinstance(cut[0], SymbolicDim) or cut[0]:
        raise Unsupported("has rows that are cut off before the first")
    if isinstance(after, SymbolicDim) or isinstance(cut[1], SymbolicDim):
        if before not in (0, total // 2):
            raise Unsupported("has padding that is neither SAME nor VALID")
        return (before, total - before) if before else (0, 0)
    if not 0 <= before <= 2**16 or not 0 <= after - cut[1] <= 2**16:
        raise Unsupported("has a padding below 0")
    return before, after - cut[1]


def deconvolution(call: NodeContext) -> Tensor:
    """Conv2DBackpropInput: weights (height, width, out, in); the size of what comes out is an input."""
    kernel = call.weights(1, 4).transpose(3, 2, 0, 1)
    images = call.with_order(call.tensor(2), call.image_order)
    stride, dilation = call.spatial_pair("strides"), call.spatial_pair("dilations")
    same, sides = padding(call)
    wanted = dict(zip(call.image_order, call.constant_dims(0), strict=True))
    crops: list[int] = []
    for axis in (0, 1):
        size = call.symbolic_shape(images)[call.image_order.index(2 + axis)]
        if dilation[axis] == 1:
            more = _missing_rows(size, wanted[2 + axis], kernel.shape[2 + axis], stride[axis])
            kernel = np.pad(kernel, [(0, more if place == 2 + axis else 0) for place in range(4)])
        options = kernel.shape[2 + axis], stride[axis], dilation[axis], same, sides[2 * axis]
        crops += _crops(size, wanted[2 + axis], *options)
    operation = Deconvolution(kernel, None, stride, tuple(crops), dilation)  # type: ignore[arg-type]
    return call.emit(operation, images, order=call.image_order)


def _full_size(size: Any, kernel: int, stride: int, rate: int) -> Any:
    """Return the number of rows before cropping."""
    return (size - 1) * stride + rate * (kernel - 1) + 1


def _missing_rows(size: Any, wanted: Any, kernel: int, stride: int) -> int:
    """Return the number of zero rows to add after those that the kernel reaches."""
    more = wanted - _full_size(size, kernel, stride, 1)
    if isinstance(more, SymbolicDim):
        more = max(stride - kernel, 0)
    if more > _MAX_ZEROS:
        raise Unsupported(f"has a stride of {stride} with a kernel of {kernel}")
    return int(more) if 0 < more < stride else 0


def _crops(size: Any, wanted: Any, kernel: int, stride: int, rate: int, same: bool, before: int) -> list[int]:
    """Return the rows to crop before and after; for unknown sizes, as many as leave `stride` times the input."""
    total = _full_size(size, kernel, stride, rate) - wanted
    if isinstance(total, SymbolicDim):
        total = rate * (kernel - 1) + 1 - stride if same else 0
    if not 0 <= total <= 2**16:
        raise Unsupported(f"has an output of {wanted} rows or columns, which its input does not give")
    first = total // 2 if same else before
    return [int(first), int(total - first)]


def matmul(call: NodeContext) -> Tensor:
    """MatMul, with a matrix that is known."""
    if isinstance(call.inputs[0], np.ndarray) or call.flag("transpose_a") or call.flag("adj_x"):
        raise Unsupported("has a matrix before what is fed to the model")
    weights, tensor = call.constant(1), call.tensor()
    if weights.ndim > 2 and all(size == 1 for size in weights.shape[:-2]):
        weights = weights.reshape(weights.shape[-2:])
    if weights.ndim != 2 or weights.dtype == object or not weights.size:
        raise Unsupported(f"has a matrix of shape {weights.shape}")
    turned = call.flag("transpose_b") or call.flag("adj_y")
    weights = np.ascontiguousarray(weights if turned else weights.T, np.float32)
    tensor = call.with_graph_order(tensor)
    return call.emit(Dense(weights, None, tensor.rank - 1), tensor)


def batch_normalization(call: NodeContext) -> list[Any]:
    """FusedBatchNorm, V2, V3: scale, offset, mean, variance; not by the statistics of a batch."""
    if call.flag("is_training", True):
        raise Unsupported("has the statistics of each batch, as in training: export the model for use")
    scale, offset, mean, variance = (call.weights(place, 1) for place in range(1, 5))
    images = call.images()
    operation = BatchNormalization(mean, variance, scale, offset, call.number("epsilon", 1e-4), 0.99)
    return [call.emit(operation, images, order=call.image_order), mean, variance, mean, variance]


def batch_norm_with_global_normalization(call: NodeContext) -> Tensor:
    """BatchNormWithGlobalNormalization: mean, variance, beta, gamma."""
    mean, variance, beta, gamma = (call.weights(place, 1) for place in range(1, 5))
    scaled = gamma if call.flag("scale_after_normalization") else None
    epsilon = call.number("variance_epsilon", 1e-3)
    return call.emit(BatchNormalization(mean, variance, scaled, beta, epsilon, 0.99), call.images())


def embedding(call: NodeContext) -> Tensor:
    """GatherV2, Gather, ResourceGather: rows of weights, by whole numbers that are fed."""
    value = call.inputs[0]
    weights = call.state.variables.read(value.node) if isinstance(value, VariableHandle) else call.constant(0)
    if weights.ndim != 2 or weights.dtype == object or call.integer("batch_dims", 0):
        raise Unsupported(f"has weights of shape {weights.shape}, where rows are expected")
    if len(call.inputs) > 2 and call.axis(2, 2) != 0:
        raise Unsupported("has columns that are chosen by what is fed")
    return call.emit(
        Embedding(np.ascontiguousarray(weights, np.float32)), call.with_graph_order(call.tensor(1)), order=()
    )


WEIGHTED: dict[str, Callable[[NodeContext], Any]] = {
    "BatchMatMul": matmul,
    "BatchMatMulV2": matmul,
    "BatchMatMulV3": matmul,
    "BatchNormWithGlobalNormalization": batch_norm_with_global_normalization,
    "BatchToSpaceND": batch_to_space,
    "Conv2D": convolution,
    "Conv2DBackpropInput": deconvolution,
    "DepthwiseConv2dNative": depthwise,
    "FusedBatchNorm": batch_normalization,
    "FusedBatchNormV2": batch_normalization,
    "FusedBatchNormV3": batch_normalization,
    "Gather": embedding,
    "GatherV2": embedding,
    "MatMul": matmul,
    "ResourceGather": embedding,
    "SpaceToBatchND": space_to_batch,
}
"""By the name of an operation what it is in the network."""
