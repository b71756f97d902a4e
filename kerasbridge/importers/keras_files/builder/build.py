"""Build a Keras model by calling its layers on tensors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_builder import DataFormat
from kerasbridge.importers.keras_builder.context import UniqueNames
from kerasbridge.importers.keras_builder.limits import check_num_layers
from kerasbridge.importers.keras_files.builder import axis_order
from kerasbridge.importers.keras_files.builder.axis_order import Value
from kerasbridge.importers.keras_files.builder.parts import call_layer, make_layer, prepare_weights
from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST, CHANNELS_LAST, Call, Input, Layer, Model, Part, Ref
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.untrusted import deep_recursion


def build(model: Model, data_format: DataFormat) -> Any:
    """Return a functional Keras model, not compiled, with the inputs and outputs in the order of the file.

    Args:
        model: the layers with their weights.
        data_format: the data format of the images that the Keras model takes and returns, whatever that of the file.

    Raises:
        LegacyFileError: layers do not fit each other.
    """
    check_num_layers(sum(1 for _ in model.all_layers()))
    return ModelBuilder(model, UniqueNames()).build(data_format).model


@dataclass(frozen=True)
class BuiltModel:
    """A Keras model, and the axes that are at the end in its inputs and outputs."""

    model: Any
    input_channels: tuple[int | None, ...]
    output_channels: tuple[int | None, ...]


class ModelBuilder:
    """Builds one model; each nested model has a builder of its own."""

    def __init__(self, model: Model, names: UniqueNames) -> None:
        self.model, self.names = model, names
        self.values: dict[Ref, Value] = {}
        self.layers: dict[tuple[str, int], tuple[Any, int | None]] = {}
        """Each layer and the channel axis of its inputs, by the name in the file and the index of the part."""
        self.nested_models: dict[str, BuiltModel] = {}
        self.data_formats = axis_order.image_data_formats(model)

    def build(self, data_format: DataFormat, name: str = "") -> BuiltModel:
        """Build the model with images in this data format."""
        inputs = [self._input(entry, data_format) for entry in self.model.inputs]
        input_channels = tuple(self.values[Ref(entry.name)].channels for entry in self.model.inputs)
        for call in self.model.calls:
            self._call(call)
        outputs = [self._output(self.values[ref], data_format) for ref in self.model.outputs]
        tensors = [value.tensor for value in outputs]
        name = name or UniqueNames().new(self.model.name)
        try:
            with deep_recursion(len(self.model.calls)):
                model = keras.Model(_one_or_list(inputs), _one_or_list(tensors), name=name)
        except ValueError as error:
            raise LegacyFileError(f"Keras rejects the model {self.model.name!r}: {_one_line(error)}") from error
        return BuiltModel(model, input_channels, tuple(value.channels for value in outputs))

    def _input(self, entry: Input, data_format: DataFormat) -> Any:
        """Return an input, and store the value that layers take: in the order of the file or with the channels last."""
        file_format, axis = self.data_formats.get(len(entry.shape), ("", 1))
        batch = entry.shape[0] if _is_stateful(self.model) else None
        shape = [batch, *entry.shape[1:]]
        is_moved = file_format == CHANNELS_FIRST and data_format == CHANNELS_LAST
        if is_moved:
            shape.append(shape.pop(axis))
        moves_first = self._moves_channels_first(len(shape), data_format)
        if moves_first:
            shape.insert(axis, shape.pop())
        tensor = keras.Input(batch_shape=shape, dtype=entry.dtype, name=self.names.new(entry.name))
        value = Value(tensor, axis if is_moved else None)
        self.values[Ref(entry.name)] = Value(self._move(value, axis).tensor) if moves_first else value
        return tensor

    def _moves_channels_first(self, rank: int, data_format: DataFormat) -> bool:
        """Return whether images have the channels last in the file, and first in the model's inputs and outputs."""
        return self.data_formats.get(rank, ("", 1))[0] == CHANNELS_LAST and data_format == CHANNELS_FIRST and rank > 3

    def _output(self, value: Value, data_format: DataFormat) -> Value:
        if data_format == CHANNELS_LAST:
            return value
        if not self._moves_channels_first(value.rank, data_format):
            return self._move(value, None)
        last = value.rank - 1
        dims = [*range(1, last)]
        dims.insert(self.data_formats[value.rank][1] - 1, last)
        return Value(self._permute(value.tensor, dims))

    def _move(self, value: Value, channels: int | None) -> Value:
        """Return the value with another axis at the end."""
        dims = value.permutation_to(channels)
        return Value(self._permute(value.tensor, dims) if dims else value.tensor, channels)

    def _permute(self, tensor: Any, dims: Sequence[int]) -> Any:
        return keras.layers.Permute(dims, name=self.names.new("permute"))(tensor)

    def _call(self, call: Call) -> None:
        layer = self.model.layers[call.layer]
        values = [self._value(ref, layer) for ref in call.inputs]
        options = {
            name: self._value(value, layer) if isinstance(value, Ref) else value for name, value in call.options.items()
        }
        try:
            results = self._call_layer(layer, values, options)
        except LegacyFileError:
            raise
        except Exception as error:  # Keras and its backends raise many types of errors for invalid arguments
            raise LegacyFileError(f"Keras rejects layer {layer}: {_one_line(error)}") from error
        for index, result in enumerate(results):
            self.values[Ref(call.layer, call.index, index)] = result

    def _value(self, ref: Ref, layer: Layer) -> Value:
        if ref not in self.values:
            raise LegacyFileError(f"layer {layer} takes an output of {ref.layer!r} that does not exist.")
        return self.values[ref]

    def _call_layer(self, layer: Layer, values: list[Value], options: Mapping[str, Any]) -> Sequence[Value]:
        if layer.model is not None:
            return self._call_model(layer, layer.model, values)
        last = len(layer.parts) - 1
        for index, part in enumerate(layer.parts):
            weights = layer.weights[index] if layer.weights else ()
            values = list(self._call_part(layer, index, part, weights, values, options if index == last else {}))
        return values

    def _call_model(self, layer: Layer, model: Model, values: list[Value]) -> Sequence[Value]:
        """Call a nested model, or one in a TimeDistributed, which the layer has as its only part."""
        time_axes = len(layer.parts)
        if layer.name not in self.nested_models:
            name = self.names.new(layer.name)
            built = ModelBuilder(model, UniqueNames()).build(CHANNELS_LAST, "" if time_axes else name)
            called = keras.layers.TimeDistributed(built.model, name=name) if time_axes else built.model
            self.nested_models[layer.name] = BuiltModel(called, built.input_channels, built.output_channels)
        built = self.nested_models[layer.name]
        tensors = [
            self._move(value, None if axis is None else axis + time_axes).tensor
            for value, axis in zip(values, built.input_channels, strict=True)
        ]
        results = built.model(_one_or_list(tensors))
        results = results if isinstance(results, list | tuple) else [results]
        axes = [None if axis is None else axis + time_axes for axis in built.output_channels]
        return [Value(tensor, axis) for tensor, axis in zip(results, axes, strict=True)]

    def _call_part(
        self,
        layer: Layer,
        index: int,
        part: Part,
        weights: Sequence[Array],
        values: list[Value],
        options: Mapping[str, Any],
    ) -> Sequence[Value]:
        """Call one Keras 3 layer, which is made at the first call."""
        if part.kind == "Permute":
            return [self._call_permute(layer, part, values[0])]
        key = (layer.name, index)
        is_first_call = key not in self.layers
        channels = axis_order.input_channel_axis(part, values) if is_first_call else self.layers[key][1]
        values = [self._move(value, channels) for value in values]
        if is_first_call:
            weights = prepare_weights(layer, part, weights, values, channels)
            name = self.names.new(f"{layer.name}_{part.suffix}" if part.suffix else layer.name)
            keras_layer = make_layer(part, name, weights, values, channels)
            keras_layer.trainable = layer.trainable
            self.layers[key] = (keras_layer, channels)
        tensors = call_layer(self.layers[key][0], values, options, self._move, weights if is_first_call else ())
        axis = axis_order.output_channel_axis(part, channels, values[0].rank, len(tensors[0].shape))
        return [Value(tensor, axis if index == 0 else None) for index, tensor in enumerate(tensors)]

    def _call_permute(self, layer: Layer, part: Part, value: Value) -> Value:
        """Permute the axes of the file, and undo the moved channel axis in the same permutation."""
        axes = axis_order.axis_permutation(value.rank, value.channels)
        dims = tuple(axes.index(axis) for axis in part.options["dims"])
        if dims == tuple(range(1, value.rank)):
            return Value(value.tensor)
        return Value(keras.layers.Permute(dims, name=self.names.new(layer.name))(value.tensor))


def _is_stateful(model: Model) -> bool:
    parts = [part for _, layer in model.all_layers() for part in layer.parts]
    return any(one.options.get("stateful") for part in parts for one in (part, part.core))


def _one_or_list(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _one_line(error: Exception) -> str:
    """Return the message of an error without line breaks and terminal colours, at most 500 characters."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())[:500]
