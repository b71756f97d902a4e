"""Find the placeholders that are inputs of a network, with their shapes and the axis order of images.

Shapes and orders are those that the first readers require, so graphs are passed with their functions inlined.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kerasbridge.files.budget import spend
from kerasbridge.importers.tensorflow import tensors
from kerasbridge.importers.tensorflow.graphdef import Graph, Node
from kerasbridge.importers.tensorflow.node_context import CHANNELS_FIRST, CHANNELS_LAST

IDENTITY_OPS = frozenset(
    {
        "Cast",
        "CheckNumerics",
        "EnsureShape",
        "Identity",
        "PlaceholderWithDefault",
        "Snapshot",
        "StopGradient",
    }
)
"""Operations that return their input."""

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault", "PlaceholderWithDefaultV2")
_ELEMENTWISE = IDENTITY_OPS | {
    *("Sub", "Add", "AddV2", "Mul", "RealDiv", "Div", "BiasAdd", "Maximum", "Minimum", "Pow", "ClipByValue"),
    *("Abs", "Elu", "Exp", "LeakyRelu", "Log", "Neg", "Relu", "Relu6", "Selu", "Sigmoid", "Sqrt", "Square", "Tanh"),
}
_CONVOLUTIONS = {"Conv2D", "DepthwiseConv2dNative"}

_STORED = ("Const", "Variable", "VariableV2", "VarHandleOp")
"""Operations whose value is stored in the graph or its checkpoint."""

_SHAPES = ("output_shapes", "_output_shapes")
"""Options with the shapes of all outputs of a node."""

Sizes = tuple[int | None, ...]


def find_placeholders(graph: Graph) -> list[Node]:
    """Return the placeholders of batches: not those of one number, or of a switch for training."""
    return [node for node in graph.nodes.values() if node.op in _PLACEHOLDERS and input_shape(graph, node)]


def input_shape(graph: Graph, node: Node, info: Any = None, output: int = 0) -> Sizes | None:
    """Return the shape of a placeholder, with None for unknown sizes; None if it does not take batches.

    Args:
        info: a TensorInfo, of a signature.
        output: which output of the node, if it is another one than a placeholder.
    """
    own_dtype = node.attributes["dtype"].type if "dtype" in node.attributes else 1
    dtype = tensors.base_dtype(own_dtype if info is None else info.dtype)
    if dtype not in tensors.DTYPES or dtype == tensors.BOOL:
        return None
    for message in (info.tensor_shape if info is not None else None, _declared_shape(node, output)):
        if message is not None and not message.unknown_rank and (message.dim or info is not None):
            sizes = tuple(None if dim.size < 0 else int(dim.size) for dim in message.dim)
            return _with_channels(graph, node, sizes) if 0 < len(sizes) <= 5 else None
    return None if node.op.startswith("PlaceholderWithDefault") else _infer_shape(graph, node)


def _declared_shape(node: Node, output: int = 0) -> Any:
    if "shape" in node.attributes:
        return node.attributes["shape"].shape
    shapes = next((node.attributes[name].list.shape for name in _SHAPES if name in node.attributes), ())
    return shapes[output] if output < len(shapes) else None


def _with_channels(graph: Graph, node: Node, sizes: Sizes) -> Sizes:
    """Return the sizes, with the channels that the first weights require if they are unknown."""
    if len(sizes) == 4 and sizes[3] is None and axis_order(graph, node) == CHANNELS_LAST:
        inferred = _infer_shape(graph, node)
        return (*sizes[:3], inferred[3]) if inferred is not None and len(inferred) == 4 else sizes
    return sizes


def _infer_shape(graph: Graph, node: Node) -> Sizes | None:
    """Return the shape that the first consumer with known weights requires."""
    for reader, place in _consumers(graph, node):
        weights = _weight_shape(graph, reader)
        if reader.op in _CONVOLUTIONS and weights is not None and len(weights) == 4 and place == 0:
            return (None, None, None, weights[2])
        if reader.op == "MatMul" and weights is not None and len(weights) == 2 and place == 0:
            transposed = "transpose_b" in reader.attributes and reader.attributes["transpose_b"].b
            return (None, weights[1 if transposed else 0])
        if reader.op == "Reshape" and place == 0:
            shape = _constant(graph, reader.inputs[1][0])
            if shape is not None and shape.ndim == 1 and shape.size > 1 and min(shape[1:]) > 0:
                return (None, int(np.prod(shape[1:])))
    return None


def axis_order(graph: Graph, node: Node) -> tuple[int, ...]:
    """Return the order of the axes of images that are fed to a node."""
    for reader, _ in _consumers(graph, node):
        if "data_format" in reader.attributes:
            return CHANNELS_FIRST if reader.attributes["data_format"].s == b"NCHW" else CHANNELS_LAST
        if reader.op == "Transpose":
            order = _constant(graph, reader.inputs[1][0])
            if order is not None and order.tolist() == [0, 2, 3, 1]:
                return CHANNELS_FIRST
    return CHANNELS_LAST


def _consumers(graph: Graph, node: Node) -> Iterator[tuple[Node, int]]:
    """Yield the consumers of a node, elementwise operations skipped, with the index of the input."""
    queue, visited = [node.name], {node.name}
    while queue:
        spend(steps=1)
        name = queue.pop(0)
        for reader in graph.consumers(name):
            place = next(place for place, (read, _) in enumerate(reader.inputs) if read == name)
            yield reader, place
            padded = place == 0 and reader.op in ("Pad", "PadV2", "MirrorPad")
            # A second operand of data is a factor of it, such as what a dropout keeps, and has a shape of its own.
            follows = place == 0 or _source_op(graph, reader.inputs[0][0]) in _STORED
            elementwise = reader.op in _ELEMENTWISE and follows
            if (elementwise or padded) and reader.name not in visited:
                visited.add(reader.name)
                queue.append(reader.name)


def _weight_shape(graph: Graph, node: Node) -> Sizes | None:
    """Return the shape of a node's second input, if it is a constant or a variable."""
    if len(node.inputs) < 2:
        return None
    source = _source(graph, node.inputs[1][0])
    if source is None:
        return None
    value = source.attributes.get("value")
    message = value.tensor.tensor_shape if value is not None else _declared_shape(source)
    return None if message is None else tuple(int(dim.size) for dim in message.dim)


def _source(graph: Graph, name: str) -> Node | None:
    """Return the node whose value a node passes on."""
    source = graph.nodes.get(name)
    while source is not None and source.op in (*IDENTITY_OPS, "ReadVariableOp") and source.inputs:
        spend(steps=1)  # nodes that read each other never end
        source = graph.nodes.get(source.inputs[0][0])
    return source


def _source_op(graph: Graph, name: str) -> str:
    source = _source(graph, name)
    return "" if source is None else source.op


def _constant(graph: Graph, name: str) -> Any:
    node = graph.nodes.get(name)
    if node is None or node.op != "Const" or "value" not in node.attributes:
        return None
    array = tensors.parse_tensor(node.attributes["value"].tensor)
    return array if array.dtype.kind in "iu" else None
