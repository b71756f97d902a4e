"""Parse the network in the variables of a .mat file, SimpleNN or DagNN, into layers with named inputs and outputs.

Sources: for SimpleNN `matlab/simplenn/vl_simplenn.m` and `vl_simplenn_tidy.m`, which has the names of older versions;
for DagNN `matlab/+dagnn/@DagNN/saveobj.m` and `loadobj.m`; for networks from Caffe `utils/import-caffe.py`.
"""

import graphlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.matconvnet.values import MatlabObject, Value, struct, texts

SAVE_COMMAND = "In MATLAB: net = net.saveobj() if it is a DagNN, then save('net.mat', '-struct', 'net')."


@dataclass(frozen=True)
class Layer:
    """A layer of either kind of network.

    Args:
        name: the name in the file, or one after its position.
        type: the type in the file: "conv", "dagnn.Conv".
        options: its other fields, by name in lower case.
        weights: its weights as in the file, in their order.
        inputs, outputs: the names of its input and output values.
    """

    name: str
    type: str
    options: Mapping[str, Value]
    weights: tuple[Value, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name!r} ({self.type})"


@dataclass(frozen=True)
class Net:
    """Layers in topological order, and the metadata of the network."""

    layers: list[Layer]
    meta: dict[str, Value]


def parse_net(variables: Mapping[str, Value]) -> Net:
    """Return the network whose fields are the variables of a file, or that is one of the variables.

    Raises:
        LegacyFileError: the file contains no network, or more than one.
    """
    net = _candidate(variables)
    meta = {**struct(net.get("meta", ()))}
    meta.update({old: net[old] for old in ("classes", "normalization") if old in net})
    layers = net["layers"]
    if isinstance(layers, tuple) and any("block" in layer for layer in layers):
        return Net(_sort_topologically(_dagnn(layers, net.get("params", ()))), meta)
    return Net(_simplenn(layers), meta)


def _candidate(variables: Mapping[str, Value]) -> Mapping[str, Value]:
    if isinstance(variables.get("layers"), list | tuple):
        return variables
    nets = {name: struct(value) for name, value in variables.items()}
    nets = {name: net for name, net in nets.items() if isinstance(net.get("layers"), list | tuple)}
    if "net" in nets or len(nets) == 1:
        return nets.get("net") or next(iter(nets.values()))
    received = ", ".join(f"{name} ({_kind(value)})" for name, value in variables.items() if name) or "nothing"
    raise LegacyFileError(f"expected one network, with `layers`, received {received}. {SAVE_COMMAND}")


def _kind(value: Value) -> str:
    if isinstance(value, MatlabObject):
        return f"an object of class {value.kind}"
    names = {np.ndarray: "numbers", str: "text", list: "a cell", tuple: "a struct"}
    return names[type(value)]


def _simplenn(layers: Sequence[Any]) -> list[Layer]:
    """Return the layers of a chain; each output is named after its layer."""
    parsed: list[Layer] = []
    value, names = "input", {"input"}
    for number, layer in enumerate(layers, 1):
        fields = layer if isinstance(layer, dict) else struct(layer)
        name = _text(fields.get("name")) or f"layer{number}"
        output = name
        while output in names:
            output += "x"
        names.add(output)
        parsed.append(Layer(name, _text(fields.get("type")), _options(fields), _weights(fields), (value,), (output,)))
        value = output
    return parsed


def _weights(fields: Mapping[str, Value]) -> tuple[Value, ...]:
    """Return the cell `weights`, or the fields of older versions."""
    weights = fields.get("weights", [fields[old] for old in ("filters", "biases") if old in fields])
    return tuple(weights) if isinstance(weights, list) else ()


def _dagnn(layers: Sequence[dict[str, Value]], params: Value) -> list[Layer]:
    values = {_text(param.get("name")): param.get("value") for param in params} if isinstance(params, tuple) else {}
    parsed = []
    for number, fields in enumerate(layers, 1):
        name = _text(fields.get("name")) or f"layer{number}"
        inputs, outputs, param_names = (_names(fields.get(field)) for field in ("inputs", "outputs", "params"))
        options = _options(struct(fields.get("block")))
        weights = tuple(map(values.get, param_names))
        parsed.append(Layer(name, _text(fields.get("type")), options, weights, inputs, outputs))
    return parsed


def _names(value: Value) -> tuple[str, ...]:
    return texts(value) if isinstance(value, str | list) else ()


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _options(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Return the fields of a layer, overridden by `opts`, which alternates names and values."""
    options = {name.lower(): value for name, value in fields.items()}
    opts = options.get("opts")
    pairs = itertools.pairwise(opts if isinstance(opts, list) else [])
    overrides = {name.lower(): value for name, value in pairs if isinstance(name, str) and not isinstance(value, str)}
    return options | overrides


def _sort_topologically(layers: list[Layer]) -> list[Layer]:
    """Return the layers in topological order, in the order of the file if that is one.

    Raises:
        LegacyFileError: two layers have the same output, or the layers form a cycle.
    """
    producers: dict[str, int] = {}
    for number, layer in enumerate(layers):
        for value in layer.outputs:
            if value in producers:
                raise LegacyFileError(f"{value!r} is an output of both {layers[producers[value]]} and {layer}.")
            producers[value] = number
    predecessors = {
        number: {producers[value] for value in layer.inputs if value in producers}
        for number, layer in enumerate(layers)
    }
    if all(source < number for number, sources in predecessors.items() for source in sources):
        return layers
    try:
        return [layers[number] for number in graphlib.TopologicalSorter(predecessors).static_order()]
    except graphlib.CycleError as error:
        cycle = ", ".join(str(layers[number]) for number in error.args[1])
        raise LegacyFileError(f"these layers form a cycle: {cycle}.") from None
