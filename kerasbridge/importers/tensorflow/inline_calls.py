"""Replace calls of functions by the nodes of the functions, to find what first reads an input."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kerasbridge.files.budget import spend
from kerasbridge.importers.tensorflow.graphdef import Graph, Node, Reference, parse_function

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_MAX_NODES = 200_000
_STEPS_PER_NODE, _MEMORY_PER_NODE = 10, 1_000


def inline_calls(graph: Graph, functions: Mapping[str, Any]) -> Graph:
    """Return the graph with the nodes of functions in place of their calls, as "call/node".

    Args:
        functions: the FunctionDefs, by name. Calls of others, and those beyond a limit of size, remain.
    """
    bodies: dict[str, Graph] = {}
    nodes, results = dict(graph.nodes), dict[Reference, Reference]()
    queue = [(node, frozenset[str]()) for node in nodes.values() if _function(node, functions)]
    while queue and len(nodes) < _MAX_NODES:
        call, callers = queue.pop()
        name = _function(call, functions)
        if name in callers:  # it calls itself, which is refused later
            continue
        if name not in bodies:
            bodies[name] = parse_function(functions[name])
        body = bodies[name]
        if len(body.arguments) != len(call.inputs):
            continue
        spend(
            steps=_STEPS_PER_NODE * len(body.nodes),
            memory=sum(2 * len(name) + len(call.name) + _MEMORY_PER_NODE for name in body.nodes),
        )
        inner = {node.name: _renamed(node, call, body) for node in body.nodes.values()}
        del nodes[call.name]
        nodes.update({node.name: node for node in inner.values()})
        queue.extend((node, callers | {name}) for node in inner.values() if _function(node, functions))
        results.update({(call.name, place): _outer(result, call, body) for place, result in enumerate(body.results)})
    return Graph({name: replace(node, inputs=_resolved(node, results)) for name, node in nodes.items()})


def _function(node: Node, functions: Mapping[str, Any]) -> str:
    """Return the name of the function that a node calls; "" if it calls none."""
    name = node.attributes["f"].func.name if node.op in _CALLS and "f" in node.attributes else node.op
    return name if name in functions else ""


def _renamed(node: Node, call: Node, body: Graph) -> Node:
    return replace(
        node, name=f"{call.name}/{node.name}", inputs=tuple(_outer(reference, call, body) for reference in node.inputs)
    )


def _outer(reference: Reference, call: Node, body: Graph) -> Reference:
    """Return a reference in the body of a function, as seen from its caller."""
    name, output = reference
    return call.inputs[body.arguments.index(name)] if name in body.arguments else (f"{call.name}/{name}", output)


def _resolved(node: Node, results: Mapping[Reference, Reference]) -> tuple[Reference, ...]:
    """Return what a node reads, with the nodes that compute the results of calls."""
    inputs = []
    for reference in node.inputs:
        seen = set()
        while reference in results and reference not in seen:
            spend(steps=1)
            seen.add(reference)
            reference = results[reference]
        inputs.append(reference)
    return tuple(inputs)
