"""Layouts of PyTorch's `nn.MultiheadAttention`: one matrix for query, key and value, or one matrix each."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.layouts.base import slots_for
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, ArraySpec, WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers
_PROJECTIONS = ("query", "key", "value")


@slots_for(L.MultiHeadAttention, conventions=("pytorch",))
def multi_head_attention(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of the (in, heads, size) kernels of query, key and value, and the (heads, size, out) output kernel.

    Raises:
        NotAssignable: PyTorch has no equivalent of this layer.
    """
    projections, output = [getattr(layer, f"{name}_dense") for name in _PROJECTIONS], layer.output_dense
    in_features = [dense.kernel.shape[0] for dense in projections]
    width, *others = {math.prod(dense.kernel.shape[1:]) for dense in projections}
    out_features = output.kernel.shape[-1]
    if others or output.kernel.ndim != 3:
        raise NotAssignable(
            "attends along several axes or has another value_dim than key_dim, unlike nn.MultiheadAttention"
        )
    rest = {"in_proj_bias": (3 * width,), "out_proj.weight": (out_features, width), "out_proj.bias": (out_features,)}
    if output.bias is None:
        rest = {"out_proj.weight": (out_features, width)}
    separate = {f"{name[0]}_proj_weight": (width, size) for name, size in zip(_PROJECTIONS, in_features, strict=True)}
    combined = [{"in_proj_weight": (3 * width, in_features[0])}] if len({*in_features}) == 1 else []
    variables = [variable for dense in (*projections, output) for variable in (dense.kernel, dense.bias)]
    layouts = [_layout({**weights, **rest}, projections, output) for weights in (*combined, separate)]
    return [context.slot(variables, layouts)]


def _layout(shapes: dict[str, tuple[int, ...]], projections: Sequence[Any], output: Any) -> ArrayLayout:
    def to_keras(*arrays: Array) -> list[Array]:
        by_role = dict(zip(shapes, arrays, strict=True))
        kernels = [
            weight.T.reshape(dense.kernel.shape)
            for weight, dense in zip(_projection_weights(by_role), projections, strict=True)
        ]
        output_kernel = by_role["out_proj.weight"].T.reshape(output.kernel.shape)
        if output.bias is None:
            return [*kernels, output_kernel]
        biases = [bias.reshape(projections[0].bias.shape) for bias in np.split(by_role["in_proj_bias"], 3)]
        pairs = [array for pair in zip(kernels, biases, strict=True) for array in pair]
        return [*pairs, output_kernel, by_role["out_proj.bias"]]

    return ArrayLayout(tuple(ArraySpec(role, shape) for role, shape in shapes.items()), to_keras)


def _projection_weights(by_role: dict[str, Array]) -> list[Array]:
    combined = by_role.get("in_proj_weight")
    return [by_role[f"{name[0]}_proj_weight"] for name in _PROJECTIONS] if combined is None else np.split(combined, 3)
