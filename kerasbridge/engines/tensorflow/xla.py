"""The operations that XLA may compute instead of TensorFlow on a CPU: those with the same results up to rounding.

Left out on purpose: operations that raise errors for which XLA returns a number (an index out of range, an assertion),
TensorFlow's own random numbers, which XLA draws differently, and convolutions and pooling, which XLA runs on one thread
inside a loop. The names are those of TensorFlow's kernels.
"""

from collections.abc import Iterator
from typing import Any

ELEMENTWISE = (
    "Abs Add AddN AddV2 Cast Ceil Cos Cosh Div DivNoNan Elu EluGrad Erf Erfc Erfinv Exp Expm1 Floor FloorDiv FloorMod "
    "IsFinite IsInf IsNan LeakyRelu LeakyReluGrad Log Log1p Maximum Minimum Mul MulNoNan Neg Pow RealDiv Reciprocal "
    "ReciprocalGrad Relu Relu6 Relu6Grad ReluGrad Round Rsqrt RsqrtGrad Select SelectV2 Selu SeluGrad Sigmoid "
    "SigmoidGrad Sign Sin Sinh Softplus SoftplusGrad Softsign SoftsignGrad Sqrt SqrtGrad Square SquaredDifference Sub "
    "Tan Tanh TanhGrad TruncateDiv TruncateMod Xdivy Xlog1py Xlogy"
)
LOGICAL = (
    "Bitcast BitwiseAnd BitwiseOr BitwiseXor Equal Greater GreaterEqual Invert LeftShift Less LessEqual LogicalAnd "
    "LogicalNot LogicalOr NotEqual RightShift"
)
REDUCTIONS = (
    "All Any ArgMax ArgMin BiasAdd BiasAddGrad BatchMatMul BatchMatMulV2 Cumsum Einsum L2Loss LogSoftmax MatMul Max "
    "Mean Min Prod Softmax SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits Sum"
)
SHAPES = (
    "BroadcastArgs BroadcastGradientArgs BroadcastTo ConcatOffset ConcatV2 Const ExpandDims Fill Identity IdentityN "
    "InvertPermutation MatrixBandPart NoOp OnesLike Pack Pad PadV2 Placeholder PlaceholderWithDefault PreventGradient "
    "Range Rank Reshape ReverseV2 Shape ShapeN Size Slice Split SplitV Squeeze StopGradient StridedSlice "
    "StridedSliceGrad Tile Transpose Unpack ZerosLike"
)
VARIABLES = (
    "AssignAddVariableOp AssignSubVariableOp AssignVariableOp ReadVariableOp ResourceApplyAdam "
    "ResourceApplyGradientDescent ResourceApplyKerasMomentum VariableShape"
)
CALLS = "Case If PartitionedCall StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile While"
LISTS = (
    "EmptyTensorList TensorListElementShape TensorListFromTensor TensorListGetItem TensorListLength TensorListPopBack "
    "TensorListPushBack TensorListReserve TensorListSetItem TensorListStack"
)
OPERATIONS = frozenset(
    " ".join((ELEMENTWISE, LOGICAL, REDUCTIONS, SHAPES, VARIABLES, CALLS, LISTS)).split(),
)


def computes_the_same(graph: Any) -> bool:
    """Return whether a graph and the functions that it calls have only operations of `OPERATIONS`."""
    return all(node.op in OPERATIONS for node in _nodes(graph.as_graph_def()))


def _nodes(definition: Any) -> Iterator[Any]:
    yield from definition.node
    for function in definition.library.function:
        yield from function.node_def
