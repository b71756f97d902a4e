"""`RNN` around cells: the layers of Keras 3 of the same names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.keras_files.arguments import HARD_SIGMOID
from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import WEIGHTED, Said, Table, expect, with_bias
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

_GATES = {"SimpleRNNCell": 1, "GRUCell": 3, "LSTMCell": 4}
_OF_CELLS = (
    "units",
    "dropout",
    "recurrent_dropout",
    *(name for name in WEIGHTED if name != "activity_regularizer"),
    "recurrent_initializer",
    "recurrent_regularizer",
    "recurrent_constraint",
)


def _rnn(said: Said) -> Layer:
    """One layer; a stack of one cell is that cell."""
    if said.get("time_major"):
        raise UnsupportedLayer("takes time as the first axis (time_major), which Keras 3 has not")
    cells = [_cell(one) for one in _cells(said, said.config["cell"])]
    if len(cells) > 1 and said.get("return_state"):
        raise UnsupportedLayer("returns the states of several cells, in an order that Keras 3 has not")
    inner = cells[0][0] if len(cells) == 1 else Part("StackedRNNCells", {"cells": tuple(part for part, _ in cells)})
    options = said.options("return_sequences", "return_state", "go_backwards", "stateful", "zero_output_for_mask")

    def fit(arrays: Sequence[Array], shape: Shape) -> Sequence[Array]:
        rest, width = list(arrays), shape[-1]
        for part, names in cells:
            units = part.options["units"]
            for array, rows in zip(rest[: len(names)], (width, units), strict=False):
                expect(array, (rows, _GATES[part.kind] * units))
            rest, width = rest[len(names) :], units
        return arrays

    names = [name if len(cells) == 1 else f"{place}_{name}" for place, (_, names) in enumerate(cells) for name in names]
    return said.layer(Part("RNN", options, inner=inner, fit=fit), names=tuple(names))


def _cells(outer: Said, cell: Mapping[str, Any]) -> Sequence[Said]:
    """The cell, or those of a stack one by one."""
    said = _said(outer, cell)
    if said.kind != "StackedRNNCells":
        return [said]
    return [one for within in said.config["cells"] for one in _cells(said, within)]


def _said(outer: Said, cell: Mapping[str, Any]) -> Said:
    kind = str(cell["class_name"])
    return replace(outer, type=kind, kind=kind, config=cell["config"])


def _cell(said: Said) -> tuple[Part, tuple[str, ...]]:
    """A cell, and how its arrays are called."""
    if said.kind not in _GATES:
        raise UnsupportedLayer(f"has the cell {said.kind}, which is none of SimpleRNNCell, GRUCell and LSTMCell")
    more = {
        "SimpleRNNCell": (),
        "GRUCell": ("recurrent_activation",),
        "LSTMCell": ("recurrent_activation", "unit_forget_bias"),
    }[said.kind]
    old: dict[str, Any] = {"recurrent_activation": HARD_SIGMOID} if more else {}
    old |= {"reset_after": bool(said.get("reset_after", False))} if said.kind == "GRUCell" else {}
    part = Part(said.kind, {**old, **said.options(*_OF_CELLS, *more)})
    return part, with_bias(said, "kernel", "recurrent_kernel")


TABLE: Table = {"RNN": _rnn}
