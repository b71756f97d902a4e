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
from kerasbridge.importers.matconvnet.values import Opaque, Value, struct, texts

HOW_TO_SAVE = "In MATLAB: net = net.saveobj() where it is a DagNN, then save('net.mat', '-struct', 'net')."


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


def found(variables: Mapping[str, Value]) -> Net:
    """Return the network whose fields are the variables of a file, or that is one of the variables.

    Raises:
        LegacyFileError: the file contains no network, or more than one.
    """
    net = _candidate(variables)
    meta = {**struct(net.get("meta", ()))}
    meta.update({old: net[old] for old in ("classes", "normalization") if old in net})
    layers = net["layers"]
    if isinstance(layers, tuple) and any("block" in layer for layer in layers):
        return Net(_in_order(_dagnn(layers, net.get("params", ()))), meta)
    return Net(_simplenn(layers), meta)


def _candidate(variables: Mapping[str, Value]) -> Mapping[str, Value]:
    if isinstance(variables.get("layers"), list | tuple):
        return variables
    nets = {name: struct(value) for name, value in variables.items()}
    nets = {name: net for name, net in nets.items() if isinstance(net.get("layers"), list | tuple)}
    if "net" in nets or len(nets) == 1:
        return nets.get("net") or next(iter(nets.values()))
    held = ", ".join(f"{name} ({_kind(value)})" for name, value in variables.items() if name) or "nothing"
    raise LegacyFileError(f"expected one network, with `layers`, received {held}. {HOW_TO_SAVE}")


def _kind(value: Value) -> str:
    if isinstance(value, Opaque):
        return f"an object of class {value.kind}"
    names = {np.ndarray: "numbers", str: "text", list: "a cell", tuple: "a struct"}
    return names[type(value)]


def _simplenn(layers: Sequence[Any]) -> list[Layer]:
    """Return the layers of a chain; each output is named after its layer."""
    made: list[Layer] = []
    value, taken = "input", {"input"}
    for place, one in enumerate(layers, 1):
        fields = one if isinstance(one, dict) else struct(one)
        name = _text(fields.get("name")) or f"layer{place}"
        output = name
        while output in taken:
            output += "x"
        taken.add(output)
        made.append(Layer(name, _text(fields.get("type")), _options(fields), _weights(fields), (value,), (output,)))
        value = output
    return made


def _weights(fields: Mapping[str, Value]) -> tuple[Value, ...]:
    """Return the cell `weights`, or the fields of older versions."""
    weights = fields.get("weights", [fields[old] for old in ("filters", "biases") if old in fields])
    return tuple(weights) if isinstance(weights, list) else ()


def _dagnn(layers: Sequence[dict[str, Value]], params: Value) -> list[Layer]:
    held = {_text(one.get("name")): one.get("value") for one in params} if isinstance(params, tuple) else {}
    made = []
    for place, fields in enumerate(layers, 1):
        name = _text(fields.get("name")) or f"layer{place}"
        inputs, outputs, needed = (_names(fields.get(part)) for part in ("inputs", "outputs", "params"))
        options = _options(struct(fields.get("block")))
        weights = tuple(held.get(one) for one in needed)
        made.append(Layer(name, _text(fields.get("type")), options, weights, inputs, outputs))
    return made


def _names(value: Value) -> tuple[str, ...]:
    return texts(value) if isinstance(value, str | list) else ()


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _options(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Return the fields of a layer, overridden by `opts`, which alternates names and values."""
    said = {name.lower(): value for name, value in fields.items()}
    further = said.get("opts", [])
    further = further if isinstance(further, list) else []
    pairs = itertools.pairwise(further)
    return said | {name.lower(): value for name, value in pairs if isinstance(name, str) and not isinstance(value, str)}


def _in_order(layers: list[Layer]) -> list[Layer]:
    """Return the layers in topological order, in the order of the file if that is one.

    Raises:
        LegacyFileError: two layers have the same output, or the layers form a cycle.
    """
    makers: dict[str, int] = {}
    for place, layer in enumerate(layers):
        for value in layer.outputs:
            if value in makers:
                raise LegacyFileError(f"{value!r} is given by {layers[makers[value]]} and by {layer}.")
            makers[value] = place
    needs = {place: {makers[value] for value in layer.inputs if value in makers} for place, layer in enumerate(layers)}
    if all(need < place for place, needed in needs.items() for need in needed):
        return layers
    try:
        return [layers[place] for place in graphlib.TopologicalSorter(needs).static_order()]
    except graphlib.CycleError as cycle:
        there = ", ".join(str(layers[place]) for place in cycle.args[1])
        raise LegacyFileError(f"layers that need each other: {there}.") from None
