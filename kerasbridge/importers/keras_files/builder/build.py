"""Layers called on tensors, in the order of the description, with the weights that they have there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_builder.context import UniqueNames
from kerasbridge.importers.keras_files.builder import axis_order
from kerasbridge.importers.keras_files.builder.axis_order import Value
from kerasbridge.importers.keras_files.builder.parts import call_layer, make_layer, prepare_weights
from kerasbridge.importers.keras_files.ir import (
    CHANNELS_FIRST,
    CHANNELS_LAST,
    Call,
    Input,
    Layer,
    Model,
    Part,
    Ref,
)
from kerasbridge.keras_compat import keras

Layout = str


def build(model: Model, layout: Layout) -> Any:
    """A functional Keras model that computes what the model in the file does.

    Args:
        model: its layers with their weights.
        layout: "channels_last" takes and gives images with the channels last, "channels_first" with them before height
            and width, however the file has them.

    Returns:
        The model, its inputs and outputs in the file's order; not compiled.

    Raises:
        LegacyFileError: the parts of the model do not fit each other.
    """
    return ModelBuilder(model, UniqueNames()).build(layout).model


@dataclass(frozen=True)
class BuiltModel:
    """A model of Keras's, and the axes that lie last in what it takes and gives."""

    model: Any
    input_channels: tuple[int | None, ...]
    output_channels: tuple[int | None, ...]


class ModelBuilder:
    """Builds one model; models within it have builders of their own."""

    def __init__(self, model: Model, names: UniqueNames) -> None:
        self.model, self.names = model, names
        self.values: dict[Ref, Value] = {}
        self.layers: dict[tuple[str, int], tuple[Any, int | None]] = {}
        self.inner_models: dict[str, BuiltModel] = {}
        self.data_formats = axis_order.image_data_formats(model)

    def build(self, layout: Layout, name: str = "") -> BuiltModel:
        """The model, with its images in this order."""
        inputs = [self._input(entry, layout) for entry in self.model.inputs]
        takes = tuple(self.values[Ref(entry.name)].channels for entry in self.model.inputs)
        for one in self.model.calls:
            self._call(one)
        outputs = [self._output(self.values[ref], layout) for ref in self.model.outputs]
        tensors = [value.tensor for value in outputs]
        name = name or UniqueNames().new(self.model.name)
        try:
            model = keras.Model(_one_or_all(inputs), _one_or_all(tensors), name=name)
        except ValueError as error:
            raise LegacyFileError(f"Keras refuses the model {self.model.name!r}: {_in_a_line(error)}") from error
        return BuiltModel(model, takes, tuple(value.channels for value in outputs))

    def _input(self, entry: Input, layout: Layout) -> Any:
        """What is fed, in the layout's order; what the layers take is as in the file, or with the channels last."""
        said, axis = self.data_formats.get(len(entry.shape), ("", 1))
        batch = entry.shape[0] if _is_stateful(self.model) else None
        shape = [batch, *entry.shape[1:]]
        moved = said == CHANNELS_FIRST and layout == CHANNELS_LAST
        if moved:
            shape.append(shape.pop(axis))
        turned = self._is_turned(len(shape), layout)
        if turned:
            shape.insert(axis, shape.pop())
        tensor = keras.Input(batch_shape=shape, dtype=entry.dtype, name=self.names.new(entry.name))
        value = Value(tensor, axis if moved else None)
        self.values[Ref(entry.name)] = Value(self._moved(value, axis).tensor) if turned else value
        return tensor

    def _is_turned(self, rank: int, layout: Layout) -> bool:
        """Return whether images have their channels last in the file, and before height and width in this layout."""
        return self.data_formats.get(rank, ("", 1))[0] == CHANNELS_LAST and layout == CHANNELS_FIRST and rank > 3

    def _output(self, value: Value, layout: Layout) -> Value:
        if layout == CHANNELS_LAST:
            return value
        if not self._is_turned(value.rank, layout):
            return self._moved(value, None)
        last = value.rank - 1
        dims = [*range(1, last)]
        dims.insert(self.data_formats[value.rank][1] - 1, last)
        return Value(self._plain("Permute", value.tensor, dims=dims))

    def _moved(self, value: Value, channels: int | None) -> Value:
        """The value with another axis last."""
        dims = value.permutation_to(channels)
        return Value(self._plain("Permute", value.tensor, dims=dims) if dims else value.tensor, channels)

    def _plain(self, kind: str, tensor: Any, **options: Any) -> Any:
        return getattr(keras.layers, kind)(name=self.names.new(kind.lower()), **options)(tensor)

    def _call(self, one: Call) -> None:
        layer = self.model.layers[one.layer]
        values = [self._value(ref, layer) for ref in one.inputs]
        options = {
            name: self._value(value, layer) if isinstance(value, Ref) else value for name, value in one.options.items()
        }
        try:
            results = self._results(layer, values, options)
        except LegacyFileError:
            raise
        except Exception as error:  # whatever a layer of Keras, or its backend, says to what a file asks of it
            raise LegacyFileError(f"Keras refuses layer {layer}: {_in_a_line(error)}") from error
        for place, result in enumerate(results):
            self.values[Ref(one.layer, one.index, place)] = result

    def _value(self, ref: Ref, layer: Layer) -> Value:
        if ref not in self.values:
            raise LegacyFileError(f"layer {layer} takes a tensor of {ref.layer!r} that is not there.")
        return self.values[ref]

    def _results(self, layer: Layer, values: list[Value], options: Mapping[str, Any]) -> Sequence[Value]:
        if layer.model is not None:
            return self._of_model(layer, values)
        for place, part in enumerate(layer.parts):
            weights = layer.weights[place] if layer.weights else ()
            last = place == len(layer.parts) - 1
            more = options if last else {}
            values = list(self._of_part(layer, place, part, weights, values, more))
        return values

    def _of_model(self, layer: Layer, values: list[Value]) -> Sequence[Value]:
        """What a model within the model gives, or one that is called for every step of time."""
        assert layer.model is not None
        shift = len(layer.parts)
        if layer.name not in self.inner_models:
            name = self.names.new(layer.name)
            built = ModelBuilder(layer.model, UniqueNames()).build(CHANNELS_LAST, "" if shift else name)
            called = keras.layers.TimeDistributed(built.model, name=name) if shift else built.model
            self.inner_models[layer.name] = BuiltModel(called, built.input_channels, built.output_channels)
        built = self.inner_models[layer.name]
        tensors = [
            self._moved(value, None if axis is None else axis + shift).tensor
            for value, axis in zip(values, built.input_channels, strict=True)
        ]
        results = built.model(_one_or_all(tensors))
        results = results if isinstance(results, list | tuple) else [results]
        axes = [None if axis is None else axis + shift for axis in built.output_channels]
        return [Value(tensor, axis) for tensor, axis in zip(results, axes, strict=True)]

    def _of_part(
        self,
        layer: Layer,
        place: int,
        part: Part,
        weights: Sequence[Array],
        values: list[Value],
        options: Mapping[str, Any],
    ) -> Sequence[Value]:
        """What one layer of Keras 3 gives; a second call of it goes to the same one."""
        if part.kind == "Permute":
            return [self._permuted(layer, part, values[0])]
        key = (layer.name, place)
        channels = self.layers[key][1] if key in self.layers else axis_order.input_channel_axis(part, values)
        values = [self._moved(value, channels) for value in values]
        if key not in self.layers:
            weights = prepare_weights(layer, part, weights, values, channels)
            name = self.names.new(f"{layer.name}_{part.suffix}" if part.suffix else layer.name)
            made = make_layer(part, name, weights, values, channels)
            made.trainable = layer.trainable
            self.layers[key] = (made, channels)
            return self._given(part, call_layer(made, values, options, self._moved, weights), values[0], channels)
        return self._given(part, call_layer(self.layers[key][0], values, options, self._moved), values[0], channels)

    def _given(self, part: Part, tensors: Sequence[Any], first: Value, channels: int | None) -> Sequence[Value]:
        return [
            Value(
                tensor,
                axis_order.output_channel_axis(part, channels, first.rank, len(tensor.shape)) if not place else None,
            )
            for place, tensor in enumerate(tensors)
        ]

    def _permuted(self, layer: Layer, part: Part, value: Value) -> Value:
        """A permutation of the file's axes, together with what brings them back into the file's order."""
        places = axis_order.axis_permutation(value.rank, value.channels)
        dims = tuple(places.index(axis) for axis in part.options["dims"])
        if dims == tuple(range(1, value.rank)):
            return Value(value.tensor)
        return Value(keras.layers.Permute(dims, name=self.names.new(layer.name))(value.tensor))


def _is_stateful(model: Model) -> bool:
    parts = [part for _, layer in model.all_layers() for part in layer.parts]
    parts += [part.inner for part in parts if part.inner is not None]
    return any(part.options.get("stateful") for part in parts)


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _in_a_line(error: Exception) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())[:500]
