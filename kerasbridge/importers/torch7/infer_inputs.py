"""Infer the input shape of a Torch7 network from its first modules, and from the last input that it stores."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from kerasbridge.importers.ir.ops import Shape
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.lua_objects import Object, Table, Tensor
from kerasbridge.importers.torch7.nngraph import consumers, forward_nodes, input_consumers
from kerasbridge.importers.torch7.ops import Module

InputShape = Any
"""A shape, a list of input shapes for a table, or None if it is unknown."""

Cache = dict[Object, InputShape]

MAX_VISITED = 100
"""The maximum number of modules and nodes that are visited."""

IMAGES: Shape = (None, None, None, None)
_IMAGE_MODULES = frozenset(
    {
        "ShaveImage",
        "SpatialAdaptiveAveragePooling",
        "SpatialAdaptiveMaxPooling",
        "SpatialAveragePooling",
        "SpatialCrossMapLRN",
        "SpatialCrossResponseNormalization",
        "SpatialDilatedMaxPooling",
        "SpatialDropout",
        "SpatialLogSoftMax",
        "SpatialMaxPooling",
        "SpatialReflectionPadding",
        "SpatialReplicationPadding",
        "SpatialSoftMax",
        "SpatialUpSamplingNearest",
        "SpatialZeroPadding",
    }
)
_ELEMENTWISE = frozenset(
    {
        "Abs",
        "AddConstant",
        "Clamp",
        "Contiguous",
        "Convert",
        "Copy",
        "Dropout",
        "ELU",
        "Exp",
        "HardTanh",
        "Identity",
        "LeakyReLU",
        "Log",
        "Mul",
        "MulConstant",
        "Power",
        "ReLU",
        "ReLU6",
        "Sigmoid",
        "Sqrt",
        "Square",
        "Tanh",
        "Threshold",
        "w2nn.InplaceClip01",
        "w2nn.LeakyReLU",
    }
)
_CHANNELS = {"SpatialBatchNormalization": "running_mean", "InstanceNormalization": "weight"}
_BRANCHES = frozenset({"Concat", "ConcatTable", "DepthConcat"})
_SEQUENCES = frozenset({"Sequential", "SpatialLPPooling"})
_WRAPPERS = frozenset({"DataParallel", "DataParallelTable", "Decorator", "DontCast", "GPU", "Inception", "Profile"})


def infer_input(module: Module, known: Cache | None = None) -> InputShape:
    """Infer the input of a module from it and the modules after it.

    Args:
        known: the inputs of modules visited before; None for those that are being visited.
    """
    known = {} if known is None else known
    return _infer_once(module.object, known, lambda: _infer(module, known))


def _infer_once(asked: Object, known: Cache, answer: Callable[[], InputShape]) -> InputShape:
    if asked not in known and len(known) < MAX_VISITED:
        known[asked] = None
        known[asked] = answer()
    return known.get(asked)


def _infer(module: Module, known: Cache) -> InputShape:
    if module.kind in _SEQUENCES or module.kind in _WRAPPERS:
        return _infer_sequence(module.parts()[: 1 if module.kind in _WRAPPERS else None], known)
    if module.kind in _BRANCHES:
        return _combine_all(infer_input(part, known) for part in module.parts())
    if module.kind == "ParallelTable":
        return [infer_input(part, known) for part in module.parts()]
    try:
        return _infer_graph(module, known) if module.kind == "gModule" else _infer_module(module)
    except Unsupported:
        return None


def _infer_sequence(parts: Iterable[Module], known: Cache) -> InputShape:
    """Infer the input of a sequence from its first module, and from those after modules that keep the channels."""
    found: InputShape = None
    for part in parts:
        found = _combine(found, infer_input(part, known))
        if _is_complete(found) or not _keeps_channels(part):
            break
    return found


def _infer_graph(module: Module, known: Cache) -> InputShape:
    nodes = forward_nodes(module)
    by_data = {data: node for node, data in nodes}
    first = nodes[0][0]
    if module.get("nInputs", 1.0) != 1:
        return [_infer_node(by_data.get(child), by_data, known) for child in input_consumers(first, by_data)]
    return _infer_node(first, by_data, known)


def _infer_node(node: Object | None, by_data: dict[Table, Object], known: Cache) -> InputShape:
    """Infer the input of a node from its module and, if that keeps the channels, from the nodes after it."""
    return node and _infer_once(node, known, lambda: _infer_node_uncached(node, by_data, known))


def _infer_node_uncached(node: Object, by_data: dict[Table, Object], known: Cache) -> InputShape:
    inner = node.fields.get("data").get("module")
    module = Module(inner) if isinstance(inner, Object) else None
    found = infer_input(module, known) if module else None
    if _is_complete(found) or (module and not _keeps_channels(module)):
        return found
    behind = _combine_all(_infer_node(by_data.get(child), by_data, known) for child in consumers(node))
    return _combine(found, behind)


def _keeps_channels(module: Module) -> bool:
    return module.kind in _ELEMENTWISE or module.kind in _IMAGE_MODULES


def _infer_module(module: Module) -> InputShape:
    if module.kind in _IMAGE_MODULES:
        return IMAGES
    if module.kind in _CHANNELS:
        return (None, _size(module, _CHANNELS[module.kind], 0), None, None)
    if module.kind in ("Linear", "LinearNoBias"):
        return (None, _size(module, "weight", 1))
    if module.kind == "BatchNormalization":
        return (None, _size(module, "running_mean", 0))
    if module.kind == "LookupTable":
        return (None, None)
    if module.kind in ("View", "Reshape"):
        return _infer_reshape(module)
    if "Conv" in module.kind or module.kind == "SpatialSubSampling":
        return (None, module.integer("nInputPlane", most=10**7), None, None)
    return None


def _size(module: Module, name: str, dimension: int) -> int | None:
    tensor = module.get(name)
    return tensor.sizes[dimension] if isinstance(tensor, Tensor) and len(tensor.sizes) > dimension else None


def _infer_reshape(module: Module) -> InputShape:
    """Infer the input of a flattening: square images in grey or colour if the size allows, else a row of numbers."""
    sizes = [size for size in module.list("size") if size != -1]
    count = math.prod(sizes)
    if len(sizes) < len(module.list("size")) or count < 1:
        return None
    for channels in (1, 3) if len(sizes) == 1 else ():
        side = math.isqrt(count // channels)
        if channels * side * side == count:
            return (None, channels, side, side)
    return (None, count)


def _combine_all(found: Iterable[InputShape]) -> InputShape:
    together: InputShape = None
    for one in found:
        together = _combine(together, one)
    return together


def _combine(first: InputShape, second: InputShape) -> InputShape:
    """Combine the sizes of two shapes; the first one has precedence."""
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, list) or isinstance(second, list) or len(first) != len(second):
        return first
    return tuple(a if a is not None else b for a, b in zip(first, second, strict=True))


def _is_complete(found: InputShape) -> bool:
    return isinstance(found, tuple) and (len(found) != 4 or found[1] is not None)


def last_input(module: Module, shape: InputShape) -> Shape | None:
    """Return the shape of the last input that a network stores, if it is compatible with the inferred shape.

    A module's gradInput has the shape of its input; a single sample may have been passed without a batch.
    """
    tensor = module.get("gradInput")
    sizes = tensor.sizes if isinstance(tensor, Tensor) else ()
    if shape is None:
        return (None, *sizes[1:]) if len(sizes) > 1 else None
    if isinstance(shape, list):
        return None
    for sample in (sizes[1:], sizes, (1, *sizes[1:]), (1, *sizes)):
        if sample and min(sample) > 0 and _is_compatible((None, *sample), shape):
            return (None, *sample)
    return None


def _is_compatible(sample: Shape, shape: Shape) -> bool:
    if len(sample) == len(shape):
        return all(size in (None, found) for size, found in zip(shape, sample, strict=True))
    sizes = [size for size in shape[1:] if size is not None]
    whole = len(sizes) == len(shape) - 1
    return whole and len(sample) in (2, 4) and math.prod(sizes) == math.prod(size or 1 for size in sample[1:])
