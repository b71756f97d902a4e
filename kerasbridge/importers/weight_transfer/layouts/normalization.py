"""Layouts of normalization layers.

PyTorch: weight, bias, running_mean, running_var. Lasagne's BatchNormLayer: beta, gamma, mean and inv_std, which is
1 / sqrt(variance + epsilon), so that the variance in Keras depends on the epsilon of the Keras layer.
"""

from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.axis_propagation import channels_last
from kerasbridge.importers.weight_transfer.layouts.base import slots_for
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, ArraySpec, WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers
_ROUNDING = 1e-3
"""Tolerance, relative to epsilon, for a variance of 0 that becomes negative by rounding in float32."""


@slots_for(L.BatchNormalization)
def batch_normalization(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of gamma, beta, mean and variance."""
    variables = [layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance]
    lasagne = not context.pytorch
    roles = ("gamma", "beta", "mean", "inv_std") if lasagne else ("weight", "bias", "running_mean", "running_var")
    present = [role for role, variable in zip(roles, variables, strict=True) if variable is not None]
    file_order = [role for role in ("beta", "gamma", "mean", "inv_std") if role in present] if lasagne else present
    size = layer.moving_mean.shape
    index = context.input_index(*size)

    def to_keras(*arrays: Array) -> list[Array]:
        by_role = {role: context.reorder(array, index) for role, array in zip(file_order, arrays, strict=True)}
        if lasagne:
            by_role["inv_std"] = _variance(by_role["inv_std"], layer.epsilon)
        return [by_role[role] for role in present]

    layout = ArrayLayout(tuple(ArraySpec(role, tuple(size)) for role in file_order), to_keras)
    return [context.slot(variables, [layout], normalizes=True)]


def _variance(inverse_std: Array, epsilon: float) -> Array:
    if not (inverse_std > 0).all():
        raise NotAssignable("has values of inv_std in the file that are not positive")
    variance = 1 / np.square(inverse_std, dtype=np.float64) - epsilon
    if variance.min() < -_ROUNDING * epsilon:
        raise NotAssignable(
            f"has the epsilon {epsilon:g}, which is larger than the file's variances plus their own epsilon: make the "
            "layer with epsilon=1e-4, as Lasagne's"
        )
    clipped: Array = np.maximum(variance, 0)
    return clipped


@slots_for(L.LayerNormalization, L.GroupNormalization, conventions=("pytorch",))
def layer_or_group_normalization(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of gamma and beta; for images, the file has the channels first."""
    return _scale_and_shift(context, layer.gamma, layer.beta)


@slots_for(L.RMSNormalization, conventions=("pytorch",))
def rms_normalization(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of the scale."""
    return _scale_and_shift(context, layer.scale, None)


def _scale_and_shift(context: SlotContext, gamma: Any, beta: Any) -> list[WeightSlot]:
    variables = {role: variable for role, variable in (("weight", gamma), ("bias", beta)) if variable is not None}
    if not variables:
        return []
    shape = tuple(next(iter(variables.values())).shape)
    rank = len(shape)
    axes = (context.input_axes(rank) or channels_last(rank)) if rank > 1 else (0,)
    file_shape = tuple(shape[axes.index(axis)] for axis in range(rank))
    index = context.input_index(*shape) if rank == 1 else None

    def to_keras(*arrays: Array) -> list[Array]:
        return [context.reorder(array.transpose(axes), index) for array in arrays]

    layout = ArrayLayout(tuple(ArraySpec(role, file_shape) for role in variables), to_keras)
    return [context.slot(list(variables.values()), [layout], normalizes=True)]
