"""How normalisations are held.

PyTorch: weight, bias, running_mean, running_var. Lasagne's BatchNormLayer: beta, gamma, mean and inv_std, which is
1 / sqrt(variance + epsilon), so that Keras's variance depends on the epsilon of the layer given.
"""

from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, ArraySpec, WeightSlot

_ROUNDING = 1e-3
"""Of epsilon: how far below 0 a variance may come out of float32 and be 0."""


def batch_normalization(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """gamma, beta, mean and variance."""
    variables = [layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance]
    roles = ("weight", "bias", "running_mean", "running_var") if site.pytorch else ("gamma", "beta", "mean", "inv_std")
    held = [role for role, one in zip(roles, variables, strict=True) if one is not None]
    order = held if site.pytorch else [role for role in ("beta", "gamma", "mean", "inv_std") if role in held]
    size = layer.moving_mean.shape
    index = site.index(*size)

    def arranged(*arrays: Array) -> list[Array]:
        found = {role: site.reorder(array, index) for role, array in zip(order, arrays, strict=True)}
        if not site.pytorch:
            found["inv_std"] = _variance(found["inv_std"], layer.epsilon)
        return [found[role] for role in held]

    form = ArrayLayout(tuple(ArraySpec(role, tuple(size)) for role in order), arranged)
    return [site.slot(variables, [form], normalizes=True)]


def _variance(inverse: Array, epsilon: float) -> Array:
    if not (inverse > 0).all():
        raise NotAssignable("takes an inverse of deviations that is not above 0")
    variance = 1 / np.square(inverse, dtype=np.float64) - epsilon
    if variance.min() < -_ROUNDING * epsilon:
        raise NotAssignable(
            f"has the epsilon {epsilon:g}, which is more than the variances of the file with theirs: make the layer "
            "with epsilon=1e-4, as Lasagne's"
        )
    found: Array = np.maximum(variance, 0)
    return found


def over_axes(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """gamma and beta of layer or group normalisation; of images, the file has channels first."""
    return _scaled(site, layer.gamma, layer.beta)


def root_mean_square(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """A scale."""
    return _scaled(site, layer.scale, None)


def _scaled(site: SlotContext, gamma: Any, beta: Any) -> list[WeightSlot]:
    held = {role: one for role, one in (("weight", gamma), ("bias", beta)) if one is not None}
    if not held:
        return []
    shape = tuple(next(iter(held.values())).shape)
    axes = (site.axes(len(shape)) or (*range(1, len(shape)), 0)) if len(shape) > 1 else (0,)
    there = tuple(shape[axes.index(axis)] for axis in range(len(shape)))
    index = site.index(*shape) if len(shape) == 1 else None

    def arranged(*arrays: Array) -> list[Array]:
        return [site.reorder(array.transpose(axes), index) for array in arrays]

    form = ArrayLayout(tuple(ArraySpec(role, there) for role in held), arranged)
    return [site.slot(list(held.values()), [form], normalizes=True)]
