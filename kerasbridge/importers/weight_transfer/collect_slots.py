"""The parts of a Keras model that take weights, in their order; what is unknown here is named, all of it at once."""

from collections.abc import Callable
from typing import Any

from kerasbridge.errors import ArgumentError
from kerasbridge.importers.ir.weights import Parameters
from kerasbridge.importers.weight_transfer import attention, kernel_layouts, normalization, recurrent, same_layout
from kerasbridge.importers.weight_transfer.flatten_order import AxisOrders
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable, collect_nodes
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers
SHARED_RULES: dict[tuple[type, ...], Callable[[Any, SlotContext], list[WeightSlot]]] = {
    (L.Dense,): kernel_layouts.dense,
    (L.Conv1D, L.Conv2D, L.Conv3D): kernel_layouts.convolution,
    (L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose): kernel_layouts.transposed_convolution,
    (L.DepthwiseConv1D, L.DepthwiseConv2D): kernel_layouts.depthwise_convolution,
    (L.SeparableConv1D, L.SeparableConv2D): kernel_layouts.separable_convolution,
    (L.Embedding,): kernel_layouts.embedding,
    (L.PReLU,): kernel_layouts.prelu,
    (L.BatchNormalization,): normalization.batch_normalization,
    (L.Bidirectional,): recurrent.bidirectional,
    (L.LSTM, L.GRU, L.SimpleRNN, L.RNN): recurrent.recurrent,
}
PYTORCH_RULES: dict[tuple[type, ...], Callable[[Any, SlotContext], list[WeightSlot]]] = {
    (L.EinsumDense,): kernel_layouts.einsum_dense,
    (L.LayerNormalization, L.GroupNormalization): normalization.over_axes,
    (L.RMSNormalization,): normalization.root_mean_square,
    (L.MultiHeadAttention,): attention.multi_head_attention,
}
"""What Lasagne has no layer for."""

SKIPPED_LAYERS = (L.Normalization, L.Discretization)
"""Layers whose weights were found in data, and are not of a network."""


def collect_slots(model: Any, parameters: Parameters) -> list[WeightSlot]:
    """All parts of a built model.

    Raises:
        ArgumentError: the model is not built, or has layers whose weights cannot be set; all are named.
    """
    if not isinstance(model, keras.Layer) or not model.built:
        raise ArgumentError(
            f"Expected model= to be a built Keras model, received {model!r}: call it once on data, or type "
            "model.build((None, ...)) with the shape that it takes."
        )
    every = collect_nodes(model)
    orders, found, faults = AxisOrders(every, _channels(model)), [], []
    for place in every:
        try:
            found += _parts(place.layer, SlotContext(place, orders, parameters))
        except NotAssignable as fault:
            faults.append(f"{place.name!r} ({type(place.layer).__name__}) {fault}")
    if faults:
        raise ArgumentError(f"{parameters.file} cannot be brought onto {model.name}: layer {'; layer '.join(faults)}.")
    return found


def _channels(model: Any) -> int:
    """The channels of the images that a model that is a class was built on."""
    shape = (model.get_build_config() or {}).get("input_shape")
    return shape[-1] or 0 if isinstance(shape, list | tuple) and len(shape) > 3 and isinstance(shape[-1], int) else 0


def _parts(layer: Any, site: SlotContext) -> list[WeightSlot]:
    if isinstance(layer, L.TimeDistributed):
        return _parts(layer.layer, site.inner(layer.layer.name))
    if not getattr(layer, "weights", None) or isinstance(layer, SKIPPED_LAYERS):
        return []
    if site.convention == "tensorflow":
        return same_layout.same_layout_slots(layer, site)
    for kinds, rule in {**SHARED_RULES, **(PYTORCH_RULES if site.pytorch else {})}.items():
        if isinstance(layer, kinds):
            return rule(layer, site)
    raise NotAssignable("is of a kind that takes no weights from such a file")
