"""A Keras model of a network: stock layers wherever they say it exactly, else those of `importers.layers`."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers import operations
from kerasbridge.importers.building import axes, elementwise, padding, pooling, shaping, weighted
from kerasbridge.importers.building.site import Names, Site, stored_shape
from kerasbridge.importers.network import Network, Node
from kerasbridge.importers.operations import Shape
from kerasbridge.keras_compat import keras

Layout = Literal["channels_last", "channels_first"]

LAYERS: dict[type[operations.Operation], Callable[..., Any]] = {
    operations.Activation: elementwise.activation,
    operations.Affine: weighted.affine,
    operations.AxisReduction: axes.axis_reduction,
    operations.BatchNormalization: weighted.batch_normalization,
    operations.Broadcast: elementwise.broadcast,
    operations.CenteredConcatenation: padding.centered_concatenation,
    operations.Clip: elementwise.clip,
    operations.Combination: elementwise.combination,
    operations.Concatenation: shaping.concatenation,
    operations.Convolution: weighted.convolution,
    operations.Cropping: shaping.cropping,
    operations.Deconvolution: weighted.deconvolution,
    operations.Dense: weighted.dense,
    operations.DepthToSpace: shaping.depth_to_space,
    operations.Dropout: elementwise.dropout,
    operations.Embedding: weighted.embedding,
    operations.Flattening: shaping.flattening,
    operations.GlobalPooling: pooling.global_pooling,
    operations.InstanceNormalization: weighted.instance_normalization,
    operations.LargestPlaces: shaping.largest_places,
    operations.Linear: elementwise.linear,
    operations.LocalResponse: elementwise.local_response,
    operations.Margin: padding.margin,
    operations.Narrowing: axes.narrowing,
    operations.PRelu: weighted.prelu,
    operations.Padding: padding.padding,
    operations.Pooling: pooling.pooling,
    operations.Power: elementwise.power,
    operations.Reduction: shaping.reduction,
    operations.Replacement: elementwise.replacement,
    operations.Reshaping: shaping.reshaping,
    operations.Resizing: padding.resizing,
    operations.Slicing: shaping.slicing,
    operations.Softmax: elementwise.softmax,
    operations.SpaceToDepth: shaping.space_to_depth,
    operations.Squeezing: axes.squeezing,
    operations.Standardization: elementwise.standardization,
    operations.Threshold: elementwise.threshold,
    operations.Tiling: shaping.tiling,
    operations.Transposition: shaping.transposition,
    operations.UnitLength: elementwise.unit_length,
    operations.Unsqueezing: axes.unsqueezing,
    operations.Upsampling: padding.upsampling,
}
"""What makes the layers of each operation."""


def build(network: Network, layout: Layout) -> Any:
    """A functional Keras model that computes what the network does.

    Args:
        network: what a format's reader found, the sizes of its inputs settled.
        layout: "channels_last" takes and gives images as N, H, W, C; "channels_first" as N, C, H, W.

    Returns:
        The model, its inputs and outputs in the network's order; not compiled.

    Raises:
        LegacyFileError: the network's parts do not fit each other.
    """
    shapes, names, nonnegative = network.shapes(), Names(), network.nonnegative()
    inputs = [_input(entry.shape, entry.name, layout, names) for entry in network.inputs]
    values = {
        entry.name: Site(entry.name, [], [], False, names).from_file_order(tensor, _swapped(entry.shape, layout))
        for entry, tensor in zip(network.inputs, inputs, strict=True)
    }
    for node in network.nodes:
        given = Site(node.name, *_shapes_of(node, shapes), node.inputs[0] in nonnegative, names)
        made = _layers(node, given, [values[name] for name in node.inputs])
        values.update(zip(node.outputs, made if isinstance(made, list) else [made], strict=True))
    outputs = [
        Site(name, [], [], False, names).to_file_order(values[name], _swapped(shapes[name], layout))
        for name in network.outputs
    ]
    return keras.Model(_one_or_all(inputs), _one_or_all(outputs), name=Names().new(network.name or "network"))


def _layers(node: Node, site: Site, tensors: list[Any]) -> Any:
    """What the layers of a node make of the tensors."""
    try:
        return LAYERS[type(node.operation)](node.operation, site, *tensors)
    except ValueError as error:
        words = " ".join(str(error).split())
        raise LegacyFileError(f"Keras refuses layer {node}: {words}") from error


def _input(shape: Shape, name: str, layout: Layout, names: Names) -> Any:
    there = shape if layout == "channels_first" else stored_shape(shape)
    return keras.Input(there[1:], name=names.new(name))


def _swapped(shape: Shape, layout: Layout) -> int:
    """How many dimensions a value has that has to be brought into another order; 0 if none has to."""
    return len(shape) if layout == "channels_first" else 0


def _shapes_of(node: Node, shapes: Mapping[str, Shape]) -> tuple[list[Shape], list[Shape]]:
    return [shapes[name] for name in node.inputs], [shapes[name] for name in node.outputs]


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors
