"""Recurrent layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files.arguments import HARD_SIGMOID
from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import KERNEL_ARGUMENTS, LayerConfig, converts, with_bias
from kerasbridge.importers.keras_files.layers.convolution import flip, flips_kernel
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

_SEQUENCE_ARGUMENTS = ("return_sequences", "return_state", "go_backwards", "stateful")
_RECURRENT_ARGUMENTS = ("recurrent_initializer", "recurrent_regularizer", "recurrent_constraint")
_ARGUMENTS = (
    "units", "dropout", "recurrent_dropout", *KERNEL_ARGUMENTS, *_RECURRENT_ARGUMENTS, *_SEQUENCE_ARGUMENTS,
    "zero_output_for_mask",
)  # fmt: skip
_WEIGHTS = ("kernel", "recurrent_kernel")


@converts("SimpleRNN")
def simple_rnn(config: LayerConfig) -> Layer:
    """Convert SimpleRNN."""
    return _recurrent(config, "SimpleRNN")


@converts("LSTM", "UnifiedLSTM")
def lstm(config: LayerConfig) -> Layer:
    """Convert LSTM, in TensorFlow 1.13 UnifiedLSTM."""
    names = ("recurrent_activation", "unit_forget_bias")
    return _recurrent(config, "LSTM", *names, recurrent_activation=HARD_SIGMOID)


@converts("GRU", "UnifiedGRU")
def gru(config: LayerConfig) -> Layer:
    """Convert GRU, in TensorFlow 1.13 UnifiedGRU."""
    reset_after = bool(config.get("reset_after", False))
    return _recurrent(config, "GRU", "recurrent_activation", recurrent_activation=HARD_SIGMOID, reset_after=reset_after)


def _recurrent(config: LayerConfig, kind: str, *names: str, **defaults: Any) -> Layer:
    if config.get("time_major"):
        raise UnsupportedLayer("has time as the first axis (time_major=True), which Keras 3 does not support")
    options = {**defaults, **config.options(*_ARGUMENTS, *names)}
    return config.layer(Part(kind, options), weight_names=with_bias(config, *_WEIGHTS))


@converts("CuDNNLSTM", "CuDNNGRU")
def cudnn(config: LayerConfig) -> Layer:
    """Convert CuDNNLSTM and CuDNNGRU, whose activations are the defaults of Keras 3; GRU resets after the product."""
    kind = config.kind.removeprefix("CuDNN")
    is_gru, gates = kind == "GRU", 3 if kind == "GRU" else 4
    names = [name for name in _ARGUMENTS if name not in ("activation", "use_bias")]
    options = config.options(*names) | ({"reset_after": True} if is_gru else {})

    def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
        kernel, recurrent_kernel, bias = arrays
        kernels = [part.T.reshape(part.shape, order="F") for part in np.split(kernel, gates, axis=1)]
        recurrent_kernels = [part.T for part in np.split(recurrent_kernel, gates, axis=1)]
        biases = np.stack(np.split(bias, 2))
        return [[np.hstack(kernels), np.hstack(recurrent_kernels), biases if is_gru else biases.sum(axis=0)]]

    return config.layer(Part(kind, options), weight_names=(*_WEIGHTS, "bias"), arrange=arrange)


@converts("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
def conv_lstm(config: LayerConfig) -> Layer:
    """Convert ConvLSTM; Theano flips both kernels."""
    axes = config.spatial_rank
    size, strides, rate = (config.sizes(name) for name in ("kernel_size", "strides", "dilation_rate"))
    is_symmetric = max(strides) == 1 and all(k % 2 for k in size)
    if not is_symmetric and config.origin.ran_on_theano(config.name):
        raise UnsupportedLayer("has windows that Theano pads differently from Keras 3")
    flips = flips_kernel(config, size)
    options = {"recurrent_activation": HARD_SIGMOID} | config.options(
        "filters", "dropout", "recurrent_dropout", *KERNEL_ARGUMENTS, *_RECURRENT_ARGUMENTS, *_SEQUENCE_ARGUMENTS,
        "unit_forget_bias", "recurrent_activation",
    )  # fmt: skip
    options |= {"kernel_size": size, "strides": strides, "dilation_rate": rate}
    options["padding"] = config.get("padding", "valid")

    def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
        kernels = [flip(kernel, axes) for kernel in arrays[:2]] if flips else arrays[:2]
        return [[*kernels, *arrays[2:]]]

    part = Part(config.kind, options, config.image_data_format())
    return config.layer(part, weight_names=with_bias(config, *_WEIGHTS), arrange=arrange)
