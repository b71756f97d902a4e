"""Collect the weight slots of a Keras model, by a rule for each kind of layer."""

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
Rules = dict[tuple[type, ...], Callable[[Any, SlotContext], list[WeightSlot]]]

SHARED_RULES: Rules = {
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
PYTORCH_RULES: Rules = {
    (L.EinsumDense,): kernel_layouts.einsum_dense,
    (L.LayerNormalization, L.GroupNormalization): normalization.layer_or_group_normalization,
    (L.RMSNormalization,): normalization.rms_normalization,
    (L.MultiHeadAttention,): attention.multi_head_attention,
}
"""Rules for the layers that Lasagne does not have."""

SKIPPED_LAYERS = (L.Normalization, L.Discretization)
"""Layers whose weights are statistics of data, and not part of a trained network."""


def collect_slots(model: Any, parameters: Parameters) -> list[WeightSlot]:
    """Return all slots of a built model, in the order of its layers.

    Raises:
        ArgumentError: the model is not built, or has layers whose weights cannot be set; all of them are named.
    """
    if not isinstance(model, keras.Layer) or not model.built:
        raise ArgumentError(
            f"Expected model= to be a built Keras model, received {model!r}: call it once on data, or type "
            "model.build((None, ...)) with the shape that it takes."
        )
    nodes = collect_nodes(model)
    orders = AxisOrders(nodes, _input_channels(model))
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
    if context.convention == "tensorflow":
        return same_layout.same_layout_slots(layer, context)
    for kinds, rule in {**SHARED_RULES, **(PYTORCH_RULES if context.pytorch else {})}.items():
        if isinstance(layer, kinds):
            return rule(layer, context)
    raise NotAssignable("is of a type whose weights cannot be loaded from such a file")
