"""Build a Keras model of a graph: stock layers where one computes the same, else those of `kerasbridge.layers`."""

from typing import Any, Literal

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.graph import Graph, Node
from kerasbridge.importers.ir.ops.base import BUILDERS, Shape
from kerasbridge.importers.keras_builder.context import LayerContext, UniqueNames, keras_shape
from kerasbridge.importers.keras_builder.limits import check_num_layers
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.untrusted import deep_recursion

DataFormat = Literal["channels_last", "channels_first"]


def build(graph: Graph, data_format: DataFormat) -> Any:
    """Build a functional Keras model that computes the same as the graph.

    Args:
        graph: its inputs have the sizes that the model will have.
        data_format: "channels_last" takes and returns images as N, H, W, C; "channels_first" as N, C, H, W.

    Returns:
        The model, its inputs and outputs in the order of the graph; not compiled.

    Raises:
        LegacyFileError: the parts of the graph do not fit each other.
    """
    check_num_layers(len(graph.nodes))
    shapes, names, nonnegative = graph.shapes(), UniqueNames(), graph.nonnegative()
    to_model_shape = keras_shape if data_format == "channels_last" else tuple
    inputs = [keras.Input(to_model_shape(entry.shape)[1:], name=names.new(entry.name)) for entry in graph.inputs]
    values = {
        entry.name: _outside(entry.name, names).to_nhwc(tensor, _transposed_rank(entry.shape, data_format))
        for entry, tensor in zip(graph.inputs, inputs, strict=True)
    }
    for node in graph.nodes:
        inputs_and_outputs = [shapes[name] for name in node.inputs], [shapes[name] for name in node.outputs]
        context = LayerContext(node.name, *inputs_and_outputs, node.inputs[0] in nonnegative, names)
        result = _build_node(node, context, [values[name] for name in node.inputs])
        values.update(zip(node.outputs, result if isinstance(result, list) else [result], strict=True))
    outputs = [
        _outside(name, names).to_nchw(values[name], _transposed_rank(shapes[name], data_format))
        for name in graph.outputs
    ]
    name = UniqueNames().new(graph.name or "network")
    with deep_recursion(len(graph.nodes)):
        return keras.Model(_one_or_all(inputs), _one_or_all(outputs), name=name)


def _build_node(node: Node, context: LayerContext, tensors: list[Any]) -> Any:
    """Build the layers of a node and return its output tensor, or a list of them."""
    try:
        return BUILDERS[type(node.operation)](node.operation, context, *tensors)
    except ValueError as error:
        message = " ".join(str(error).split())
        raise LegacyFileError(f"Keras refuses layer {node}: {message}") from error


def _outside(name: str, names: UniqueNames) -> LayerContext:
    """Return the context of an input or output of the model, which belongs to no node."""
    return LayerContext(name, [], [], False, names)


def _transposed_rank(shape: Shape, data_format: DataFormat) -> int:
    """Return the rank of a value that the model takes or returns with its channels first; 0 for other values."""
    return len(shape) if data_format == "channels_first" else 0


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors
