"""A graph of ATen operations as one Python function: no module, no attribute look-ups, memory freed at the last use."""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch.fx import Graph, Node


def compile_graph(graph: Graph) -> Callable[..., Any]:
    """The graph's placeholders become the parameters, in order; what it outputs is returned as a tuple."""
    namespace: dict[str, Any] = {}
    lines = []
    for node, dying in zip(graph.nodes, _last_uses(graph), strict=True):
        if node.op == "call_function":
            lines.append(f"{node.name} = {_call(node, namespace)}")
        elif node.op == "output":
            lines.append(f"return {_tuple(node.args[0], namespace)}")
        lines += [f"{name} = None" for name in dying]
    parameters = ", ".join(node.name for node in graph.nodes if node.op == "placeholder")
    source = f"def program({parameters}):\n" + "\n".join(f"    {line}" for line in lines)
    exec(compile(source, "<traced step>", "exec"), namespace)
    program: Callable[..., Any] = namespace["program"]
    return program


def _call(node: Node, namespace: dict[str, Any]) -> str:
    arguments = [_value(argument, namespace) for argument in node.args]
    if node.target is operator.getitem:
        source, index = arguments
        return f"{source}[{index}]"
    # The operation behind an OpOverload: calling it directly saves a Python frame.
    target: Any = node.target._op if isinstance(node.target, torch._ops.OpOverload) else node.target
    arguments += [f"{name}={_value(value, namespace)}" for name, value in node.kwargs.items()]
    return f"{_constant(target, namespace)}({', '.join(arguments)})"


def _value(value: Any, namespace: dict[str, Any]) -> str:
    if isinstance(value, Node):
        return str(value.name)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(item, namespace) for item in value)}]"
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    return _constant(value, namespace)


def _tuple(values: Any, namespace: dict[str, Any]) -> str:
    return f"({''.join(f'{_value(value, namespace)}, ' for value in values)})"


def _constant(value: Any, namespace: dict[str, Any]) -> str:
    name = f"_{len(namespace)}"
    namespace[name] = value
    return name


def _last_uses(graph: Graph) -> list[list[str]]:
    """For each node, the names that nothing after it reads."""
    seen: set[Node] = set()
    dying: list[list[str]] = []
    for node in reversed(graph.nodes):
        last = [source for source in dict.fromkeys(node.all_input_nodes) if source not in seen]
        seen.update(last)
        names = [source.name for source in last if source.op != "placeholder"]
        unused = [node.name] if node.op == "call_function" and node not in seen else []
        dying.append([] if node.op == "output" else [*names, *unused])
    return dying[::-1]
