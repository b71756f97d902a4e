"""The fast path of Keras's recurrent layers: which layers it computes, and how."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch

from kerasbridge.engines.fast_paths import use
from kerasbridge.engines.step import Tensor
from kerasbridge.engines.torch.recurrent import cells
from kerasbridge.engines.torch.recurrent.activations import name_of
from kerasbridge.engines.torch.recurrent.masks import Mask
from kerasbridge.engines.torch.transforms import is_transformed
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.patches import patch_recurrent_layers
from kerasbridge.keras_compat.tensors import to_tensor

NAME = "fused-recurrent"
_LAYERS = (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)
_DTYPES = (torch.float32, torch.float64)


def fused_recurrent() -> contextlib.AbstractContextManager[None]:
    """Compute recurrent layers by this fast path in this thread, where it applies."""
    return patch_recurrent_layers(_inner_loop)


def _inner_loop(
    original: Callable[..., Any], layer: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False
) -> Any:
    """Compute the time steps of a layer; return its last output, all outputs, and its states."""
    mask = mask[0] if isinstance(mask, (list, tuple)) else mask
    states = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
    cell = _cell(layer, reads_states=mask is not None and _reads_states(layer))
    if cell is None or not _is_computable(layer, cell, sequences, states, mask) or not use(NAME):
        return original(layer, sequences, initial_state, mask, training=training)
    weights = _weights(layer.cell)
    dtype = weights[0].dtype
    if training and layer.cell.dropout:
        sequences = sequences * layer.cell.get_dropout_mask(sequences[:, 0, :]).unsqueeze(1)
    x = to_tensor(sequences).to(dtype).transpose(0, 1)
    steps = None if mask is None else mask.transpose(0, 1)
    if layer.go_backwards:
        x, steps = x.flip(0), None if steps is None else steps.flip(0)
    states = [state.to(dtype) for state in states]
    return _run(cell, layer, x.contiguous(), weights, states, None if steps is None else Mask.of(steps))


def _run(
    cell: cells.Cell, layer: Any, x: Tensor, weights: list[Tensor], states: list[Tensor], mask: Mask | None
) -> Any:
    values = cells.run_cell(cell, [x if mask is None else mask.to_front(x), *weights, *states])
    every, last = values[::2], values[1::2]
    if mask is None:
        outputs = every[0].transpose(0, 1) if layer.return_sequences else last[0].unsqueeze(1)
        return last[0], outputs, list(last)
    outputs = (mask if layer.return_sequences else mask.last_step()).outputs(every[0], layer.zero_output_for_mask)
    final = [
        latest if each is None else mask.last(each, first)  # no one reads a state of which not each value is known
        for each, latest, first in zip(every, last, states, strict=True)
    ]
    return outputs[-1], outputs.transpose(0, 1), final


def _cell(layer: Any, reads_states: bool) -> cells.Cell | None:
    """Return how to compute the cell of a layer, if its options allow it."""
    cell = layer.cell
    if not isinstance(cell, keras.layers.Layer) or type(cell) not in _CELLS or not _has_plain_options(layer, cell):
        return None
    activation = name_of(cell.activation)
    gate = name_of(getattr(cell, "recurrent_activation", cell.activation))
    if activation is None or gate is None:
        return None
    return _CELLS[type(cell)](cell, activation, gate, reads_states)


def _lstm(cell: Any, activation: str, gate: str, reads_states: bool) -> cells.Cell:
    in_one_dnn = (
        (activation, gate) == ("tanh", "sigmoid")
        and cell.compute_dtype == "float32"
        and not reads_states
        and torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
    )
    return (cells.OneDnnLSTM if in_one_dnn else cells.LSTM)(activation, gate)


def _gru(cell: Any, activation: str, gate: str, reads_states: bool) -> cells.Cell | None:
    return cells.GRU(activation, gate) if cell.reset_after else None


def _simple_rnn(cell: Any, activation: str, gate: str, reads_states: bool) -> cells.Cell:
    return cells.SimpleRNN(activation, gate)


_CELLS: dict[type, Callable[[Any, str, str, bool], cells.Cell | None]] = {
    keras.layers.LSTMCell: _lstm,
    keras.layers.GRUCell: _gru,
    keras.layers.SimpleRNNCell: _simple_rnn,
}


def _has_plain_options(layer: Any, cell: Any) -> bool:
    has_one_mask = not cell.dropout or getattr(cell, "implementation", 2) != 1
    return (
        not cell.recurrent_dropout
        and has_one_mask
        and cell.dropout < 1
        and cell.activity_regularizer is None
        and cell.dtype_policy == layer.dtype_policy
    )


def _reads_states(layer: Any) -> bool:
    return layer.return_state or layer.stateful or type(layer) not in _LAYERS


def _is_computable(layer: Any, cell: cells.Cell, sequences: Any, states: Sequence[Any], mask: Any) -> bool:
    """Return whether these tensors are what the fast path computes."""
    if not isinstance(sequences, torch.Tensor) or sequences.ndim != 3 or 0 in sequences.shape:
        return False
    shape = (sequences.shape[0], layer.cell.units)
    is_masked = mask is not None
    return (
        sequences.device.type == "cpu"
        and to_tensor(layer.cell.kernel).dtype in _DTYPES
        and len(states) == cell.states
        and all(isinstance(state, torch.Tensor) and state.shape == shape for state in states)
        and not (is_masked and (layer.unroll or getattr(layer, "use_cudnn", None) is True))
        and not (is_masked and (not isinstance(mask, torch.Tensor) or mask.shape != sequences.shape[:2]))
        and not torch.is_autocast_enabled("cpu")
        and not is_transformed()
    )


def _weights(cell: Any) -> list[Tensor]:
    """Return kernel, bias, recurrent kernel, and for a GRU the recurrent bias; zeros for a bias that is not used."""
    kernel, recurrent = to_tensor(cell.kernel), to_tensor(cell.recurrent_kernel)
    bias = to_tensor(cell.bias) if cell.use_bias else kernel.new_zeros(kernel.shape[1])
    if not isinstance(cell, keras.layers.GRUCell):
        return [kernel, bias, recurrent]
    bias, recurrent_bias = bias.unbind() if bias.ndim == 2 else (bias, bias)
    return [kernel, bias, recurrent, recurrent_bias]
