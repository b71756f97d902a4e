"""Convert the configuration of a Keras model in a file to a `Model`: layers, and the tensors they are called on."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.convert_layer import convert_layer
from kerasbridge.importers.keras_files.inbound_nodes import parse_calls, parse_refs, renumber_calls, sort_calls
from kerasbridge.importers.keras_files.inputs import (
    MODEL_CLASSES,
    check_name,
    inferred_inputs,
    layer_name,
    normalize_entry,
    parse_input_layer,
    parse_shape,
    with_name,
)
from kerasbridge.importers.keras_files.ir import Call, Input, Layer, Model, Ref
from kerasbridge.importers.keras_files.layers.tf_op_layers import OPERATOR_CLASSES, convert_operator
from kerasbridge.importers.keras_files.provenance import UNREADABLE, Origin, UnsupportedLayer

Entry = Mapping[str, Any]
"""A layer in the configuration of a model: its class_name and config."""


@dataclass
class ModelConverter:
    """Converts the models of one file, and collects an error for every layer that is not supported.

    Args:
        origin: the provenance of the file.
        errors: one message for each layer that cannot be converted.
        path: the names of the models around the current one, each followed by "/".
    """

    origin: Origin
    errors: list[str] = field(default_factory=list)
    path: str = ""

    def model(self, kind: str, config: Any, name: str = "") -> Model:
        """Convert a model of this class; `name` is its name as a layer of another model."""
        if kind == "Graph":
            raise LegacyFileError("is a Graph of Keras 0, which is not supported")
        converter = replace(self, path=f"{self.path}{name}/" if name else self.path, errors=self.errors)
        if kind == "Sequential":
            return _SequentialConverter(converter, config, name).model()
        return converter._functional(config)

    def layer(self, kind: str, config: Mapping[str, Any], origin: Origin | None = None) -> Layer:
        """Convert a layer, or a model that is a layer of another one."""
        name = str(layer_name(config))
        if kind in MODEL_CLASSES:
            return Layer(name, kind, model=self.model(kind, config, name))
        return convert_layer(name, kind, config, self.origin, self.layer)

    def layer_or_error(self, kind: str, config: Mapping[str, Any]) -> Layer:
        """Convert a layer; if it is not supported, collect the error and return a layer without parts."""
        try:
            return self.layer(kind, config)
        except LegacyFileError as error:
            self.add_error(kind, config, str(error))
        except UNREADABLE as error:
            self.add_error(kind, config, f"has a configuration that cannot be read ({type(error).__name__}: {error})")
        return Layer(str(layer_name(config)), kind)

    def add_error(self, kind: str, config: Any, reason: str) -> None:
        """Collect the reason why a layer cannot be converted."""
        model = f" in {self.path.rstrip('/')!r}" if self.path else ""
        self.errors.append(f"{str(layer_name(config))!r} ({kind}){model} {' '.join(reason.split())}")

    def _functional(self, config: Mapping[str, Any]) -> Model:
        layers: dict[str, Layer] = {}
        inputs: dict[str, Input] = {}
        calls: list[Call] = []
        for entry in config["layers"]:
            kind, name = entry["class_name"], check_name(entry.get("name") or entry["config"]["name"])
            layer_config = with_name(entry["config"], name)
            if kind == "InputLayer":
                inputs[name] = parse_input_layer(layer_config)
                continue
            layer_calls = parse_calls(name, entry["inbound_nodes"])
            if kind in OPERATOR_CLASSES:
                layers[name], layer_calls = self._operator(kind, layer_config, layer_calls)
            else:
                layers[name] = replace(self.layer_or_error(kind, layer_config), name=name)
            calls += layer_calls
        if not inputs or not config.get("output_layers"):
            raise LegacyFileError("has no inputs or no outputs")
        outputs, calls = renumber_calls(parse_refs(config["output_layers"]), calls, {*layers, *inputs})
        input_names = [ref.layer for ref in parse_refs(config["input_layers"])]
        return Model(
            str(config.get("name") or "model"),
            tuple(inputs[name] for name in input_names),
            layers,
            sort_calls(calls, inputs),
            outputs,
        )

    def _operator(self, kind: str, config: Mapping[str, Any], calls: list[Call]) -> tuple[Layer, list[Call]]:
        """Convert a TensorFlow function that became a layer; its arguments are those of its call."""
        try:
            if len(calls) != 1:
                raise UnsupportedLayer("is called more than once")
            part, inputs = convert_operator(config["function"], calls[0].inputs, calls[0].options)
        except UNREADABLE as error:
            self.add_error(kind, config, str(error))
            return Layer(config["name"], kind), calls
        return Layer(config["name"], kind, (part,)), [replace(calls[0], inputs=inputs, options={})]


@dataclass
class _SequentialConverter:
    """Converts a Sequential model.

    Args:
        converter: converts its layers.
        config: its configuration; in Keras 1 a list of layers.
        name: its name as a layer of another model.
        layers: those converted so far, by name.
    """

    converter: ModelConverter
    config: Any
    name: str = ""
    layers: dict[str, Layer] = field(default_factory=dict)

    def model(self) -> Model:
        """Return the model."""
        is_list = isinstance(self.config, list)
        entries = [normalize_entry(entry) for entry in (self.config if is_list else self.config["layers"])]
        if not entries:
            raise LegacyFileError("has no layers")
        inputs, calls, tensor, entries = self._start(entries)
        counts = Counter(call.layer for call in calls)
        for entry in entries:
            layer = self._layer(entry)
            calls.append(Call(layer.name, counts[layer.name], (tensor,)))
            counts[layer.name] += 1
            tensor = Ref(layer.name, calls[-1].index)
        name = self.name or ("" if is_list else self.config.get("name", "")) or "sequential"
        return Model(str(name), inputs, self.layers, tuple(calls), (tensor,))

    def _layer(self, entry: Entry) -> Layer:
        """Return the layer of an entry; a second entry of the same name is a second call of the same layer."""
        name = check_name(layer_name(entry["config"]) or f"{str(entry['class_name']).lower()}_{len(self.layers)}")
        if name not in self.layers:
            layer = self.converter.layer_or_error(entry["class_name"], with_name(entry["config"], name))
            self.layers[name] = replace(layer, name=name)
        return self.layers[name]

    def _start(self, entries: list[Entry]) -> tuple[tuple[Input, ...], list[Call], Ref, list[Entry]]:
        """Return the inputs, the first calls, the tensor that results from them, and the entries that follow."""
        first = entries[0]
        if first["class_name"] == "Merge":
            return *self._merge(first), entries[1:]
        if first["class_name"] == "InputLayer":
            entry = parse_input_layer(first["config"])
            return (entry,), [], Ref(entry.name), entries[1:]
        inputs = self._first_inputs(first)
        if inputs is None and isinstance(self.config, dict) and self.config.get("build_input_shape"):
            inputs = (Input("input", parse_shape(self.config["build_input_shape"])),)
        if inputs is None or len(inputs) != 1:
            raise LegacyFileError("has no input shape: it was saved before it was built")
        name = f"{layer_name(first['config']) or self.name or 'sequential'}_input"
        return (replace(inputs[0], name=name),), [], Ref(name), entries

    def _first_inputs(self, first: Entry) -> tuple[Input, ...] | None:
        """Return the inputs of the first layer, or of the model that is the first layer; None if they are unknown."""
        if first["class_name"] not in MODEL_CLASSES:
            return inferred_inputs(first)
        model = self._layer(first).model
        return model.inputs if model is not None else None

    def _merge(self, entry: Entry) -> tuple[tuple[Input, ...], list[Call], Ref]:
        """Convert a Keras 1 Merge, the first layer, which contains the models whose outputs it merges."""
        inputs: list[Input] = []
        calls: list[Call] = []
        outputs: list[Ref] = []
        for position, branch in enumerate(entry["config"]["layers"]):
            name = layer_name(branch["config"]) or f"branch_{position}"
            layer = self.converter.layer_or_error(branch["class_name"], with_name(branch["config"], name))
            if layer.model is None:
                raise LegacyFileError(f"merges {replace(layer, name=name)}, which is not a model")
            self.layers[name] = replace(layer, name=name)
            branch_inputs = [replace(one, name=f"{name}_{one.name}") for one in layer.model.inputs]
            inputs += branch_inputs
            calls.append(Call(name, 0, tuple(Ref(one.name) for one in branch_inputs)))
            outputs.append(Ref(name))
        config = {key: value for key, value in entry["config"].items() if key != "layers"}
        merge = self._layer({"class_name": "Merge", "config": config})
        calls.append(Call(merge.name, 0, tuple(outputs)))
        return tuple(inputs), calls, Ref(merge.name)
