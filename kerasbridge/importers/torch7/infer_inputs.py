"""What a network of Torch7's is fed with: no file says it, but its first modules tell, and what it remembers."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from kerasbridge.importers.ir.ops import Shape
from kerasbridge.importers.torch7.lua_objects import Object, Table, Tensor
from kerasbridge.importers.torch7.nngraph import children_of, inputs_of, nodes_of
from kerasbridge.importers.torch7.ops import Module, NotBrought

Wanted = Any
"""A shape, a list of such things for a table, or None where nothing tells."""

Known = dict[Object, Wanted]

MOST_ASKED = 100
"""Modules and nodes, more than stand before the first that tells."""

IMAGES: Shape = (None, None, None, None)
_OF_IMAGES = frozenset(
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
_OF_ANYTHING = frozenset(
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
_ROWS = frozenset({"Sequential", "SpatialLPPooling"})
_WRAPPERS = frozenset({"DataParallel", "DataParallelTable", "Decorator", "DontCast", "GPU", "Inception", "Profile"})


def wanted(module: Module, known: Known | None = None) -> Wanted:
    """What a module takes, as far as it and those behind it tell.

    Args:
        known: what has been found of others, so that none is asked twice; those that are being asked tell nothing.
    """
    known = {} if known is None else known
    return _asked_once(module.object, known, lambda: _wanted(module, known))


def _asked_once(asked: Object, known: Known, answer: Callable[[], Wanted]) -> Wanted:
    if asked not in known and len(known) < MOST_ASKED:
        known[asked] = None
        known[asked] = answer()
    return known.get(asked)


def _wanted(module: Module, known: Known) -> Wanted:
    if module.kind in _ROWS or module.kind in _WRAPPERS:
        return _of_row(module.parts()[: 1 if module.kind in _WRAPPERS else None], known)
    if module.kind in _BRANCHES:
        return _together(wanted(part, known) for part in module.parts())
    if module.kind == "ParallelTable":
        return [wanted(part, known) for part in module.parts()]
    try:
        return _of_graph(module, known) if module.kind == "gModule" else _of_one(module)
    except NotBrought:
        return None


def _of_row(parts: Iterable[Module], known: Known) -> Wanted:
    """Of modules one after the other: what the first tells, and those behind what leaves channels as they are."""
    found: Wanted = None
    for part in parts:
        found = _fuller(found, wanted(part, known))
        if _is_full(found) or not _leaves_channels(part):
            break
    return found


def _of_graph(module: Module, known: Known) -> Wanted:
    nodes = nodes_of(module)
    by_data = {data: node for node, data in nodes}
    first = nodes[0][0]
    if module.get("nInputs", 1.0) != 1:
        return [_behind(by_data.get(child), by_data, known) for child in inputs_of(first, by_data)]
    return _behind(first, by_data, known)


def _behind(node: Object | None, by_data: dict[Table, Object], known: Known) -> Wanted:
    """What a node takes: what its module tells, and, where that leaves channels as they are, the nodes behind it."""
    return node and _asked_once(node, known, lambda: _of_node(node, by_data, known))


def _of_node(node: Object, by_data: dict[Table, Object], known: Known) -> Wanted:
    inner = node.fields.get("data").get("module")
    module = Module(inner) if isinstance(inner, Object) else None
    found = wanted(module, known) if module else None
    if _is_full(found) or (module and not _leaves_channels(module)):
        return found
    behind = _together(_behind(by_data.get(child), by_data, known) for child in children_of(node))
    return _fuller(found, behind)


def _leaves_channels(module: Module) -> bool:
    return module.kind in _OF_ANYTHING or module.kind in _OF_IMAGES


def _of_one(module: Module) -> Wanted:
    if module.kind in _OF_IMAGES:
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
        return _before_reshaping(module)
    if "Conv" in module.kind or module.kind == "SpatialSubSampling":
        return (None, module.whole("nInputPlane", most=10**7), None, None)
    return None


def _size(module: Module, name: str, dimension: int) -> int | None:
    tensor = module.get(name)
    return tensor.sizes[dimension] if isinstance(tensor, Tensor) and len(tensor.sizes) > dimension else None


def _before_reshaping(module: Module) -> Wanted:
    """What makes one row of numbers takes images, square ones, grey or coloured, if there are; else rows are taken."""
    sizes = [size for size in module.list("size") if size != -1]
    count = math.prod(sizes)
    if len(sizes) < len(module.list("size")) or count < 1:
        return None
    for channels in (1, 3) if len(sizes) == 1 else ():
        side = math.isqrt(count // channels)
        if channels * side * side == count:
            return (None, channels, side, side)
    return (None, count)


def _together(found: Iterable[Wanted]) -> Wanted:
    together: Wanted = None
    for one in found:
        together = _fuller(together, one)
    return together


def _fuller(first: Wanted, second: Wanted) -> Wanted:
    """The one of two that tells more."""
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, list) or isinstance(second, list) or len(first) != len(second):
        return first
    return tuple(a if a is not None else b for a, b in zip(first, second, strict=True))


def _is_full(found: Wanted) -> bool:
    return isinstance(found, tuple) and (len(found) != 4 or found[1] is not None)


def remembered(module: Module, shape: Wanted) -> Shape | None:
    """The shape of what a network was fed with last, where its file keeps it and it goes with what it takes.

    A module's gradInput has the shape of its input; one sample may have been fed without a batch.
    """
    tensor = module.get("gradInput")
    sizes = tensor.sizes if isinstance(tensor, Tensor) else ()
    if shape is None:
        return (None, *sizes[1:]) if len(sizes) > 1 else None
    if isinstance(shape, list):
        return None
    for sample in (sizes[1:], sizes, (1, *sizes[1:]), (1, *sizes)):
        if sample and min(sample) > 0 and _go_together((None, *sample), shape):
            return (None, *sample)
    return None


def _go_together(sample: Shape, shape: Shape) -> bool:
    if len(sample) == len(shape):
        return all(size in (None, found) for size, found in zip(shape, sample, strict=True))
    sizes = [size for size in shape[1:] if size is not None]
    whole = len(sizes) == len(shape) - 1
    return whole and len(sample) in (2, 4) and math.prod(sizes) == math.prod(size or 1 for size in sample[1:])
