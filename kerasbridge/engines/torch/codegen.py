"""Python code for a graph of ATen operations: no module, no attribute lookups, memory freed after the last use."""

import operator
from collections.abc import Callable, Iterator
from typing import Any

from torch.fx import Graph, Node

from kerasbridge.engines.torch.bindings import call_of
from kerasbridge.engines.torch.dead_branches import Guards, guards_of, is_choice, shares_memory_safely


def compile_graph(graph: Graph) -> Callable[..., Any]:
    """Return a function of the placeholders of the graph, in order, that returns its outputs as a tuple."""
    namespace: dict[str, Any] = {}
    lines: list[str] = []
    guards = guards_of(graph)
    decisions = {condition for conditions in guards.values() for condition, _ in conditions}
    open_guards: Guards = []
    for node, unused in zip(graph.nodes, _last_uses(graph), strict=True):
        node_guards = guards.get(node, [])
        lines += _if_statements(node_guards) if node_guards != open_guards else []
        open_guards = node_guards
        lines += ["    " * len(node_guards) + line for line in _statements(node, unused, graph, decisions, namespace)]
    parameters = ", ".join(node.name for node in graph.nodes if node.op == "placeholder")
    source = f"def program({parameters}):\n" + "\n".join(f"    {line}" for line in lines)
    exec(compile(source, "<traced step>", "exec"), namespace)
    program: Callable[..., Any] = namespace["program"]
    return program


def _if_statements(guards: Guards) -> list[str]:
    negations = ("" if wanted else "not " for _, wanted in guards)
    return [
        f"{'    ' * depth}if {negation}{condition.name}_holds:"
        for depth, ((condition, _), negation) in enumerate(zip(guards, negations, strict=True))
    ]


def _statements(
    node: Node, unused: list[str], graph: Graph, decisions: set[Node], namespace: dict[str, Any]
) -> Iterator[str]:
    if node.op == "output":
        yield f"return {_tuple(node.args[0], namespace)}"
    elif node.op == "call_function":
        is_decided = is_choice(node) and node.args[0] in decisions
        yield f"{node.name} = {_choice(node, graph) if is_decided else _call(node, namespace)}"
        if node in decisions:
            yield f"{node.name}_holds = bool({node.name})"
    yield from (f"{name} = None" for name in unused)


def _choice(node: Node, graph: Graph) -> str:
    condition, one, other = (str(argument) for argument in node.args)
    chosen = f"({one} if {condition}_holds else {other})"
    return chosen if shares_memory_safely(graph, node) else f"{chosen}.clone()"


def _call(node: Node, namespace: dict[str, Any]) -> str:
    function, args, kwargs = call_of(node)
    arguments = [_value(argument, namespace) for argument in args]
    if function is operator.getitem:
        source, index = arguments
        return f"{source}[{index}]"
    arguments += [f"{name}={_value(value, namespace)}" for name, value in kwargs.items()]
    return f"{_constant(function, namespace)}({', '.join(arguments)})"


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
    """Return, for each node, the names that are not read after it."""
    seen: set[Node] = set()
    unused: list[list[str]] = []
    for node in reversed(graph.nodes):
        last = [source for source in dict.fromkeys(node.all_input_nodes) if source not in seen]
        seen.update(last)
        names = [source.name for source in last if source.op != "placeholder"]
        never_used = [node.name] if node.op == "call_function" and node not in seen else []
        unused.append([] if node.op == "output" else [*names, *never_used])
    return unused[::-1]
