"""PReLU."""

from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.layouts.base import slots_for
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, ArraySpec, WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers


@slots_for(L.PReLU)
def prelu(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of one slope per channel, or one for all."""
    shape, channels = layer.alpha.shape, layer.alpha.shape[-1]
    role = "weight" if context.pytorch else "alpha"
    index = context.input_index(channels) if len(shape) == 1 else None

    def to_keras(slopes: Array) -> list[Array]:
        return [np.broadcast_to(context.reorder(slopes, index) if slopes.size > 1 else slopes, shape)]

    layouts = [ArrayLayout((ArraySpec(role, (size,)),), to_keras) for size in dict.fromkeys((channels, 1))]
    return [context.slot([layer.alpha], layouts)]
