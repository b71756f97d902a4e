"""Selection by bits in a traced graph on a CPU: `where` branches at each element, wrongly for random masks."""

from collections.abc import Mapping

import torch
from torch.fx import Graph, Node

from kerasbridge.engines.torch.passes import ATEN, layout_of
from kerasbridge.engines.torch.recorder import LAYOUT

MIN_SIZE = 1024
"""Elements of a selection for which three operations take less time than one."""


def select_by_bits(graph: Graph, constants: Mapping[Node, torch.Tensor]) -> None:
    """Replace ``where(keep, x, 0.0)``, as of dropout, by the same bits of `x`, or no one, of `x` as whole numbers.

    Args:
        graph: the graph.
        constants: the values of its inputs that are constants.
    """
    masks: dict[Node, Node] = {}
    for node in list(graph.nodes):
        if node.target is ATEN.where.self and _is_selection(node, constants):
            keep, x, _ = node.args
            with graph.inserting_before(node):
                if keep not in masks:
                    flags = _add(graph, node, ATEN._to_copy.default, keep, dtype=torch.int32)
                    masks[keep] = _add(graph, node, ATEN.neg.default, flags)
                bits = _add(graph, node, ATEN.view.dtype, x, torch.int32)
                selected = _add(graph, node, ATEN.bitwise_and.Tensor, bits, masks[keep])
                result = _add(graph, node, ATEN.view.dtype, selected, torch.float32)
            node.replace_all_uses_with(result)
            graph.erase_node(node)


def _is_selection(node: Node, constants: Mapping[Node, torch.Tensor]) -> bool:
    keep, x, other = node.args
    if not (isinstance(keep, Node) and isinstance(x, Node) and isinstance(other, Node) and other in constants):
        return False
    layout, of_keep, zero = layout_of(node), layout_of(keep), constants[other]
    return (
        layout is not None
        and of_keep is not None
        and (layout.dtype, layout.device.type) == (torch.float32, "cpu")
        and layout.shape.numel() >= MIN_SIZE
        and layout == layout_of(x)
        and (layout.shape, layout.strides) == (of_keep.shape, of_keep.strides)
        and (zero.ndim, zero.dtype) == (0, torch.float32)
        and zero.view(torch.int32).item() == 0
    )


def _add(graph: Graph, like: Node, target: torch._ops.OpOverload, *args: object, **kwargs: object) -> Node:
    """Add an operation whose result has the shape of a node."""
    node = graph.call_function(target, args, kwargs)
    is_result = target is ATEN.view.dtype and args[1] == torch.float32
    node.meta[LAYOUT] = like.meta[LAYOUT]._replace(dtype=torch.float32 if is_result else torch.int32)
    return node
