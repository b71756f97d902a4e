"""RNN, and the cells that it runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.keras_files.arguments import HARD_SIGMOID
from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import (
    KERNEL_ARGUMENTS,
    LayerConfig,
    check_shape,
    converts,
    with_bias,
)
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

_GATES = {"SimpleRNNCell": 1, "GRUCell": 3, "LSTMCell": 4}
_CELL_ARGUMENTS = (
    "units", "dropout", "recurrent_dropout", *(name for name in KERNEL_ARGUMENTS if name != "activity_regularizer"),
    "recurrent_initializer", "recurrent_regularizer", "recurrent_constraint",
)  # fmt: skip


@converts("RNN")
def rnn(config: LayerConfig) -> Layer:
    """Convert RNN; a stack of one cell becomes that cell."""
    if config.get("time_major"):
        raise UnsupportedLayer("has time as the first axis (time_major=True), which Keras 3 does not support")
    cells = [_convert_cell(cell) for cell in _flatten_cells(config, config.arguments["cell"])]
    if len(cells) > 1 and config.get("return_state"):
        raise UnsupportedLayer("returns the states of several cells, which Keras 3 returns in another order")
    inner = cells[0][0] if len(cells) == 1 else Part("StackedRNNCells", {"cells": tuple(part for part, _ in cells)})
    options = config.options("return_sequences", "return_state", "go_backwards", "stateful", "zero_output_for_mask")

    def build_weights(arrays: Sequence[Array], input_shape: Shape) -> Sequence[Array]:
        remaining, features = list(arrays), input_shape[-1]
        for part, weight_names in cells:
            units, count = part.options["units"], len(weight_names)
            for array, rows in zip(remaining[:count], (features, units), strict=False):
                check_shape(array, (rows, _GATES[part.kind] * units))
            remaining, features = remaining[count:], units
        return arrays

    prefixes = [""] if len(cells) == 1 else [f"{index}_" for index in range(len(cells))]
    weight_names = tuple(
        f"{prefix}{name}" for prefix, (_, names) in zip(prefixes, cells, strict=True) for name in names
    )
    return config.layer(Part("RNN", options, inner=inner, build_weights=build_weights), weight_names=weight_names)


def _flatten_cells(layer: LayerConfig, cell: Mapping[str, Any]) -> Sequence[LayerConfig]:
    """Return the cell, or the cells of a stack."""
    kind = str(cell["class_name"])
    config = replace(layer, type=kind, kind=kind, arguments=cell["config"])
    if kind != "StackedRNNCells":
        return [config]
    return [inner for stacked in config.arguments["cells"] for inner in _flatten_cells(config, stacked)]


def _convert_cell(config: LayerConfig) -> tuple[Part, tuple[str, ...]]:
    """Return a cell, and the names of its weights."""
    if config.kind not in _GATES:
        raise UnsupportedLayer(f"has the cell {config.kind}: expected SimpleRNNCell, GRUCell or LSTMCell")
    options: dict[str, Any] = {}
    names = list(_CELL_ARGUMENTS)
    if config.kind != "SimpleRNNCell":
        options["recurrent_activation"] = HARD_SIGMOID
        names.append("recurrent_activation")
    if config.kind == "GRUCell":
        options["reset_after"] = bool(config.get("reset_after", False))
    if config.kind == "LSTMCell":
        names.append("unit_forget_bias")
    part = Part(config.kind, {**options, **config.options(*names)})
    return part, with_bias(config, "kernel", "recurrent_kernel")
