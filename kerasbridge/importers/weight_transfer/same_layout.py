"""TensorFlow's files hold what Keras's layers hold: the same arrays in the same order of axes, by their own names."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.axis_propagation import per_step_layer
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, ArraySpec, WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers
_NORMALIZATIONS = (L.BatchNormalization, L.LayerNormalization, L.GroupNormalization)


def same_layout_slots(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """One part, or one for each layer that the layer holds; both directions of a recurrent one are one part.

    Raises:
        CannotTake: it takes images in another order.
    """
    if getattr(per_step_layer(layer), "data_format", None) == "channels_first":
        raise NotAssignable("takes images with the channels first, and TensorFlow's variables are for channels last")
    if isinstance(layer, L.Bidirectional):
        ways = {"forward": layer.forward_layer, "backward": layer.backward_layer}
        roles = {f"{way}_{one.name}": one for way, one_way in ways.items() for one in one_way.weights}
        return [_part(site, roles)]
    held: dict[str, list[Any]] = {}
    for variable in layer.weights:
        held.setdefault(variable.path.rpartition("/")[0], []).append(variable)
    normalizes = isinstance(layer, _NORMALIZATIONS)
    return [
        _part(site, _roles(variables), scope.rpartition("/")[2] if len(held) > 1 else "", normalizes)
        for scope, variables in held.items()
    ]


def _roles(variables: Sequence[Any]) -> dict[str, Any]:
    """The variables by their names; one matrix alone is the kernel, whatever it is called."""
    alone = sum(len(one.shape) > 1 for one in variables) == 1
    return {"kernel" if alone and len(one.shape) > 1 else one.name: one for one in variables}


def _part(site: SlotContext, roles: Mapping[str, Any], name: str = "", normalizes: bool = False) -> WeightSlot:
    form = ArrayLayout(tuple(ArraySpec(role, tuple(one.shape)) for role, one in roles.items()), _as_they_are)
    return site.slot([*roles.values()], [form], name, normalizes)


def _as_they_are(*arrays: Array) -> list[Array]:
    return list(arrays)
