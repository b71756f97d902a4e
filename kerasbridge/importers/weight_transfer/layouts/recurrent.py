"""Layouts of recurrent layers.

PyTorch: the gates of a layer in one matrix, (gates * units, in), for LSTM in the order i, f, g, o, as in Keras, for GRU
r, z, n; and two biases. Lasagne: two matrices and a bias for each gate, (in, units); the update gate of its GRU is one
minus that of Keras: h = (1-z)·h + z·n in Lasagne, h = z·h + (1-z)·n in Keras. Both apply the reset gate of a GRU after
the product. Sources: `torch.nn.modules.rnn`, `lasagne.layers.recurrent`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.layouts.base import slots_for
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, ArraySpec, WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers
_LASAGNE_GATES = {
    "lstm": ("ingate", "forgetgate", "cell", "outgate"),
    "gru": ("updategate", "resetgate", "hidden_update"),
}


@slots_for(L.LSTM, L.GRU, L.SimpleRNN, L.RNN)
def recurrent(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot for LSTM, GRU, SimpleRNN or RNN, or one for each of stacked cells."""
    if isinstance(layer.cell, L.StackedRNNCells):
        cells = layer.cell.cells
        return [_cell_slot(cell, context.inner(cell.name), first=number == 0) for number, cell in enumerate(cells)]
    return [_cell_slot(layer.cell, context)]


@slots_for(L.Bidirectional)
def bidirectional(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of both directions; PyTorch calls the second "reverse"."""
    forward, backward = (
        _cell_slot(getattr(inner, "cell", inner), context) for inner in (layer.forward_layer, layer.backward_layer)
    )
    layouts = [_combine(*pair) for pair in zip(forward.layouts, backward.layouts, strict=True)]
    return [context.slot([*forward.variables, *backward.variables], layouts)]


def _combine(forward: ArrayLayout, backward: ArrayLayout) -> ArrayLayout:
    count = len(forward.arrays)

    def to_keras(*arrays: Array) -> list[Array]:
        return [*forward.to_keras(*arrays[:count]), *backward.to_keras(*arrays[count:])]

    reverse = tuple(ArraySpec(f"{spec.role}_reverse", spec.shape) for spec in backward.arrays)
    return ArrayLayout((*forward.arrays, *reverse), to_keras)


def _cell_slot(cell: Any, context: SlotContext, first: bool = True) -> WeightSlot:
    """Return the slot of a cell; `first` is False for a stacked cell whose input is another cell's output."""
    kind = _kind(cell)
    if kind == "gru" and not cell.reset_after:
        raise NotAssignable("has reset_after=False, unlike the file's GRU: make the layer with reset_after=True")
    rows = context.input_index(cell.kernel.shape[0]) if first else None
    layouts = (_pytorch_layouts if context.pytorch else _lasagne_layouts)(cell, kind, context, rows)
    return context.slot([cell.kernel, cell.recurrent_kernel, cell.bias], layouts)


def _kind(cell: Any) -> str:
    kinds = {L.LSTMCell: "lstm", L.GRUCell: "gru", L.SimpleRNNCell: "simple"}
    if type(cell) not in kinds:
        raise NotAssignable(f"has an unsupported cell, {type(cell).__name__}")
    return kinds[type(cell)]


def _pytorch_layouts(cell: Any, kind: str, context: SlotContext, rows: Array | None) -> list[ArrayLayout]:
    (in_features, width), units = cell.kernel.shape, cell.units
    specs = [ArraySpec("weight_ih", (width, in_features)), ArraySpec("weight_hh", (width, units))]
    if cell.bias is not None:
        specs += [ArraySpec("bias_ih", (width,)), ArraySpec("bias_hh", (width,))]

    def reorder_gates(array: Array) -> Array:
        gates = array.reshape(-1, units, *array.shape[1:])
        return (gates[[1, 0, 2]] if kind == "gru" else gates).reshape(array.shape)

    def to_keras(*arrays: Array) -> list[Array]:
        kernel, recurrent_kernel, *biases = map(reorder_gates, arrays)
        bias = np.stack(biases) if kind == "gru" and biases else sum(biases)
        return [context.reorder(kernel.T, rows), recurrent_kernel.T, *([np.asarray(bias)] if biases else [])]

    return [ArrayLayout(tuple(specs), to_keras)]


def _lasagne_layouts(cell: Any, kind: str, context: SlotContext, rows: Array | None) -> list[ArrayLayout]:
    if cell.bias is None:
        raise NotAssignable("has no bias, unlike Lasagne's layers: make the layer with use_bias=True")
    in_features, units = cell.kernel.shape[0], cell.units
    if kind == "simple":
        specs = [
            ArraySpec("W_in_to_hid", (in_features, units)),
            ArraySpec("b", (units,)),
            ArraySpec("W_hid_to_hid", (units, units)),
        ]
        return _with_initial_states(
            specs, ["hid_init"], units, lambda w, b, u: [context.reorder(w, rows), u, b], states_first=True
        )
    specs = [spec for gate in _LASAGNE_GATES[kind] for spec in _gate_specs(gate, in_features, units)]

    def to_keras(*arrays: Array) -> list[Array]:
        kernels, recurrent_kernels, biases = (list(arrays[start::3]) for start in range(3))
        if kind == "gru":
            kernels[0], recurrent_kernels[0], biases[0] = -kernels[0], -recurrent_kernels[0], -biases[0]
        bias = np.concatenate(biases)
        both_biases = np.stack([bias, np.zeros_like(bias)]) if kind == "gru" else bias
        return [context.reorder(np.concatenate(kernels, 1), rows), np.concatenate(recurrent_kernels, 1), both_biases]

    states = ["cell_init", "hid_init"] if kind == "lstm" else ["hid_init"]
    return _with_initial_states(specs, states, units, to_keras)


def _gate_specs(gate: str, in_features: int, units: int) -> list[ArraySpec]:
    shapes = {f"W_in_to_{gate}": (in_features, units), f"W_hid_to_{gate}": (units, units), f"b_{gate}": (units,)}
    return [ArraySpec(role, shape) for role, shape in shapes.items()]


def _with_initial_states(
    specs: Sequence[ArraySpec],
    states: Sequence[str],
    units: int,
    to_keras: Callable[..., list[Array]],
    states_first: bool = False,
) -> list[ArrayLayout]:
    """Return the layouts with and without initial states, which must be 0, as they are in Keras."""
    state_specs = [ArraySpec(role, (1, units)) for role in states]
    count = len(states)

    def check_states_and_convert(*arrays: Array) -> list[Array]:
        initial, others = (arrays[:count], arrays[count:]) if states_first else (arrays[-count:], arrays[:-count])
        if any(state.any() for state in initial):
            raise NotAssignable("has learned initial states in the file; in Keras, initial states are 0")
        return to_keras(*others)

    all_specs = (*state_specs, *specs) if states_first else (*specs, *state_specs)
    return [ArrayLayout(all_specs, check_states_and_convert), ArrayLayout(tuple(specs), to_keras)]
