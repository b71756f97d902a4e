"""Slots for TensorFlow files: they contain the arrays of Keras layers in the same layout, by the names of variables."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerasbridge.importers.weight_transfer.axis_propagation import per_step_layer
from kerasbridge.importers.weight_transfer.layouts.base import slots_for
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, ArraySpec, WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers
_NORMALIZATIONS = (L.BatchNormalization, L.LayerNormalization, L.GroupNormalization)


@slots_for(keras.Layer, conventions=("tensorflow",))
def same_layout_slots(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return one slot, or one for each inner layer; both directions of a recurrent layer are one slot.

    Raises:
        NotAssignable: the layer expects images with the channels first.
    """
    if getattr(per_step_layer(layer), "data_format", None) == "channels_first":
        raise NotAssignable("takes images with the channels first, and TensorFlow's variables are for channels last")
    if isinstance(layer, L.Bidirectional):
        directions = {"forward": layer.forward_layer, "backward": layer.backward_layer}
        variables_by_role = {
            f"{direction}_{variable.name}": variable
            for direction, inner in directions.items()
            for variable in inner.weights
        }
        return [_slot(context, variables_by_role)]
    scopes: dict[str, list[Any]] = {}
    for variable in layer.weights:
        scopes.setdefault(variable.path.rpartition("/")[0], []).append(variable)
    normalizes = isinstance(layer, _NORMALIZATIONS)
    return [
        _slot(context, _roles(variables), scope.rpartition("/")[2] if len(scopes) > 1 else "", normalizes)
        for scope, variables in scopes.items()
    ]


def _roles(variables: Sequence[Any]) -> dict[str, Any]:
    """Return the variables by name; a single matrix is the kernel, whatever its name."""
    one_matrix = sum(len(variable.shape) > 1 for variable in variables) == 1
    return {"kernel" if one_matrix and len(variable.shape) > 1 else variable.name: variable for variable in variables}


def _slot(
    context: SlotContext, variables_by_role: Mapping[str, Any], name: str = "", normalizes: bool = False
) -> WeightSlot:
    arrays = tuple(ArraySpec(role, tuple(variable.shape)) for role, variable in variables_by_role.items())
    layout = ArrayLayout(arrays, lambda *values: list(values))
    return context.slot([*variables_by_role.values()], [layout], name, normalizes)
