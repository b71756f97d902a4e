"""A Keras model of a network: stock layers wherever they say it exactly, else those of `importers.layers`."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir import ops
from kerasbridge.importers.ir.graph import Graph, Node
from kerasbridge.importers.ir.ops import Shape
from kerasbridge.importers.keras_builder import axes, elementwise, padding, pooling, reshaping, weighted
from kerasbridge.importers.keras_builder.context import LayerContext, UniqueNames, keras_shape
from kerasbridge.keras_compat import keras

DataFormat = Literal["channels_last", "channels_first"]

LAYERS: dict[type[ops.Operation], Callable[..., Any]] = {
    ops.Activation: elementwise.activation,
    ops.Affine: weighted.affine,
    ops.AxisReduction: axes.axis_reduction,
    ops.BatchNormalization: weighted.batch_normalization,
    ops.Broadcast: elementwise.broadcast,
    ops.DepthConcat: padding.centered_concatenation,
    ops.Clip: elementwise.clip,
    ops.ElementwiseMerge: elementwise.combination,
    ops.Concatenate: reshaping.concatenation,
    ops.Convolution: weighted.convolution,
    ops.CropLike: reshaping.cropping,
    ops.Deconvolution: weighted.deconvolution,
    ops.Dense: weighted.dense,
    ops.DepthToSpace: reshaping.depth_to_space,
    ops.Dropout: elementwise.dropout,
    ops.Embedding: weighted.embedding,
    ops.Flatten: reshaping.flattening,
    ops.GlobalPooling: pooling.global_pooling,
    ops.InstanceNormalization: weighted.instance_normalization,
    ops.ArgMax: reshaping.largest_places,
    ops.ScaleShift: elementwise.linear,
    ops.LRN: elementwise.local_response,
    ops.ConstantPad: padding.margin,
    ops.Slice: axes.narrowing,
    ops.PRelu: weighted.prelu,
    ops.Padding: padding.padding,
    ops.Pooling: pooling.pooling,
    ops.Power: elementwise.power,
    ops.Reduction: reshaping.reduction,
    ops.ReplaceValue: elementwise.replacement,
    ops.Reshape: reshaping.reshaping,
    ops.Resize: padding.resizing,
    ops.Split: reshaping.slicing,
    ops.Softmax: elementwise.softmax,
    ops.SpaceToDepth: reshaping.space_to_depth,
    ops.Squeeze: axes.squeezing,
    ops.MeanVarianceNormalization: elementwise.standardization,
    ops.Threshold: elementwise.threshold,
    ops.Tile: reshaping.tiling,
    ops.Transpose: reshaping.transposition,
    ops.L2Normalize: elementwise.unit_length,
    ops.Unsqueeze: axes.unsqueezing,
    ops.Upsample: padding.upsampling,
}
"""What makes the layers of each operation."""


def build(network: Graph, data_format: DataFormat) -> Any:
    """A functional Keras model that computes what the network does.

    Args:
        network: what a format's reader found, the sizes of its inputs settled.
        data_format: "channels_last" takes and gives images as N, H, W, C; "channels_first" as N, C, H, W.

    Returns:
        The model, its inputs and outputs in the network's order; not compiled.

    Raises:
        LegacyFileError: the network's parts do not fit each other.
    """
    shapes, names, nonnegative = network.shapes(), UniqueNames(), network.nonnegative()
    inputs = [_input(entry.shape, entry.name, data_format, names) for entry in network.inputs]
    values = {
        entry.name: LayerContext(entry.name, [], [], False, names).from_file_order(
            tensor, _swapped(entry.shape, data_format)
        )
        for entry, tensor in zip(network.inputs, inputs, strict=True)
    }
    for node in network.nodes:
        given = LayerContext(node.name, *_shapes_of(node, shapes), node.inputs[0] in nonnegative, names)
        made = _layers(node, given, [values[name] for name in node.inputs])
        values.update(zip(node.outputs, made if isinstance(made, list) else [made], strict=True))
    outputs = [
        LayerContext(name, [], [], False, names).to_file_order(values[name], _swapped(shapes[name], data_format))
        for name in network.outputs
    ]
    return keras.Model(_one_or_all(inputs), _one_or_all(outputs), name=UniqueNames().new(network.name or "network"))


def _layers(node: Node, site: LayerContext, tensors: list[Any]) -> Any:
    """What the layers of a node make of the tensors."""
    try:
        return LAYERS[type(node.operation)](node.operation, site, *tensors)
    except ValueError as error:
        words = " ".join(str(error).split())
        raise LegacyFileError(f"Keras refuses layer {node}: {words}") from error


def _input(shape: Shape, name: str, data_format: DataFormat, names: UniqueNames) -> Any:
    there = shape if data_format == "channels_first" else keras_shape(shape)
    return keras.Input(there[1:], name=names.new(name))


def _swapped(shape: Shape, data_format: DataFormat) -> int:
    """How many dimensions a value has that has to be brought into another order; 0 if none has to."""
    return len(shape) if data_format == "channels_first" else 0


def _shapes_of(node: Node, shapes: Mapping[str, Shape]) -> tuple[list[Shape], list[Shape]]:
    return [shapes[name] for name in node.inputs], [shapes[name] for name in node.outputs]


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors
