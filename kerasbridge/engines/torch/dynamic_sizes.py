"""Operations whose result has a size that depends on the data: a trace would keep the size of its first batch."""

from typing import Any

import torch
from torch.fx import Graph
from torch.utils._python_dispatch import TorchDispatchMode

from kerasbridge.engines.step import Tensor

_INTERNAL_SIZE = (torch.ops.aten._ctc_loss.default, torch.ops.aten._ctc_loss.Tensor)
"""Operations whose result of variable size is read by their own gradient only."""

_BY_MASK = (torch.bool, torch.uint8)


class DynamicSizeError(Exception):
    """A tensor has a size that depends on the data."""


class ForbidDynamicSizes(TorchDispatchMode):  # type: ignore[misc]
    """Raises where such an operation is called, so that the traceback leads to the layer or metric."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, unless the size of its result depends on the data."""
        if _is_dynamic(function, args):
            raise DynamicSizeError(f"the size of a tensor depends on the data: {_name(function)}")
        return function(*args, **(kwargs or {}))


def has_dynamic_size(graph: Graph) -> bool:
    """Return whether the graph computes a tensor whose size depends on its inputs."""
    from_inputs = {node for node in graph.nodes if node.op == "placeholder"}
    for node in graph.nodes:
        if not from_inputs.isdisjoint(node.all_input_nodes):
            from_inputs.add(node)
            if _is_dynamic(node.target, torch.fx.node.map_arg(node.args, _value)):
                return True
    return False


def _is_dynamic(function: Any, args: tuple[Any, ...]) -> bool:
    if torch.Tag.dynamic_output_shape not in getattr(function, "tags", ()) or function in _INTERNAL_SIZE:
        return False
    if function is torch.ops.aten.index.Tensor:
        return any(isinstance(index, torch.Tensor) and index.dtype in _BY_MASK for index in args[1])
    return True


def _name(function: Any) -> str:
    """Return the name of an operation as users write it: "unique" for aten._unique2."""
    if function is torch.ops.aten.index.Tensor:
        return "a boolean mask"
    return str(function).split(".")[1].removeprefix("linalg_").strip("_").rstrip("0123456789")


def _value(node: Any) -> Tensor:
    return node.meta.get("val")
