"""The number of dimensions of the values of a graph, inferred without executing it."""

from dataclasses import dataclass, field

import numpy as np

from kerasbridge.importers.tensorflow import placeholders, tensors
from kerasbridge.importers.tensorflow.graphdef import Graph, Node

REDUCTIONS = frozenset({"All", "Any", "Max", "Mean", "Min", "Prod", "Sum"})
"""Operations that reduce axes, which their second input gives."""

_FIXED = {
    **dict.fromkeys(("AvgPool", "Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "LRN", "MaxPool"), 4),
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "MaxPoolV2"), 4),
    **dict.fromkeys(("ResizeArea", "ResizeBicubic", "ResizeBilinear", "ResizeNearestNeighbor"), 4),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth", "BatchToSpaceND", "SpaceToBatchND"), 4),
    **dict.fromkeys(("MatMul", "SparseMatMul"), 2),
    **dict.fromkeys(("InTopK", "InTopKV2", "Range", "Shape", "Where"), 1),
    **dict.fromkeys(("SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"), 1),
    **dict.fromkeys(("L2Loss", "Rank", "Size"), 0),
}
_FIRST = {"Bucketize", "Cumprod", "Cumsum", "MirrorPad", "Pad", "PadV2", "Reverse", "ReverseV2", "Slice", "SplitV"}
_FIRST |= {"BiasAdd", "Enter", "Exit", "LoopCond", "Roll", "Tile", "TopK", "TopKV2", "Transpose", "Switch"}
_ELEMENTWISE = placeholders.IDENTITY_OPS | {
    *("Abs", "Add", "AddN", "AddV2", "BatchMatMul", "BatchMatMulV2", "Ceil", "ClipByValue", "Cos", "Div", "DivNoNan"),
    *("Elu", "Equal", "Erf", "Erfc", "Exp", "Expm1", "Floor", "FloorDiv", "FloorMod", "Greater", "GreaterEqual"),
    *("IsFinite", "IsNan", "LeakyRelu", "Less", "LessEqual", "Log", "Log1p", "LogSoftmax", "LogicalAnd", "LogicalNot"),
    *("LogicalOr", "Maximum", "Merge", "Minimum", "Mod", "Mul", "MulNoNan", "Neg", "NotEqual", "OnesLike", "Pow"),
    *("RealDiv", "Reciprocal", "Relu", "Relu6", "Round", "Rsqrt", "Select", "SelectV2", "Selu", "Sigmoid", "Sign"),
    *("Sin", "Softmax", "Softplus", "Softsign", "Sqrt", "Square", "SquaredDifference", "Sub", "Tan", "Tanh"),
    *("TruncateDiv", "Xdivy", "Xlogy", "ZerosLike", "SigmoidCrossEntropyWithLogits"),
}


@dataclass
class Ranks:
    """The number of dimensions of the first output of each node of a graph; None where it is unknown."""

    graph: Graph
    _known: dict[str, int | None] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int | None:
        order = [name] if name in self._known else self._unknown_ancestors(name)
        for node in order:
            if node not in self._known:
                self._known[node] = self._infer(self.graph.nodes[node])
        return self._known[name]

    def _unknown_ancestors(self, name: str) -> list[str]:
        """Return a node and those that it depends on, inputs first; a loop is entered once."""
        seen, ordered, stack = {name}, [], [(name, False)]
        while stack:
            current, leaving = stack.pop()
            if leaving:
                ordered.append(current)
                continue
            stack.append((current, True))
            for source, _ in self.graph.nodes[current].inputs:
                if source in self.graph.nodes and source not in seen and source not in self._known:
                    seen.add(source)
                    stack.append((source, False))
        return ordered

    def _infer(self, node: Node) -> int | None:
        shapes = node.attributes.get("_output_shapes")
        if shapes is not None and shapes.list.shape and not shapes.list.shape[0].unknown_rank:
            return len(shapes.list.shape[0].dim)
        if node.op in _FIXED:
            return _FIXED[node.op]
        if node.op in _FIRST:
            return self._input(node, 0)
        if node.op in _ELEMENTWISE:
            return self._largest(node, range(len(node.inputs)))
        if node.op in REDUCTIONS:
            return self._after_reduction(node)
        return self._after_reordering(node)

    def _after_reduction(self, node: Node) -> int | None:
        rank, axes = self._input(node, 0), reduced_axes(self.graph, node)
        if any(option in node.attributes and node.attributes[option].b for option in ("keep_dims", "keepdims")):
            return rank
        if axes == "all":
            return 0
        return None if rank is None or axes is None else max(rank - len({axis % rank for axis in axes if rank}), 0)

    def _after_reordering(self, node: Node) -> int | None:
        rank = self._input(node, 0)
        match node.op:
            case "Const":
                return len(node.attributes["value"].tensor.tensor_shape.dim) if "value" in node.attributes else None
            case "Reshape":
                return self._entries(node, 1)
            case "Fill" | "RandomUniform" | "RandomStandardNormal" | "TruncatedNormal" | "BroadcastTo":
                return self._entries(node, 1 if node.op == "BroadcastTo" else 0)
            case "Squeeze":
                removed = node.attributes["squeeze_dims"].list.i if "squeeze_dims" in node.attributes else ()
                return None if rank is None or not removed else rank - len(removed)
            case "ExpandDims" | "Pack" | "OneHot":
                return None if rank is None else rank + 1
            case "Unpack" | "ArgMax" | "ArgMin":
                return None if rank is None else rank - 1
            case "Concat" | "ConcatV2":
                return self._largest(
                    node, range(1, len(node.inputs)) if node.op == "Concat" else range(len(node.inputs) - 1)
                )
            case "Split":
                return self._input(node, 1)
            case "Gather" | "GatherV2" | "ResourceGather":
                chosen = self._input(node, 1)
                return None if rank is None or chosen is None else rank - 1 + chosen
            case "StridedSlice":
                masks = [node.attributes[name].i if name in node.attributes else 0 for name in _SLICE_MASKS]
                return None if rank is None else rank + masks[0].bit_count() - masks[1].bit_count()
        return self._declared(node)

    def _declared(self, node: Node) -> int | None:
        """Return the rank of a placeholder or variable."""
        if node.op == "ReadVariableOp":
            return self._input(node, 0)
        if "shape" in node.attributes:
            shape = node.attributes["shape"].shape
            if not shape.unknown_rank and (shape.dim or not node.op.startswith("Placeholder")):
                return len(shape.dim)
        sizes = placeholders.input_shape(self.graph, node) if node.op.startswith("Placeholder") else None
        return None if sizes is None else len(sizes)

    def _entries(self, node: Node, place: int) -> int | None:
        """Return the number of entries of an input that is a shape."""
        shape = self.graph.nodes.get(node.inputs[place][0])
        if shape is None:
            return None
        if shape.op == "Const" and "value" in shape.attributes:
            return int(np.size(tensors.parse_tensor(shape.attributes["value"].tensor)))
        if shape.op == "Pack":
            return len(shape.inputs)
        return self._input(shape, 0) if shape.op == "Shape" else None

    def _input(self, node: Node, place: int) -> int | None:
        return self._known.get(node.inputs[place][0]) if place < len(node.inputs) else None

    def _largest(self, node: Node, places: range) -> int | None:
        ranks = [self._input(node, place) for place in places]
        if node.op == "Merge":
            ranks = [rank for rank in ranks if rank is not None]
        return None if not ranks or None in ranks else max(rank for rank in ranks if rank is not None)


_SLICE_MASKS = ("new_axis_mask", "shrink_axis_mask")


def reduced_axes(graph: Graph, node: Node) -> tuple[int, ...] | str | None:
    """Return the axes that a reduction reduces: "all" of them, or None if they are not constant."""
    axes = graph.nodes.get(node.inputs[1][0]) if len(node.inputs) > 1 else None
    if axes is None or axes.op != "Const" or "value" not in axes.attributes:
        return "all" if axes is not None and axes.op == "Range" else None
    return tuple(int(axis) for axis in np.ravel(tensors.parse_tensor(axes.attributes["value"].tensor)))
