"""Elementwise arithmetic of values of the network with each other."""

from collections.abc import Sequence
from typing import Literal

from kerasbridge.importers.ir.ops.elementwise_merge import ElementwiseMerge
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import Tensor

Kind = Literal["sum", "product", "maximum", "minimum"]


def merge(
    context: NodeContext, kind: Kind, tensors: Sequence[Tensor] = (), coefficients: tuple[float, ...] = ()
) -> Tensor:
    """Merge values, by default the first two inputs, in the order of axes that most of them have."""
    tensors = tensors or (context.tensor(0), context.tensor(1))
    if len({tensor.rank for tensor in tensors}) > 1:
        raise Unsupported("has values of different numbers of dimensions")
    orders = [tensor.order for tensor in tensors]
    order = max(orders, key=orders.count)
    operation = ElementwiseMerge(kind, coefficients, broadcast=True)
    return context.emit(operation, *(context.with_order(tensor, order) for tensor in tensors))
