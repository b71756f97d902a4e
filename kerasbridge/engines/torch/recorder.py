"""Recording of the ATen operations that a function executes, as a graph.

It takes a tenth of the time of `torch.fx.experimental.proxy_tensor.make_fx`, which does the same on real tensors, but
creates a fake tensor for each result, and a stack trace with that.
"""

import contextlib
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
from torch.fx import Graph, Node
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from kerasbridge.engines.step import Tensor
from kerasbridge.engines.torch.dynamic_sizes import DynamicSizeError, is_dynamic, name_of
from kerasbridge.runtime.context import context_value

LAYOUT = "layout"
"""The entry in the `meta` of a node with the `Layout` of its tensor."""

MAX_CONSTANT_SIZE = 1
"""Elements of a constant whose value may be read: it is computed twice, once for the graph."""

_PLACE = "_kerasbridge_place"
_CONSTANT = "_kerasbridge_constant"
_numbers = itertools.count()
_ATEN = torch.ops.aten
_TO_HOST = (torch.Tensor.numpy, torch.Tensor.tolist, torch.Tensor.__array__)
_PLAIN_TENSORS = (torch.Tensor, torch.nn.Parameter)

is_recording: ContextVar[bool] = ContextVar("is_recording", default=False)


class ValueNeededError(Exception):
    """The value of a tensor is needed that is another one in each call."""


class ForbidNumpy(TorchFunctionMode):  # type: ignore[misc]
    """Ends a step that converts a tensor to NumPy: its trace would keep the first value in every replay."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the function unless it converts to NumPy."""
        if function in _TO_HOST:
            raise ValueNeededError("it turns a tensor into NumPy numbers")
        return function(*args, **(kwargs or {}))


class ForbidValues(TorchDispatchMode):  # type: ignore[misc]
    """Ends a step that may not be traceable, with less work than a recording.

    It knows which small tensors are constants, so that a loop of Keras may count time steps with them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._number = next(_numbers)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation unless its result depends on the values of its arguments in a way that a trace cannot."""
        keywords = kwargs or {}
        is_constant = (
            function is _ATEN.lift_fresh.default or all(map(self._is_constant, _tensors((args, keywords))))
        ) and torch.Tag.nondeterministic_seeded not in function.tags
        if not is_constant and (torch.Tag.data_dependent_output in function.tags or is_dynamic(function, args)):
            raise ValueNeededError(f"the result of {function} is data-dependent")
        result = function(*args, **keywords)
        if is_constant and _is_small(result):
            setattr(result, _CONSTANT, self._number)
        elif not is_constant and function._schema.is_mutable:
            for operand in _tensors((args, keywords)):
                setattr(operand, _CONSTANT, None)
        return result

    def _is_constant(self, tensor: Tensor) -> bool:
        return getattr(tensor, _CONSTANT, None) == self._number


class Layout(NamedTuple):
    """Shape, dtype, strides and device of a tensor."""

    shape: torch.Size
    dtype: torch.dtype
    strides: tuple[int, ...]
    device: torch.device


class Recording(NamedTuple):
    """A graph from its placeholders to its outputs, and the tensors of its `get_attr` nodes by name."""

    graph: Graph
    attributes: dict[str, Tensor]


def record(function: Callable[..., Sequence[Tensor]], *inputs: Tensor) -> Recording:
    """Run a function of tensors and return its operations.

    Args:
        function: the function; it returns tensors.
        inputs: its arguments, each an object of its own that nobody else refers to.

    Raises:
        ValueNeededError: it needs the value of a tensor that depends on the inputs.
        DynamicSizeError: so does the size of a tensor.
    """
    recorder = _Recorder(inputs)
    with context_value(is_recording, True), _without_autocast_cache(), recorder:
        outputs = function(*inputs)
    return recorder.finish(outputs)


class _Recorder(TorchDispatchMode):  # type: ignore[misc]
    """Adds a node to the graph for each operation.

    A tensor of the function has its place, the index of its node, as an attribute: neither a reference to the
    graph, which a tensor that outlives it would keep, nor a table, which would keep the tensors.
    """

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self.graph, self.attributes = Graph(), dict[str, Tensor]()
        self._number = next(_numbers)
        self._nodes: list[Node] = []
        self._from_inputs: list[bool] = []
        self._values: dict[int, Tensor] = {}  # of the places whose value is the same in each call
        self._constants: dict[int, Node] = {}  # by the id of a tensor in `attributes`
        for index, tensor in enumerate(inputs):
            self._bind(tensor, self.graph.placeholder(f"input_{index}"), True)

    def finish(self, outputs: Sequence[Tensor]) -> Recording:
        """Return the graph with these outputs."""
        self.graph.output(tuple(map(self._node, outputs)))
        return Recording(self.graph, self.attributes)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and record it."""
        if any(kind not in _PLAIN_TENSORS for kind in types):
            return NotImplemented  # a subclass that breaks it down into other operations
        keywords = kwargs or {}
        places = [self._place(tensor) for tensor in _tensors((args, keywords))]
        tracked = [place for place in places if place is not None]
        if torch.Tag.data_dependent_output in function.tags:
            if not all(place in self._values for place in tracked):
                raise ValueNeededError(f"the result of {function} is data-dependent")
            return self._compute(function, args, keywords)
        from_inputs = any(self._from_inputs[place] for place in tracked)
        if from_inputs and is_dynamic(function, args):
            raise DynamicSizeError(f"the size of a tensor depends on the data: {name_of(function)}")
        if function is _ATEN.lift_fresh.default:  # returns the constant itself, which may be written to
            function = _ATEN.lift_fresh_copy.default
        node = self.graph.create_node("call_function", function, *_map((args, keywords), self._node))
        value = self._value(function, args, keywords, tracked)
        result = function(*args, **keywords)
        if value is not None and _is_small(result):
            self._values[len(self._nodes)] = value
        self._bind(result, node, from_inputs)
        return result

    def _value(self, function: Any, args: Any, keywords: Any, tracked: list[int]) -> Any:
        """Return the result of an operation on constants, computed apart from the tensors of the function."""
        if function is _ATEN.lift_fresh_copy.default:
            return args[0].clone()
        is_constant = bool(tracked) and all(place in self._values for place in tracked)
        is_random = torch.Tag.nondeterministic_seeded in function.tags
        return self._compute(function, args, keywords) if is_constant and not is_random else None

    def _compute(self, function: Any, args: Any, keywords: Any) -> Any:
        def known(tensor: Tensor) -> Tensor:
            place = self._place(tensor)
            return tensor if place is None else self._values[place]

        args, keywords = _map((args, keywords), known)
        return function(*args, **keywords)

    def _bind(self, result: Any, node: Node, from_inputs: bool) -> None:
        """Let a result stand for a node from now on; in place, it is a tensor that stood for another one."""
        if isinstance(result, torch.Tensor):
            node.meta[LAYOUT] = layout_of_tensor(result)
            setattr(result, _PLACE, (self._number, len(self._nodes)))
            self._nodes.append(node)
            self._from_inputs.append(from_inputs)
        elif isinstance(result, (list, tuple)):
            for index, item in enumerate(result):
                if isinstance(item, (torch.Tensor, list, tuple)):
                    self._bind(item, self.graph.call_function(operator.getitem, (node, index)), from_inputs)

    def _place(self, tensor: Tensor) -> int | None:
        owner, place = getattr(tensor, _PLACE, (None, None))
        return place if owner == self._number else None

    def _node(self, tensor: Tensor) -> Node:
        place = self._place(tensor)
        return self._constant(tensor) if place is None else self._nodes[place]

    def _constant(self, tensor: Tensor) -> Node:
        """Return the node of a tensor that the function reads from outside: a constant of the graph."""
        if id(tensor) not in self._constants:
            name = f"constant_{len(self.attributes)}"
            self.attributes[name] = tensor
            node = self._constants[id(tensor)] = self.graph.create_node("get_attr", name)
            node.meta[LAYOUT] = layout_of_tensor(tensor)
        return self._constants[id(tensor)]


def layout_of_tensor(tensor: Tensor) -> Layout | None:
    """Return the layout of a tensor; None if it is not strided."""
    if tensor.layout is not torch.strided:
        return None
    return Layout(tensor.shape, tensor.dtype, tensor.stride(), tensor.device)


@contextlib.contextmanager
def _without_autocast_cache() -> Iterator[None]:
    """Let autocast convert a weight each time: one converted before the recording would be a constant."""
    before = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(before)


def _tensors(nest: Any) -> Iterator[Tensor]:
    if isinstance(nest, torch.Tensor):
        yield nest
    elif isinstance(nest, (tuple, list)):
        for item in nest:
            yield from _tensors(item)
    elif isinstance(nest, dict):
        for item in nest.values():
            yield from _tensors(item)


def _map(nest: Any, function: Callable[[Tensor], Any]) -> Any:
    if isinstance(nest, torch.Tensor):
        return function(nest)
    if isinstance(nest, (tuple, list)):
        return type(nest)([_map(item, function) for item in nest])
    if isinstance(nest, dict):
        return {name: _map(item, function) for name, item in nest.items()}
    return nest


def _is_small(result: Any) -> bool:
    return isinstance(result, torch.Tensor) and result.numel() <= MAX_CONSTANT_SIZE
