"""The order of the features of each layer: Keras flattens images as (H, W, C), the older frameworks as (C, H, W).

Each tensor of a model has an `AxisOrder`, relative to the file's framework. The orders are propagated from layer to
layer; a reshape from vectors to images also determines the order of the dense layer before it.
"""

from collections.abc import Collection, Mapping, Sequence

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.axis_propagation import (
    UNCHANGED,
    AxisOrder,
    channels_last,
    flatten_index,
    initial_order,
    input_shape,
    is_reshape,
    is_spatial,
    keeps_order,
    output_shape,
    per_step_layer,
    propagate,
)
from kerasbridge.importers.weight_transfer.model_graph import LayerNode, NotAssignable
from kerasbridge.keras_compat import keras

L = keras.layers


class AxisOrders:
    """The axis order of each node's output.

    Args:
        nodes: each after those whose outputs it takes.
        channels: the channels of the model's input images; 0 if it takes none, or if they are unknown.
        as_stored: the names of the layers whose features are in the order of the file, as the user states.
    """

    def __init__(self, nodes: Sequence[LayerNode], channels: int = 0, as_stored: Collection[str] = ()) -> None:
        self._as_stored = {node for node in nodes if any(_is_named(node, name) for name in as_stored)}
        self._outputs: dict[LayerNode, AxisOrder] = {}
        self._channels: dict[LayerNode, int] = {}
        self._input_channels = channels
        required = _required_orders(nodes)
        for node in nodes:
            inputs = [self._outputs[source] for source in node.inputs] or [initial_order(node)]
            self._outputs[node] = propagate(node, inputs, None if node in self._as_stored else required.get(node))
            self._channels[node] = self._last_channels(node)

    def input_order(self, node: LayerNode) -> AxisOrder:
        """Return the order of a node's first input."""
        return self._outputs[node.inputs[0]] if node.inputs else UNCHANGED

    def input_index(self, node: LayerNode, count: int) -> Array | None:
        """Return the position in the file's order of each input feature of a node; None for the same order.

        Raises:
            NotAssignable: the order is unknown, or has another number of features.
        """
        if node in self._as_stored:
            return None
        order = self.input_order(node)
        if order.lost_at:
            channels = max((self._channels[source] for source in node.inputs), default=0)
            if channels > 1 and count != channels:
                raise NotAssignable(
                    f"takes {count} features of images of {channels} channels, whose order is unknown after "
                    f"{order.lost_at}: replace it with a Flatten layer in a functional or sequential model, or keep "
                    f"the order of the file: mapping={{{node.name!r}: 'as stored'}} (--map {node.name}=\"as stored\")"
                )
        return _checked_index(order, count)

    def output_index(self, node: LayerNode, count: int) -> Array | None:
        """Return the position in the file's order of each output feature of a node; None for the same order.

        Raises:
            NotAssignable: the order has another number of features.
        """
        return _checked_index(self._outputs[node], count)

    def _last_channels(self, node: LayerNode) -> int:
        """Return the channels of the last images on the path to a node, else 0."""
        layer = per_step_layer(node.layer)
        if isinstance(layer, L.DepthwiseConv1D | L.DepthwiseConv2D):
            return int(layer.kernel.shape[-2] * layer.kernel.shape[-1])
        if getattr(layer, "filters", None) and hasattr(layer, "kernel_size"):
            return int(layer.filters)
        if isinstance(layer, L.Dense | L.RNN | L.Embedding):
            return 0
        if not node.inputs:
            shape = input_shape(node) or ()
            return (shape[-1] or 0) if len(shape) > 2 else self._input_channels
        return max(self._channels[source] for source in node.inputs)


def _is_named(node: LayerNode, name: str) -> bool:
    """Return whether a name in a mapping refers to a layer, or to a layer inside it."""
    return node.name == name or node.name.endswith(f"/{name}") or name.startswith(f"{node.name}/")


def _checked_index(order: AxisOrder, count: int) -> Array | None:
    if order.index is not None and len(order.index) != count:
        raise NotAssignable(f"has {count} features where {len(order.index)} are expected")
    return order.index


def _required_orders(nodes: Sequence[LayerNode]) -> Mapping[LayerNode, Array]:
    """Return the output order of each dense layer whose output later becomes images."""
    required: dict[LayerNode, Array] = {}
    if any(getattr(per_step_layer(node.layer), "data_format", None) == "channels_first" for node in nodes):
        return required
    for node in nodes:
        shape = output_shape(node) if is_reshape(node.layer) else None
        if shape is None or len(shape) < 2 or not all(shape) or len(input_shape(node) or ()) != 1:
            continue
        if len(shape) == 2 and not _feeds_convolution(node, nodes):
            continue
        source = _feature_source(node)
        index = flatten_index(shape, channels_last(len(shape)))
        if source is not None and isinstance(source.layer, L.Dense) and index is not None:
            required[source] = index
    return required


def _feature_source(node: LayerNode) -> LayerNode | None:
    """Return the node that computes a node's input features, before activations and normalizations."""
    source = node.inputs[0] if node.inputs else None
    while source is not None and keeps_order(source.layer) and source.inputs:
        source = source.inputs[0]
    return source


def _feeds_convolution(node: LayerNode, nodes: Sequence[LayerNode]) -> bool:
    """Return whether a spatial layer takes a node's output, so that its axes are not time and features."""
    return any(is_spatial(other.layer) and _feature_source(other) is node for other in nodes)
