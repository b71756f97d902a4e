"""Passes over a traced graph that make it faster to replay, with bitwise identical results."""

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.fx import Graph, Node
from torch.fx.node import map_arg

from kerasbridge.engines.torch.recorder import LAYOUT, Layout

ATEN = torch.ops.aten

# Elementwise operations that may write their result over their first operand.
_IN_PLACE = {
    ATEN.add.Tensor: ATEN.add_.Tensor,
    ATEN.add.Scalar: ATEN.add_.Scalar,
    ATEN.mul.Tensor: ATEN.mul_.Tensor,
    ATEN.div.Tensor: ATEN.div_.Tensor,
    ATEN.neg.default: ATEN.neg_.default,
    ATEN.sqrt.default: ATEN.sqrt_.default,
    ATEN.relu.default: ATEN.relu_.default,
    ATEN.bitwise_and.Scalar: ATEN.bitwise_and_.Scalar,
    ATEN._foreach_add.Scalar: ATEN._foreach_add_.Scalar,
    ATEN._foreach_add.List: ATEN._foreach_add_.List,
    ATEN._foreach_mul.List: ATEN._foreach_mul_.List,
    ATEN._foreach_mul.Tensor: ATEN._foreach_mul_.Tensor,
    ATEN._foreach_mul.Scalar: ATEN._foreach_mul_.Scalar,
    ATEN._foreach_div.List: ATEN._foreach_div_.List,
    ATEN._foreach_sqrt.default: ATEN._foreach_sqrt_.default,
}

_OF_LAYOUT = (
    ATEN.zeros_like.default, ATEN.ones_like.default, ATEN.full_like.default,
    ATEN.new_zeros.default, ATEN.new_ones.default, ATEN.new_full.default,
)  # fmt: skip
"""Operations whose result depends on the layout of their first operand, not on its values."""

MAX_FILLED = 2**12
"""Elements of a result of these operations that is kept as a constant."""


def drop_aliases(graph: Graph) -> None:
    """Remove `detach` and `alias`, which do nothing while no gradient is recorded."""
    for node in list(graph.nodes):
        if node.target in (ATEN.detach.default, ATEN.alias.default):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)


def fold_constants(
    graph: Graph, attributes: Mapping[str, torch.Tensor], state: Iterable[Node] = ()
) -> list[torch.Tensor]:
    """Compute what depends on no input; return those tensors, which become further inputs of the graph, in order.

    Args:
        graph: the graph.
        attributes: the tensors of its `get_attr` nodes.
        state: the outputs that become the state of the next step, which may write to them: no constants.
    """
    overwritten = mutated_nodes(graph, state)
    known: dict[Node, Any] = {}
    for node in graph.nodes:
        if node.op == "get_attr":
            known[node] = attributes[str(node.target)]
        elif node not in overwritten and is_deterministic(node) and all(source in known for source in _read_by(node)):
            args, kwargs = map_arg((node.args, node.kwargs), lambda source: _value(source, known))
            known[node] = node.target(*args, **kwargs)
    constants: list[torch.Tensor] = []
    numbers: dict[Any, Node] = {}
    last_input = [node for node in graph.nodes if node.op == "placeholder"][-1]
    for node, value in known.items():
        if isinstance(value, torch.Tensor) and any(user not in known for user in node.users):
            is_number = value.ndim == 0 and node.op == "call_function"
            number = (repr(value.item()), value.dtype, value.device) if is_number else node
            if number not in numbers:
                with graph.inserting_after(last_input):
                    last_input = numbers[number] = graph.placeholder(f"constant_{len(constants)}")
                last_input.meta.update(node.meta)
                constants.append(value)
            node.replace_all_uses_with(numbers[number])
    graph.eliminate_dead_code()
    return constants


def reuse_memory(graph: Graph) -> None:
    """Let an operation overwrite its first operand if nothing reads that operand afterwards.

    Weights are large compared with the cache of a CPU: allocating a result costs more time than its arithmetic.
    """
    liveness = _Liveness(graph)
    for node in list(graph.nodes):
        target = _IN_PLACE.get(node.target)
        if target and liveness.end_with(node):
            node.target = target
            if isinstance(node.args[0], (list, tuple)):
                _replace_results(node, liveness)


def mutated_nodes(graph: Graph, written_later: Iterable[Node] = ()) -> set[Node]:
    """Return the nodes whose tensor is written in place, and all that share its memory."""
    roots = StorageRoots(graph)
    targets = [target for node in graph.nodes for target in written_by(node)]
    written = {roots.of(target) for target in (*targets, *written_later)}
    return {node for node in graph.nodes if roots.of(node) in written}


def written_by(node: Node) -> list[Node]:
    """Return the arguments that the operation writes in place."""
    return [source for source, writes in _aliased_arguments(node) if writes]


class StorageRoots:
    """The node that allocated the memory of each node's tensor."""

    def __init__(self, graph: Graph) -> None:
        self._shares: dict[Node, Node] = {}
        for node in graph.nodes:
            for source, _ in _aliased_arguments(node):
                self._shares.setdefault(node, source)

    def of(self, node: Node) -> Node:
        """Return the node that allocated the memory."""
        while node in self._shares:
            node = self._shares[node]
        return node


def _aliased_arguments(node: Node) -> Iterator[tuple[Node, bool]]:
    """Yield the arguments whose memory the result shares or the operation writes, and whether it writes."""
    if node.target is operator.getitem:
        if not str(getattr(node.args[0], "target", "")).startswith("aten._foreach"):
            yield node.args[0], False
        return
    if not isinstance(node.target, torch._ops.OpOverload):
        return
    for declared, argument in zip(node.target._schema.arguments, node.args, strict=False):
        if declared.alias_info is not None:
            sources = argument if isinstance(argument, (list, tuple)) else [argument]
            yield from ((source, declared.alias_info.is_write) for source in sources if isinstance(source, Node))


def _read_by(node: Node) -> list[Node]:
    """Return the nodes whose values an operation reads."""
    sources: list[Node] = node.all_input_nodes
    layout = layout_of(node)
    is_small = layout is not None and layout.shape.numel() <= MAX_FILLED
    return sources[1:] if node.target in _OF_LAYOUT and is_small else sources


def _value(node: Node, known: Mapping[Node, Any]) -> Any:
    """Return the value of a node if it is known, else a tensor with its layout."""
    if node in known:
        return known[node]
    layout = layout_of(node)
    assert layout is not None
    return torch.empty_strided(layout.shape, layout.strides, dtype=layout.dtype, device=layout.device)


def is_deterministic(node: Node) -> bool:
    """Return whether an operation writes nothing, and the same arguments give the same result."""
    if node.op != "call_function":
        return False
    if node.target is operator.getitem:
        return True
    is_aten = isinstance(node.target, torch._ops.OpOverload)
    return is_aten and not node.is_impure() and torch.Tag.nondeterministic_seeded not in node.target.tags


class _Liveness:
    """The last reader of each tensor's memory."""

    def __init__(self, graph: Graph) -> None:
        self._roots = StorageRoots(graph)
        self._last_reader: dict[Node, Node] = {}
        for node in graph.nodes:
            for source in node.all_input_nodes:
                self._last_reader[self._roots.of(source)] = node

    def end_with(self, node: Node) -> bool:
        """Return whether the node's first operand, or each in its list, is a temporary that it may write over."""
        first = node.args[0]
        if isinstance(first, Node):
            return self._ends(first, node, [other for other in node.args[1:] if other is not first], layout_of(node))
        if not isinstance(first, (list, tuple)):
            return False
        others = [
            argument[index] if isinstance(argument, (list, tuple)) else argument
            for argument in node.args[1:]
            for index in range(len(first))
        ]
        same = [other for index, other in enumerate(others) if other is not first[index % len(first)]]
        distinct = len(set(first)) == len(first)
        return distinct and all(self._ends(operand, node, same, layout_of(operand)) for operand in first)

    def move(self, result: Node, operand: Node) -> None:
        """Extend the lifetime of the operand's memory to that of the result."""
        if result in self._last_reader:
            self._last_reader[operand] = self._last_reader[result]

    def _ends(self, operand: Any, node: Node, others: list[Any], layout: Any) -> bool:
        return (
            isinstance(operand, Node)
            and operand.op == "call_function"
            and self._roots.of(operand) is operand
            and self._last_reader[operand] is node
            and layout is not None
            and layout == layout_of(operand)
            and not any(isinstance(other, Node) and self._roots.of(other) is operand for other in others)
        )


def _replace_results(node: Node, liveness: _Liveness) -> None:
    """Replace the results of an in-place foreach operation, which returns nothing, by its operands."""
    for item in list(node.users):
        operand = node.args[0][item.args[1]]
        liveness.move(item, operand)
        item.replace_all_uses_with(operand)
        node.graph.erase_node(item)


def layout_of(node: Node) -> Layout | None:
    """Return the layout of the node's tensor; None if the node is not a strided tensor."""
    layout: Layout | None = node.meta.get(LAYOUT)
    return layout
