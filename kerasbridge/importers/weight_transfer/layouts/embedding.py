"""Embeddings."""

from typing import Any

from kerasbridge.importers.weight_transfer.layouts.base import kernel_layout, slots_for
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers


@slots_for(L.Embedding)
def embedding(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of a (vocabulary, size) matrix, as in all frameworks."""
    layout = kernel_layout(context, layer.embeddings.shape, (), None, lambda weight: [weight])
    return [context.slot([layer.embeddings], [layout])]
