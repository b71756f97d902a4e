"""A configuration in a file as a `Model`: who calls whom, and each layer by the tables of `layers`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.inbound_nodes import parse_calls, sort_calls
from kerasbridge.importers.keras_files.inputs import MODEL_CLASSES, layer_name, parse_input_layer
from kerasbridge.importers.keras_files.ir import Call, Input, Layer, Model, Ref
from kerasbridge.importers.keras_files.layers import convert_layer
from kerasbridge.importers.keras_files.layers.tf_op_layers import OPERATOR_CLASSES, convert_operator
from kerasbridge.importers.keras_files.provenance import UNREADABLE, Origin, UnsupportedLayer
from kerasbridge.importers.keras_files.sequential import Sequence


@dataclass
class ModelParser:
    """Reads the models of one file, and remembers every layer that cannot be brought.

    Args:
        origin: where the file comes from.
        faults: what cannot be brought, in words.
    """

    origin: Origin
    faults: list[str] = field(default_factory=list)
    place: str = ""

    def model(self, kind: str, config: Any, name: str = "") -> Model:
        """The model of a class and its configuration."""
        if kind == "Graph":
            raise LegacyFileError("is a Graph of Keras 0, which is not brought")
        within = replace(self, place=f"{self.place}{name}/" if name else self.place, faults=self.faults)
        if kind == "Sequential":
            return Sequence(within, config, name).model()
        return within._functional(config)

    def layer(self, kind: str, config: Mapping[str, Any], origin: Origin | None = None) -> Layer:
        """One layer, or a model within the model."""
        name = str(layer_name(kind, config))
        if kind in MODEL_CLASSES:
            return Layer(name, kind, model=self.model(kind, config, name))
        return convert_layer(name, kind, config, self.origin, self.layer)

    def attempt(self, kind: str, config: Mapping[str, Any]) -> Layer:
        """The same; what cannot be brought is remembered, and a layer without parts takes its place."""
        try:
            return self.layer(kind, config)
        except LegacyFileError as refusal:
            self.refuse(kind, config, str(refusal))
        except UNREADABLE as error:
            self.refuse(kind, config, f"has a configuration that cannot be read ({type(error).__name__}: {error})")
        return Layer(str(layer_name(kind, config)), kind)

    def refuse(self, kind: str, config: Any, why: str) -> None:
        """Remembers a fault."""
        where = f" in {self.place.rstrip('/')!r}" if self.place else ""
        self.faults.append(f"{str(layer_name(kind, config))!r} ({kind}){where} {' '.join(why.split())}")

    def _functional(self, config: Mapping[str, Any]) -> Model:
        """A model whose layers say what they are called on."""
        layers: dict[str, Layer] = {}
        inputs: dict[str, Input] = {}
        calls: list[Call] = []
        for entry in config["layers"]:
            kind, name = entry["class_name"], entry.get("name") or entry["config"]["name"]
            said = {**entry["config"], "name": name} if isinstance(entry["config"], dict) else entry["config"]
            if kind == "InputLayer":
                inputs[name] = parse_input_layer(said)
                continue
            made = parse_calls(name, entry["inbound_nodes"])
            if kind in OPERATOR_CLASSES:
                layers[name], made = self._operator(kind, said, made)
            else:
                layers[name] = replace(self.attempt(kind, said), name=name)
            calls += made
        if not inputs or not config.get("output_layers"):
            raise LegacyFileError("has no inputs or no outputs")
        outputs, calls = _settled(config["output_layers"], calls, {**layers, **inputs})
        names = [ref.layer for ref in _refs(config["input_layers"])]
        return Model(
            config.get("name") or "model",
            tuple(inputs[name] for name in names),
            layers,
            sort_calls(calls, inputs),
            outputs,
        )

    def _operator(self, kind: str, said: Mapping[str, Any], calls: list[Call]) -> tuple[Layer, list[Call]]:
        """A function of TensorFlow's, whose arguments are in its call."""
        try:
            if kind not in OPERATOR_CLASSES or len(calls) != 1:
                raise UnsupportedLayer("is called more than once")
            part, inputs = convert_operator(said["function"], calls[0].inputs, calls[0].options)
        except UNREADABLE as refusal:
            self.refuse(kind, said, str(refusal))
            return Layer(said["name"], kind), calls
        return Layer(said["name"], kind, (part,)), [replace(calls[0], inputs=inputs, options={})]


def _refs(said: Any) -> list[Ref]:
    """Tensors as a model's inputs and outputs are told: one or a list of [layer, call, result]."""
    if isinstance(said, dict):
        said = list(said.values())
    entries = [said] if said and isinstance(said[0], str) else said
    return [Ref(str(name), int(call), int(result)) for name, call, result in entries]


def _settled(
    outputs: Any, calls: Iterable[Call], layers: Mapping[str, Layer | Input]
) -> tuple[tuple[Ref, ...], list[Call]]:
    """The outputs and the calls, all calls of a layer counted from 0.

    A model within a model is called for the first time while it is made, so its calls count from 1 there.
    """
    found, given = list(calls), _refs(outputs)
    made: dict[str, int] = {}
    for call in found:
        made[call.layer] = made.get(call.layer, 0) + 1
    every = [*given, *(ref for call in found for ref in call.needs())]
    first = {
        name: max((ref.call for ref in every if ref.layer == name), default=0) - count + 1
        for name, count in made.items()
    }

    def at(ref: Ref) -> Ref:
        if ref.layer not in layers:
            raise LegacyFileError(f"takes the output of {ref.layer!r}, which it has not")
        return ref._replace(call=ref.call - max(first.get(ref.layer, 0), 0))

    def called(call: Call) -> Call:
        options = {name: at(value) if isinstance(value, Ref) else value for name, value in call.options.items()}
        return replace(call, inputs=tuple(map(at, call.inputs)), options=options)

    return tuple(map(at, given)), [called(call) for call in found]
