"""Dense layers: kernels are (out, in) in PyTorch and (in, out) in Lasagne."""

import math
import re
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.layouts.base import kernel_layout, kernel_slot, slots_for
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers


@slots_for(L.Dense)
def dense(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of an (in, out) kernel, whose rows and columns the file may have in another order."""
    in_features, out_features = layer.kernel.shape
    rows, columns = context.input_index(in_features), context.output_index(out_features)

    def to_keras(weight: Array, *bias: Array) -> list[Array]:
        kernel = context.reorder(weight.T if context.pytorch else weight, rows)
        return [context.reorder(kernel.T, columns).T, *(context.reorder(array, columns) for array in bias)]

    shape = (out_features, in_features) if context.pytorch else (in_features, out_features)
    layout = kernel_layout(context, shape, (out_features,), layer.bias, to_keras)
    return [kernel_slot(layer, context, [layout])]


@slots_for(L.EinsumDense, conventions=("pytorch",))
def einsum_dense(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot for PyTorch's Linear, as a kernel of several axes, of which the contracted ones are its inputs."""
    source, kernel, result = re.split(r",|->", layer.equation.replace(" ", "").replace("...", ""))
    contracted = [axis for axis, letter in enumerate(kernel) if letter in source and letter not in result]
    others = [axis for axis in range(len(kernel)) if axis not in contracted]
    sizes = layer.kernel.shape
    in_features = math.prod(sizes[axis] for axis in contracted)
    out_features = math.prod(sizes[axis] for axis in others)
    order = [*others, *contracted]

    def to_keras(weight: Array, *bias: Array) -> list[Array]:
        transposed = weight.reshape([sizes[axis] for axis in order]).transpose(np.argsort(order))
        return [transposed, *(array.reshape(layer.bias.shape) for array in bias)]

    layout = kernel_layout(context, (out_features, in_features), (out_features,), layer.bias, to_keras)
    return [kernel_slot(layer, context, [layout])]
