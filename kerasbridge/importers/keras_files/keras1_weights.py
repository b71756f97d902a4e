"""Keras 1's arrays of a layer as Keras 2 has them, as Keras 2 turned them (`keras/engine/saving.py` of 2.3.1)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST
from kerasbridge.importers.keras_files.provenance import Origin

Arrays = Sequence[Array]
Turn = Callable[[Arrays], Arrays]

_NAMES = {
    "Dense": ("W", "b"), "Conv1D": ("W", "b"), "Conv2D": ("W", "b"), "Conv3D": ("W", "b"),
    "Conv2DTranspose": ("W", "b"), "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "b"),
    "BatchNormalization": ("gamma", "beta", "running_mean", "running_std"), "Embedding": ("W",), "PReLU": ("alphas",),
    "SimpleRNN": ("W", "U", "b"), "LocallyConnected1D": ("W", "b"), "LocallyConnected2D": ("W", "b"),
    "MaxoutDense": ("W", "b"),
}  # fmt: skip
_GATES = {"LSTM": "icfo", "GRU": "zrh", "ConvLSTM2D": "icfo"}
_PLACES = {"LSTM": (0, 2, 1, 3), "GRU": (0, 1, 2), "ConvLSTM2D": (0, 2, 1, 3)}
"""Where in the file the gates are whose weights come first, second, …: i, f, c, o and z, r, h."""


def array_names(kind: str, config: Mapping[str, Any], modern: Sequence[str]) -> tuple[str, ...]:
    """How the arrays are called, by the class as Keras 2 calls it; `modern` are Keras 2's names."""
    if kind in _GATES and not _is_whole(kind, config):
        return tuple(f"{letter}_{gate}" for gate in _GATES[kind] for letter in "WUb")
    if kind in _GATES:
        return ("W", "U", "b")
    return _NAMES.get(kind, tuple(modern))[: len(modern)]


def upgrade_weights(kind: str, config: Mapping[str, Any], origin: Origin) -> Turn:
    """What makes Keras 2's arrays of Keras 1's."""
    if kind in _GATES:
        return lambda arrays: _gates(kind, arrays, _is_first(kind, config, origin))
    if kind == "Conv1D":
        return lambda arrays: [_along_time(arrays[0], config), *arrays[1:]]
    if kind in ("Conv2D", "Conv3D", "SeparableConv2D"):
        return lambda arrays: _kernels_last(arrays) if _is_first(kind, config, origin) else arrays
    if kind == "Conv2DTranspose":
        order = (2, 3, 0, 1) if _is_first(kind, config, origin) else (0, 1, 3, 2)
        return lambda arrays: [arrays[0].transpose(order), *arrays[1:]]
    return lambda arrays: arrays


def _is_whole(kind: str, config: Mapping[str, Any]) -> bool:
    """Return whether the weights of all gates are one array."""
    return kind != "ConvLSTM2D" and config.get("consume_less") == "gpu"


def _is_first(kind: str, config: Mapping[str, Any], origin: Origin) -> bool:
    return kind not in ("LSTM", "GRU") and origin.data_format_of(config) == CHANNELS_FIRST


def _kernels_last(arrays: Arrays) -> Arrays:
    """(filters, channels, …) as (…, channels, filters)."""
    return [array.transpose(*range(2, array.ndim), 1, 0) if array.ndim > 2 else array for array in arrays]


def _along_time(kernel: Array, config: Mapping[str, Any]) -> Array:
    """(time, 1, channels, filters), before 1.1 (filters, channels, time, 1), as (time, channels, filters)."""
    length, filters = np.ravel(config["kernel_size"])[0], config["filters"]
    if kernel.shape[:2] != (length, 1) or kernel.shape[3] != filters:
        kernel = kernel.transpose(2, 3, 1, 0)
    return kernel[:, 0]


def _gates(kind: str, arrays: Arrays, first: bool) -> Arrays:
    """W, U, b of each gate as one kernel, one recurrent kernel and one bias."""
    if len(arrays) == 3:
        return arrays
    kernels, recurrent, biases = ([arrays[3 * place + which] for place in _PLACES[kind]] for which in range(3))
    if first:
        kernels, recurrent = list(_kernels_last(kernels)), list(_kernels_last(recurrent))
    return [np.concatenate(each, axis=-1) for each in (kernels, recurrent, biases)]
