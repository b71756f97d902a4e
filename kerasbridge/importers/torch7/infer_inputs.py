"""Infer the input shape of a Torch7 network from its first modules."""

from collections.abc import Callable, Iterable
from typing import Any

from kerasbridge.importers.ir.registry import Registry
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.lua_objects import Object
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import INPUT_RULES, KEEPS_CHANNELS, takes_planes

InputShape = Any
"""A shape, a list of input shapes for a table, or None if it is unknown."""

Visited = dict[Object, InputShape]
"""The inputs of modules and nodes visited before; None for those that are being visited."""

MAX_VISITED = 100
"""The maximum number of modules and nodes that are visited."""

ContainerRule = Callable[[Module, Visited], InputShape]

CONTAINER_RULES: Registry[ContainerRule] = Registry()
"""By type of container, the input of such a container, inferred from the modules in it."""


def infer_input(module: Module, visited: Visited | None = None) -> InputShape:
    """Infer the input of a module from it and the modules after it."""
    visited = {} if visited is None else visited
    return infer_once(module.object, visited, lambda: _infer(module, visited))


def infer_once(node: Object, visited: Visited, infer: Callable[[], InputShape]) -> InputShape:
    """Return the input of a module or node; infer it unless it was visited before."""
    if node not in visited and len(visited) < MAX_VISITED:
        visited[node] = None
        visited[node] = infer()
    return visited.get(node)


def _infer(module: Module, visited: Visited) -> InputShape:
    try:
        if module.kind in CONTAINER_RULES:
            return CONTAINER_RULES[module.kind](module, visited)
        if module.kind in INPUT_RULES:
            return INPUT_RULES[module.kind](module)
        return takes_planes(module) if "Conv" in module.kind else None
    except Unsupported:
        return None


def infer_sequence(parts: Iterable[Module], visited: Visited) -> InputShape:
    """Infer the input of a sequence from its first module, and from those after modules that keep the channels."""
    shape: InputShape = None
    for part in parts:
        shape = combine(shape, infer_input(part, visited))
        if is_complete(shape) or not keeps_channels(part):
            break
    return shape


def infer_branches(module: Module, visited: Visited) -> InputShape:
    """Infer the input that all modules of a container take."""
    return combine_all(infer_input(part, visited) for part in module.parts())


def keeps_channels(module: Module) -> bool:
    """Return whether the modules after a module take as many channels as it takes."""
    return module.kind in KEEPS_CHANNELS


def combine_all(shapes: Iterable[InputShape]) -> InputShape:
    """Combine the sizes of several shapes."""
    combined: InputShape = None
    for shape in shapes:
        combined = combine(combined, shape)
    return combined


def combine(first: InputShape, second: InputShape) -> InputShape:
    """Combine the sizes of two shapes; the first one has precedence."""
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, list) or isinstance(second, list) or len(first) != len(second):
        return first
    return tuple(a if a is not None else b for a, b in zip(first, second, strict=True))


def is_complete(shape: InputShape) -> bool:
    """Return whether all sizes are known that modules define."""
    return isinstance(shape, tuple) and (len(shape) != 4 or shape[1] is not None)
