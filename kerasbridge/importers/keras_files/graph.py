"""A configuration in a file as a `Model`: who calls whom, and each layer by the tables of `layers`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.description import Call, Input, Layer, Model, Ref
from kerasbridge.importers.keras_files.layers import translated
from kerasbridge.importers.keras_files.layers.operators import KINDS, operator
from kerasbridge.importers.keras_files.nodes import calls_of, in_order
from kerasbridge.importers.keras_files.origin import UNREADABLE, Origin, Refusal

MODELS = ("Sequential", "Model", "Functional", "Graph")


@dataclass
class Reader:
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
        name = str(_name(kind, config))
        if kind in MODELS:
            return Layer(name, kind, model=self.model(kind, config, name))
        return translated(name, kind, config, self.origin, self.layer)

    def attempt(self, kind: str, config: Mapping[str, Any]) -> Layer:
        """The same; what cannot be brought is remembered, and a layer without parts takes its place."""
        try:
            return self.layer(kind, config)
        except LegacyFileError as refusal:
            self.refuse(kind, config, str(refusal))
        except UNREADABLE as error:
            self.refuse(kind, config, f"has a configuration that cannot be read ({type(error).__name__}: {error})")
        return Layer(str(_name(kind, config)), kind)

    def refuse(self, kind: str, config: Any, why: str) -> None:
        """Remembers a fault."""
        where = f" in {self.place.rstrip('/')!r}" if self.place else ""
        self.faults.append(f"{str(_name(kind, config))!r} ({kind}){where} {' '.join(why.split())}")

    def _functional(self, config: Mapping[str, Any]) -> Model:
        """A model whose layers say what they are called on."""
        layers: dict[str, Layer] = {}
        inputs: dict[str, Input] = {}
        calls: list[Call] = []
        for entry in config["layers"]:
            kind, name = entry["class_name"], entry.get("name") or entry["config"]["name"]
            said = {**entry["config"], "name": name} if isinstance(entry["config"], dict) else entry["config"]
            if kind == "InputLayer":
                inputs[name] = fed(said)
                continue
            made = calls_of(name, entry["inbound_nodes"])
            if kind in KINDS:
                layers[name], made = self._operator(kind, said, made)
            else:
                layers[name] = replace(self.attempt(kind, said), name=name)
            calls += made
        if not inputs or not config.get("output_layers"):
            raise LegacyFileError("has no inputs or no outputs")
        outputs, calls = _settled(config["output_layers"], calls, {**layers, **inputs})
        names = [ref.layer for ref in _refs(config["input_layers"])]
        return Model(
            config.get("name") or "model", tuple(inputs[name] for name in names), layers,
            in_order(calls, inputs), outputs,
        )  # fmt: skip

    def _operator(self, kind: str, said: Mapping[str, Any], calls: list[Call]) -> tuple[Layer, list[Call]]:
        """A function of TensorFlow's, whose arguments are in its call."""
        try:
            if kind not in KINDS or len(calls) != 1:
                raise Refusal("is called more than once")
            part, inputs = operator(said["function"], calls[0].inputs, calls[0].options)
        except UNREADABLE as refusal:
            self.refuse(kind, said, str(refusal))
            return Layer(said["name"], kind), calls
        return Layer(said["name"], kind, (part,)), [replace(calls[0], inputs=inputs, options={})]


@dataclass
class Sequence:
    """Reads layers of which each takes what the one before it gives."""

    reader: Reader
    config: Any
    name: str = ""

    def model(self) -> Model:
        """The model."""
        config = self.config
        entries = config if isinstance(config, list) else config["layers"]
        name = self.name or (config.get("name", "") if isinstance(config, dict) else "") or "sequential"
        entries = [_with_class(entry) for entry in entries]
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
        name = _name(entry["class_name"], entry["config"])
        if entry["class_name"] == "Sequential" and not name:
            name = f"sequential_{len(layers)}"
        if name not in layers:
            layers[name] = replace(self.reader.attempt(entry["class_name"], _named(entry["config"], name)), name=name)
        return layers[name]

    def _start(self, entries: list[Any], layers: dict[str, Layer]) -> Any:
        """The inputs and the calls before the first layer that has one input, the tensor it takes, and the rest."""
        first = entries[0]
        if first["class_name"] == "Merge":
            return self._merged(entries, layers)
        if first["class_name"] == "InputLayer":
            entry = fed(first["config"])
            return ((entry,), ()), Ref(entry.name), entries[1:]
        inputs = self._fed_to(first, layers)
        if inputs is None and isinstance(self.config, dict) and self.config.get("build_input_shape"):
            inputs = (Input("input", _shape(self.config["build_input_shape"])),)
        if inputs is None or len(inputs) != 1:
            raise LegacyFileError("does not say the shape of its input: it was saved before it was built")
        name = f"{_name(first['class_name'], first['config']) or self.name or 'sequential'}_input"
        return ((replace(inputs[0], name=name),), ()), Ref(name), entries

    def _fed_to(self, first: Mapping[str, Any], layers: dict[str, Layer]) -> tuple[Input, ...] | None:
        """What the first layer says is fed to it, or what is fed to a model that is the first."""
        if first["class_name"] not in MODELS:
            return first_inputs(first)
        model = self._added(first, layers).model
        return model.inputs if model is not None else None

    def _merged(self, entries: list[Any], layers: dict[str, Layer]) -> Any:
        """Models of Keras 1 whose outputs are merged: they are models within the model."""
        merge, inputs, calls, given = entries[0], [], [], []
        for place, branch in enumerate(merge["config"]["layers"]):
            name = _name(branch["class_name"], branch["config"]) or f"branch_{place}"
            layer = replace(self.reader.attempt(branch["class_name"], _named(branch["config"], name)), name=name)
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


def fed(config: Mapping[str, Any]) -> Input:
    """What an InputLayer says."""
    if config.get("ragged"):
        raise LegacyFileError(f"the input {config.get('name')!r} is ragged, which is not brought")
    shape = _shape(config.get("batch_input_shape") or config["batch_shape"])
    return Input(str(config["name"]), shape, _dtype(config))


def first_inputs(entry: Mapping[str, Any]) -> tuple[Input, ...] | None:
    """What is fed to a layer that begins a model, as it says it itself; None where it does not."""
    kind, config = entry["class_name"], entry["config"]
    if isinstance(config.get("batch_input_shape"), list):
        return (Input("input", _shape(config["batch_input_shape"]), _dtype(config)),)
    if config.get("input_shape") is not None:
        return (Input("input", (None, *_shape(config["input_shape"])), _dtype(config)),)
    if config.get("input_dim") is not None and kind != "Embedding":
        length = (config.get("input_length"),) if "input_length" in config else ()
        return (Input("input", (None, *length, config["input_dim"])),)
    if kind in ("TimeDistributed", "Bidirectional"):
        return first_inputs(config["layer"])
    return None


def _dtype(config: Mapping[str, Any]) -> str:
    said = config.get("input_dtype") or config.get("dtype")
    return said if isinstance(said, str) and re.fullmatch(r"(float|int|uint)\d+|bool", said) else "float32"


def _shape(said: Any) -> tuple[int | None, ...]:
    shape = tuple(said)
    if not all(size is None or (type(size) is int and 0 < size < 2**31) for size in shape) or len(shape) > 8:
        raise LegacyFileError(f"has an input of the shape {said!r}, which none can have")
    return shape


def _name(kind: str, config: Any) -> Any:
    return config.get("name") if isinstance(config, dict) else ""


def _named(config: Any, name: str) -> Any:
    return {**config, "name": name} if isinstance(config, dict) else config


def _with_class(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry as all but the first of Keras 1 wrote it, whose configuration is the entry, its name the class."""
    if "class_name" in entry:
        return entry
    return {"class_name": entry["name"], "config": {**entry, "name": entry.get("custom_name")}}


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
