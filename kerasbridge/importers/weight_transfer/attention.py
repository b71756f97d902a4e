"""How PyTorch's `nn.MultiheadAttention` is held: one matrix for queries, keys and values, or three of their own."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, ArraySpec, WeightSlot

_PROJECTIONS = ("query", "key", "value")


def multi_head_attention(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """Kernels (in, heads, size) of queries, keys and values, and (heads, size, out) of what is made of them."""
    inner, output = [getattr(layer, f"{name}_dense") for name in _PROJECTIONS], layer.output_dense
    taken = [one.kernel.shape[0] for one in inner]
    (width, *others), given = {math.prod(one.kernel.shape[1:]) for one in inner}, output.kernel.shape[-1]
    if others or output.kernel.ndim != 3:
        raise NotAssignable("attends along more axes, or with values of another size, than PyTorch's does")
    rest = {"in_proj_bias": (3 * width,), "out_proj.weight": (given, width), "out_proj.bias": (given,)}
    if output.bias is None:
        rest = {"out_proj.weight": (given, width)}
    apart = {f"{name[0]}_proj_weight": (width, size) for name, size in zip(_PROJECTIONS, taken, strict=True)}
    together = [{"in_proj_weight": (3 * width, taken[0])}] if len({*taken}) == 1 else []
    variables = [variable for one in (*inner, output) for variable in (one.kernel, one.bias)]
    return [site.slot(variables, [_form({**weights, **rest}, inner, output) for weights in (*together, apart)])]


def _form(shapes: dict[str, tuple[int, ...]], inner: Sequence[Any], output: Any) -> ArrayLayout:
    def arranged(*arrays: Array) -> list[Array]:
        held = dict(zip(shapes, arrays, strict=True))
        whole = held.get("in_proj_weight")
        weights = [held[f"{name[0]}_proj_weight"] for name in _PROJECTIONS] if whole is None else np.split(whole, 3)
        found = [weight.T.reshape(one.kernel.shape) for weight, one in zip(weights, inner, strict=True)]
        last = held["out_proj.weight"].T.reshape(output.kernel.shape)
        if output.bias is None:
            return [*found, last]
        biases = [bias.reshape(inner[0].bias.shape) for bias in np.split(held["in_proj_bias"], 3)]
        pairs = [array for pair in zip(found, biases, strict=True) for array in pair]
        return [*pairs, last, held["out_proj.bias"]]

    return ArrayLayout(tuple(ArraySpec(role, shape) for role, shape in shapes.items()), arranged)
