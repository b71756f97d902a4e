"""Removal of operations of a traced graph whose result exists already; no bit changes."""

from collections.abc import Iterable
from typing import Any

import torch
from torch.fx import Graph, Node

from kerasbridge.engines.torch.passes import ATEN, StorageRoots, is_deterministic, layout_of, written_by

_VIEWS = (ATEN.view.default, ATEN.expand.default, ATEN._unsafe_view.default)
_COPIES = (ATEN._to_copy.default, ATEN.clone.default)


def remove_redundant(graph: Graph, state: Iterable[Node]) -> None:
    """Use instead of an operation its operand if it returns that unchanged, or an earlier operation that is the same.

    Args:
        graph: the graph.
        state: the outputs that become the state of the next step, which may write to them: they stay apart.
    """
    roots = StorageRoots(graph)
    written = {roots.of(target) for node in graph.nodes for target in written_by(node)}
    next_state = {roots.of(node) for node in state}
    seen: dict[Any, Node] = {}
    for node in list(graph.nodes):
        reads = {roots.of(source) for source in node.all_input_nodes}
        if node.op != "call_function" or not written.isdisjoint({roots.of(node), *reads}):
            continue
        same = _unchanged_operand(node) or seen.setdefault(_key(node), node)
        root, other = roots.of(node), roots.of(same)
        if same is node or (root in next_state and root is not other and (other in next_state or other.op != node.op)):
            continue
        if root in next_state:
            next_state.add(other)
        node.replace_all_uses_with(same)
        graph.erase_node(node)


def _unchanged_operand(node: Node) -> Node | None:
    """Return the operand that an operation returns, or copies, unchanged."""
    if node.target is ATEN.mul.Tensor:
        is_unchanged = type(node.args[1]) is int and node.args[1] == 1
    elif node.target in _COPIES:
        is_unchanged = node.kwargs.get("memory_format") in (None, torch.preserve_format)
    else:
        is_unchanged = node.target in _VIEWS
    first, layout = next(iter(node.args), None), layout_of(node)
    is_same = is_unchanged and isinstance(first, Node) and layout is not None and layout == layout_of(first)
    return first if is_same else None


def _key(node: Node) -> Any:
    """Return what identifies the result of an operation; the node itself if it differs from one to the next."""
    return (node.target, _hashable(node.args), _hashable(list(node.kwargs.items()))) if is_deterministic(node) else node


def _hashable(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(map(_hashable, value))
    return type(value), repr(value) if isinstance(value, float) else value  # 1, 1.0 and True differ, so do 0.0 and -0.0
