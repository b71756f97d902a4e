"""Models whose layers follow each other: `Sequential`, and what Keras 1 merged at its beginning."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.inputs import (
    MODEL_CLASSES,
    implied_inputs,
    layer_name,
    normalize_entry,
    parse_input_layer,
    parse_shape,
    with_name,
)
from kerasbridge.importers.keras_files.ir import Call, Input, Layer, Model, Ref

if TYPE_CHECKING:
    from kerasbridge.importers.keras_files.graph import ModelParser


@dataclass
class Sequence:
    """Reads layers of which each takes what the one before it gives."""

    reader: "ModelParser"
    config: Any
    name: str = ""

    def model(self) -> Model:
        """The model."""
        config = self.config
        entries = config if isinstance(config, list) else config["layers"]
        name = self.name or (config.get("name", "") if isinstance(config, dict) else "") or "sequential"
        entries = [normalize_entry(entry) for entry in entries]
        if not entries:
            raise LegacyFileError("has no layers")
        layers: dict[str, Layer] = {}
        inputs, last, rest = self._start(entries, layers)
        calls = list(inputs[1])
        for entry in rest:
            layer = self._added(entry, layers)
            calls.append(Call(layer.name, sum(call.layer == layer.name for call in calls), (last,)))
            last = Ref(layer.name, calls[-1].index)
        return Model(name, inputs[0], layers, tuple(calls), (last,))

    def _added(self, entry: Mapping[str, Any], layers: dict[str, Layer]) -> Layer:
        """A layer of that name; a second time the first one, which is shared."""
        name = layer_name(entry["class_name"], entry["config"])
        if entry["class_name"] == "Sequential" and not name:
            name = f"sequential_{len(layers)}"
        if name not in layers:
            layers[name] = replace(
                self.reader.attempt(entry["class_name"], with_name(entry["config"], name)), name=name
            )
        return layers[name]

    def _start(self, entries: list[Any], layers: dict[str, Layer]) -> Any:
        """The inputs and the calls before the first layer that has one input, the tensor it takes, and the rest."""
        first = entries[0]
        if first["class_name"] == "Merge":
            return self._merged(entries, layers)
        if first["class_name"] == "InputLayer":
            entry = parse_input_layer(first["config"])
            return ((entry,), ()), Ref(entry.name), entries[1:]
        inputs = self._fed_to(first, layers)
        if inputs is None and isinstance(self.config, dict) and self.config.get("build_input_shape"):
            inputs = (Input("input", parse_shape(self.config["build_input_shape"])),)
        if inputs is None or len(inputs) != 1:
            raise LegacyFileError("does not say the shape of its input: it was saved before it was built")
        name = f"{layer_name(first['class_name'], first['config']) or self.name or 'sequential'}_input"
        return ((replace(inputs[0], name=name),), ()), Ref(name), entries

    def _fed_to(self, first: Mapping[str, Any], layers: dict[str, Layer]) -> tuple[Input, ...] | None:
        """What the first layer says is fed to it, or what is fed to a model that is the first."""
        if first["class_name"] not in MODEL_CLASSES:
            return implied_inputs(first)
        model = self._added(first, layers).model
        return model.inputs if model is not None else None

    def _merged(self, entries: list[Any], layers: dict[str, Layer]) -> Any:
        """Models of Keras 1 whose outputs are merged: they are models within the model."""
        merge, inputs, calls, given = entries[0], [], [], []
        for place, branch in enumerate(merge["config"]["layers"]):
            name = layer_name(branch["class_name"], branch["config"]) or f"branch_{place}"
            layer = replace(self.reader.attempt(branch["class_name"], with_name(branch["config"], name)), name=name)
            if layer.model is None:
                raise LegacyFileError(f"merges {layer}, which is no model")
            layers[name] = layer
            fed_here = [replace(entry, name=f"{name}_{entry.name}") for entry in layer.model.inputs]
            inputs += fed_here
            calls.append(Call(name, 0, tuple(Ref(entry.name) for entry in fed_here)))
            given.append(Ref(name))
        config = {key: value for key, value in merge["config"].items() if key != "layers"}
        layer = self._added({"class_name": "Merge", "config": config}, layers)
        calls.append(Call(layer.name, 0, tuple(given)))
        return (tuple(inputs), calls), Ref(layer.name), entries[1:]
