"""Convert the weights of Keras 1 layers to those of Keras 2, as `keras/engine/saving.py` of Keras 2.3.1 does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST
from kerasbridge.importers.keras_files.provenance import Origin

Arrays = Sequence[Array]
Upgrade = Callable[[Arrays], Arrays]

_WEIGHTS = {
    "Dense": ("W", "b"), "Conv1D": ("W", "b"), "Conv2D": ("W", "b"), "Conv3D": ("W", "b"),
    "Conv2DTranspose": ("W", "b"), "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "b"),
    "BatchNormalization": ("gamma", "beta", "running_mean", "running_std"), "Embedding": ("W",), "PReLU": ("alphas",),
    "SimpleRNN": ("W", "U", "b"), "LocallyConnected1D": ("W", "b"), "LocallyConnected2D": ("W", "b"),
    "MaxoutDense": ("W", "b"),
}  # fmt: skip
_GATES = {"LSTM": "icfo", "GRU": "zrh", "ConvLSTM2D": "icfo"}
"""The order of the gates in Keras 1."""
_GATE_ORDER = {"LSTM": (0, 2, 1, 3), "GRU": (0, 1, 2), "ConvLSTM2D": (0, 2, 1, 3)}
"""The indices in `_GATES` of the gates in the order of Keras 2: i, f, c, o and z, r, h."""


def weight_names(kind: str, config: Mapping[str, Any], keras2_names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the weights in Keras 1, by the class in Keras 2."""
    if kind not in _GATES:
        return _WEIGHTS.get(kind, tuple(keras2_names))[: len(keras2_names)]
    if kind != "ConvLSTM2D" and config.get("consume_less") == "gpu":  # one array for all gates
        return ("W", "U", "b")
    return tuple(f"{letter}_{gate}" for gate in _GATES[kind] for letter in "WUb")


def upgrade_weights(kind: str, config: Mapping[str, Any], origin: Origin) -> Upgrade:
    """Return a function that converts the arrays of Keras 1 to those of Keras 2."""
    if kind in ("LSTM", "GRU"):
        return lambda arrays: _join_gates(kind, arrays)
    if kind == "Conv1D":
        return lambda arrays: [_squeeze_conv1d(arrays[0], config), *arrays[1:]]
    if kind == "Conv2DTranspose":
        order = (2, 3, 0, 1) if _is_channels_first(config, origin) else (0, 1, 3, 2)
        return lambda arrays: [arrays[0].transpose(order), *arrays[1:]]
    if kind in ("Conv2D", "Conv3D", "SeparableConv2D"):
        return lambda arrays: _move_channels_last(arrays) if _is_channels_first(config, origin) else arrays
    if kind == "ConvLSTM2D":
        return lambda arrays: _join_gates(kind, arrays, _is_channels_first(config, origin))
    return lambda arrays: arrays


def _is_channels_first(config: Mapping[str, Any], origin: Origin) -> bool:
    return origin.data_format_of(config) == CHANNELS_FIRST


def _move_channels_last(arrays: Arrays) -> Arrays:
    """Transpose kernels from (filters, channels, …) to (…, channels, filters)."""
    return [array.transpose(*range(2, array.ndim), 1, 0) if array.ndim > 2 else array for array in arrays]


def _squeeze_conv1d(kernel: Array, config: Mapping[str, Any]) -> Array:
    """Convert (time, 1, channels, filters), before 1.1 (filters, channels, time, 1), to (time, channels, filters)."""
    length, filters = np.ravel(config["kernel_size"])[0], config["filters"]
    if kernel.shape[:2] != (length, 1) or kernel.shape[3] != filters:
        kernel = kernel.transpose(2, 3, 1, 0)
    return kernel[:, 0]


def _join_gates(kind: str, arrays: Arrays, channels_first: bool = False) -> Arrays:
    """Concatenate W, U and b of each gate to one kernel, one recurrent kernel and one bias."""
    if len(arrays) == 3:
        return arrays
    kernels, recurrent_kernels, biases = ([arrays[3 * gate + i] for gate in _GATE_ORDER[kind]] for i in range(3))
    if channels_first:
        kernels, recurrent_kernels = list(_move_channels_last(kernels)), list(_move_channels_last(recurrent_kernels))
    return [np.concatenate(each, axis=-1) for each in (kernels, recurrent_kernels, biases)]
