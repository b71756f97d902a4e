"""How recurrent layers are held.

PyTorch: the gates of one layer in one matrix, (gates x units, in), those of LSTM in the order i, f, g, o, as Keras's,
of GRU r, z, n, and two biases. Lasagne: two matrices and a bias for each gate, (in, units); the update gate of its GRU
is what Keras's leaves: h = (1-z)·h + z·n there, h = z·h + (1-z)·n here. Both apply GRU's reset gate after the product.
Sources: `torch.nn.modules.rnn`, `lasagne.layers.recurrent`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, ArraySpec, WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers
_GATES = {"lstm": ("ingate", "forgetgate", "cell", "outgate"), "gru": ("updategate", "resetgate", "hidden_update")}


def recurrent(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """LSTM, GRU, SimpleRNN, and RNN of their cells, which may be stacked."""
    if isinstance(layer.cell, L.StackedRNNCells):
        cells = layer.cell.cells
        return [_part(cell, site.inner(cell.name), first=not place) for place, cell in enumerate(cells)]
    return [_part(layer.cell, site, first=True)]


def bidirectional(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """Both directions; PyTorch calls the second "reverse"."""
    forward, backward = (
        _part(getattr(one, "cell", one), site, first=True) for one in (layer.forward_layer, layer.backward_layer)
    )
    forms = [_both(*pair) for pair in zip(forward.layouts, backward.layouts, strict=True)]
    return [site.slot([*forward.variables, *backward.variables], forms)]


def _both(forward: ArrayLayout, backward: ArrayLayout) -> ArrayLayout:
    count = len(forward.arrays)

    def arranged(*arrays: Array) -> list[Array]:
        return [*forward.to_keras(*arrays[:count]), *backward.to_keras(*arrays[count:])]

    reverse = tuple(ArraySpec(f"{piece.role}_reverse", piece.shape) for piece in backward.arrays)
    return ArrayLayout((*forward.arrays, *reverse), arranged)


def _part(cell: Any, site: SlotContext, first: bool) -> WeightSlot:
    kind = _kind(cell)
    if kind == "gru" and not cell.reset_after:
        raise NotAssignable("has reset_after=False, which the file's GRU has not: make the layer with reset_after=True")
    rows = site.index(cell.kernel.shape[0]) if first else None
    forms = _pytorch(cell, kind, site, rows) if site.pytorch else _lasagne(cell, kind, site, rows)
    return site.slot([cell.kernel, cell.recurrent_kernel, cell.bias], forms)


def _kind(cell: Any) -> str:
    kinds = {L.LSTMCell: "lstm", L.GRUCell: "gru", L.SimpleRNNCell: "simple"}
    found = next((kind for cls, kind in kinds.items() if type(cell) is cls), None)
    if found is None:
        raise NotAssignable(f"has a cell that is unknown here, {type(cell).__name__}")
    return found


def _pytorch(cell: Any, kind: str, site: SlotContext, rows: Array | None) -> list[ArrayLayout]:
    (taken, width), units = cell.kernel.shape, cell.units
    pieces = [ArraySpec("weight_ih", (width, taken)), ArraySpec("weight_hh", (width, units))]
    if cell.bias is not None:
        pieces += [ArraySpec("bias_ih", (width,)), ArraySpec("bias_hh", (width,))]

    def in_order(array: Array) -> Array:
        blocks = array.reshape(-1, units, *array.shape[1:])
        return (blocks[[1, 0, 2]] if kind == "gru" else blocks).reshape(array.shape)

    def arranged(*arrays: Array) -> list[Array]:
        inputs, states, *biases = map(in_order, arrays)
        together = np.stack(biases) if kind == "gru" and biases else sum(biases)
        return [site.reorder(inputs.T, rows), states.T, *([np.asarray(together)] if biases else [])]

    return [ArrayLayout(tuple(pieces), arranged)]


def _lasagne(cell: Any, kind: str, site: SlotContext, rows: Array | None) -> list[ArrayLayout]:
    """With and without what the states begin as, which has to be 0: Keras's do."""
    if cell.bias is None:
        raise NotAssignable("has no bias, which Lasagne's has: make the layer with use_bias=True")
    taken, units = cell.kernel.shape[0], cell.units
    if kind == "simple":
        pieces = [
            ArraySpec("W_in_to_hid", (taken, units)),
            ArraySpec("b", (units,)),
            ArraySpec("W_hid_to_hid", (units, units)),
        ]
        return _with_starts(pieces, ["hid_init"], units, lambda w, b, u: [site.reorder(w, rows), u, b], ahead=True)
    pieces = [piece for gate in _GATES[kind] for piece in _gate(gate, taken, units)]

    def arranged(*arrays: Array) -> list[Array]:
        inputs, states, biases = ([arrays[place + start] for place in range(0, len(arrays), 3)] for start in range(3))
        if kind == "gru":
            inputs[0], states[0], biases[0] = -inputs[0], -states[0], -biases[0]
        bias = np.concatenate(biases)
        both = np.stack([bias, np.zeros_like(bias)]) if kind == "gru" else bias
        return [site.reorder(np.concatenate(inputs, 1), rows), np.concatenate(states, 1), both]

    starts = ["cell_init", "hid_init"] if kind == "lstm" else ["hid_init"]
    return _with_starts(pieces, starts, units, arranged)


def _gate(gate: str, taken: int, units: int) -> list[ArraySpec]:
    shapes = {f"W_in_to_{gate}": (taken, units), f"W_hid_to_{gate}": (units, units), f"b_{gate}": (units,)}
    return [ArraySpec(role, shape) for role, shape in shapes.items()]


def _with_starts(
    pieces: Sequence[ArraySpec],
    starts: Sequence[str],
    units: int,
    arranged: Callable[..., list[Array]],
    ahead: bool = False,
) -> list[ArrayLayout]:
    beginning = [ArraySpec(role, (1, units)) for role in starts]

    def from_zero(*arrays: Array) -> list[Array]:
        count = len(beginning)
        states, others = (arrays[:count], arrays[count:]) if ahead else (arrays[-count:], arrays[:-count])
        if any(state.any() for state in states):
            raise NotAssignable("begins with states that were learnt; Keras's begin with 0")
        return arranged(*others)

    both = (*beginning, *pieces) if ahead else (*pieces, *beginning)
    return [ArrayLayout(both, from_zero), ArrayLayout(tuple(pieces), arranged)]
