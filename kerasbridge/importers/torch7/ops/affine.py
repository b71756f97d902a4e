"""Learned factors and biases: Mul, CMul, Add and CAdd."""

import numpy as np

from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.ops.base import Array, Operation, ShapeError
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Mul", keeps_channels=True)
def mul(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Mul: one factor."""
    return [Affine(module.weight("weight", (1,)).reshape(()), None)]


@converts("CMul")
def cmul(module: Module, info: InputInfo) -> list[Operation]:
    """Convert CMul: factors for the numbers of a sample, broadcast along axes of size 1."""
    weight, axis = _broadcast_weight(module, "weight", info)
    return [Affine(weight, None, axis)]


@converts("Add")
def add(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Add: a bias for each number of a sample, or one for all."""
    if module.get("scalar"):
        return [Affine(None, module.weight("bias").reshape(-1)[:1].reshape(()))]
    return [Affine(None, _broadcast_weight(module, "bias", info)[0])]


@converts("CAdd")
def cadd(module: Module, info: InputInfo) -> list[Operation]:
    """Convert CAdd: biases for the numbers of a sample, broadcast along axes of size 1."""
    bias, axis = _broadcast_weight(module, "bias", info)
    return [Affine(None, bias, axis)]


def _broadcast_weight(module: Module, name: str, info: InputInfo) -> tuple[Array, int]:
    """Return weights without their outer axes of size 1, and the axis of the input at which they begin."""
    weight, rank = module.weight(name), len(info.shape)
    if weight.size == 1:
        return weight.reshape(()), 1
    shape = weight.shape if weight.ndim == info.rank else (1,) * info.batched + weight.shape
    shape = (*(1,) * (rank - len(shape)), *shape)
    if len(shape) != rank or shape[0] != 1:
        sizes = info.shape[1:]
        if None in sizes or np.prod(sizes) != weight.size:  # type: ignore[arg-type]
            raise ShapeError(f"its weights have the shape {weight.shape}")
        shape = (1, *sizes)
    axes = [axis for axis, size in enumerate(shape) if size != 1]
    spanned = shape[axes[0] : axes[-1] + 1]
    if 1 in spanned:
        raise Unsupported(f"has weights of shape {weight.shape}")
    return weight.reshape(spanned), axes[0]
