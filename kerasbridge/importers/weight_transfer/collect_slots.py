"""Collect the weight slots of a Keras model, by the rules in `layouts`."""

from collections.abc import Collection
from typing import Any

from kerasbridge.errors import ArgumentError
from kerasbridge.importers.ir.weights import Parameters
from kerasbridge.importers.weight_transfer.flatten_order import AxisOrders
from kerasbridge.importers.weight_transfer.layouts import RULES
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable, collect_nodes
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers
SKIPPED_LAYERS = (L.Normalization, L.Discretization)
"""Layers whose weights are statistics of data, and not part of a trained network."""


def collect_slots(model: Any, parameters: Parameters, as_stored: Collection[str] = ()) -> list[WeightSlot]:
    """Return all slots of a built model, in the order of its layers.

    Args:
        as_stored: the names of the layers whose features are in the order of the file.

    Raises:
        ArgumentError: the model is not built, or has layers whose weights cannot be set; all of them are named.
    """
    if not isinstance(model, keras.Layer) or not model.built:
        raise ArgumentError(
            f"Expected model= to be a built Keras model, received {model!r}: call it once on data, or type "
            "model.build((None, ...)) with the shape that it takes."
        )
    nodes = collect_nodes(model)
    orders = AxisOrders(nodes, _input_channels(model), as_stored)
    slots, faults = [], []
    for node in nodes:
        try:
            slots += _slots(node.layer, SlotContext(node, orders, parameters))
        except NotAssignable as fault:
            faults.append(f"{node.name!r} ({type(node.layer).__name__}) {fault}")
    if faults:
        raise ArgumentError(
            f"Cannot load the weights of {parameters.file} into {model.name}: layer {'; layer '.join(faults)}."
        )
    return slots


def _input_channels(model: Any) -> int:
    """Return the channels of the images that a subclassed model was built on, else 0."""
    shape = (model.get_build_config() or {}).get("input_shape")
    return shape[-1] or 0 if isinstance(shape, list | tuple) and len(shape) > 3 and isinstance(shape[-1], int) else 0


def _slots(layer: Any, context: SlotContext) -> list[WeightSlot]:
    if isinstance(layer, L.TimeDistributed):
        return _slots(layer.layer, context.inner(layer.layer.name))
    if not getattr(layer, "weights", None) or isinstance(layer, SKIPPED_LAYERS):
        return []
    for kind, rule in RULES[context.convention].items():
        if isinstance(layer, kind):
            return rule(layer, context)
    raise NotAssignable("is of a type whose weights cannot be loaded from such a file")
