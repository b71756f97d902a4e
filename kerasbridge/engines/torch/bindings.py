"""The Python functions of torch that call an ATen operation: they read their arguments faster than an `OpOverload`."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from torch.fx import Node

from kerasbridge.engines.torch.passes import layout_of
from kerasbridge.engines.torch.rng import random_bits_cpu

_NAMES = (
    "abs", "add", "add_", "addmm", "all", "amax", "amin", "any", "argmax", "argmin", "baddbmm", "bitwise_and",
    "bitwise_not", "bitwise_or", "bmm", "cat", "clamp", "clone", "convolution", "cos", "cumsum", "div", "div_",
    "embedding", "eq", "erf", "exp", "expand", "expm1", "fill_", "floor", "gather", "ge", "gt", "index_select",
    "isnan", "le", "log", "log1p", "logical_and", "logical_and_", "logical_not", "logical_or", "logical_or_", "lt",
    "masked_fill", "max", "maximum", "mean", "min", "minimum", "mm", "mul", "mul_", "native_batch_norm",
    "native_layer_norm", "ne", "neg", "neg_", "permute", "pow", "prod", "reciprocal", "relu", "relu_", "rsqrt",
    "rsub", "scatter", "scatter_add", "select", "sigmoid", "sign", "sin", "split_with_sizes", "sqrt", "sqrt_",
    "squeeze", "stack", "sub", "sub_", "sum", "t", "tanh", "transpose", "unbind", "unsqueeze", "view", "where",
    "zero_", "_log_softmax", "_log_softmax_backward_data", "_softmax", "_softmax_backward_data", "_fused_adam_",
    "_fused_sgd_", "_foreach_add", "_foreach_add_", "_foreach_div", "_foreach_div_", "_foreach_maximum_",
    "_foreach_mul", "_foreach_mul_", "_foreach_sqrt", "_foreach_sqrt_", "_foreach_sub", "_foreach_sub_",
)  # fmt: skip
"""Operations whose Python function takes the same arguments and calls nothing else."""

_FUNCTIONS = {name: getattr(torch, name, None) or getattr(torch.Tensor, name) for name in _NAMES}

_OF_A_NUMBER = [
    getattr(torch.ops.aten, name).Scalar for name in ("add", "add_", "sub", "sub_", "mul", "mul_", "div", "div_")
]
"""Operations that the function of this name replaces by those of a tensor."""


class Call(NamedTuple):
    """A function and the arguments to call it with."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def call_of(node: Node) -> Call:
    """Return the fastest call that computes a node."""
    target, args, kwargs = node.target, node.args, node.kwargs
    if not isinstance(target, torch._ops.OpOverload):
        return Call(cast(Callable[..., Any], target), args, kwargs)
    if target is torch.ops.aten._to_copy.default and _changes_dtype_only(node):
        return Call(torch.Tensor.to, (args[0], kwargs["dtype"]), {})
    layout = layout_of(node)
    if target is torch.ops.kerasbridge.random_bits.default and layout is not None and layout.device.type == "cpu":
        return Call(random_bits_cpu, args, kwargs)
    namespace, _, name = target._schema.name.partition("::")
    has_function = namespace == "aten" and target not in _OF_A_NUMBER
    return Call(_FUNCTIONS.get(name, target._op) if has_function else target._op, args, kwargs)


def _changes_dtype_only(node: Node) -> bool:
    """Return whether a conversion changes the dtype, without which `Tensor.to` returns the tensor itself."""
    before, after = layout_of(cast(Node, node.args[0])), layout_of(node)
    return (
        before is not None
        and after is not None
        and before.dtype != after.dtype
        and before.device == after.device
        and "dtype" in node.kwargs
        and node.kwargs.get("memory_format") in (None, torch.preserve_format)
        and node.kwargs.keys() <= {"dtype", "device", "memory_format"}
    )
