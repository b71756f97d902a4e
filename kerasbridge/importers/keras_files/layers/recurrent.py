"""Recurrent layers, those of cuDNN among them."""

from collections.abc import Callable, Sequence

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files.arguments import HARD_SIGMOID
from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import WEIGHTED, Said, Table, with_bias
from kerasbridge.importers.keras_files.layers.convolution import flipped
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

_SEQUENCES = ("return_sequences", "return_state", "go_backwards", "stateful")
_RECURRENT = tuple(f"recurrent_{name}" for name in ("initializer", "regularizer", "constraint"))
_COMMON = ("units", "dropout", "recurrent_dropout", *WEIGHTED, *_RECURRENT, *_SEQUENCES, "zero_output_for_mask")
_NAMES = ("kernel", "recurrent_kernel")


def _recurrent(kind: str, *names: str) -> Callable[[Said], Layer]:
    def layer(said: Said) -> Layer:
        if said.get("time_major"):
            raise UnsupportedLayer("takes time as the first axis (time_major), which Keras 3 has not")
        options = {**_gated(said, kind), **said.options(*_COMMON, *names)}
        return said.layer(Part(kind, options), names=with_bias(said, *_NAMES))

    return layer


def _gated(said: Said, kind: str) -> dict[str, object]:
    """What the old layers did where they do not say it."""
    if kind == "SimpleRNN":
        return {}
    reset = {"reset_after": bool(said.get("reset_after", False))} if kind == "GRU" else {}
    return {"recurrent_activation": HARD_SIGMOID, **reset}


def _cudnn(kind: str, gates: int) -> Callable[[Said], Layer]:
    """cuDNN's layers, which have the activations that Keras 3 has by default, and GRU's reset after the product."""

    def layer(said: Said) -> Layer:
        names = [name for name in (*_COMMON, *_RECURRENT) if name not in ("activation", "use_bias")]
        options = said.options(*names) | ({"reset_after": True} if kind == "GRU" else {})

        def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
            kernel, recurrent, bias = arrays
            kernels = [part.T.reshape(part.shape, order="F") for part in np.split(kernel, gates, axis=1)]
            turned = [part.T for part in np.split(recurrent, gates, axis=1)]
            two = np.stack(np.split(bias, 2))
            return [[np.hstack(kernels), np.hstack(turned), two if kind == "GRU" else two.sum(axis=0)]]

        return said.layer(Part(kind, options), names=(*_NAMES, "bias"), arrange=arrange)

    return layer


def _convolutional(said: Said) -> Layer:
    """Theano's convolutions turn both kernels; where they pad in their own way they are refused."""
    axes = int(said.kind[-2])
    size, strides, rate = (said.numbers(name, axes) for name in ("kernel_size", "strides", "dilation_rate"))
    padding = said.get("padding", "valid")
    alike = max(strides) == 1 and all(k % 2 for k in size)
    if not alike and said.origin.is_theano(said.name):
        raise UnsupportedLayer("has windows that Theano pads in its own way, which Keras 3 has not")
    turn = said.origin.flips_kernels(said.name) if max(size) > 1 else False
    names = ("filters", "dropout", "recurrent_dropout", *WEIGHTED, *_RECURRENT, *_SEQUENCES, "unit_forget_bias")
    options = {"recurrent_activation": HARD_SIGMOID, **said.options(*names, "recurrent_activation")}
    options |= {"kernel_size": size, "strides": strides, "dilation_rate": rate, "padding": padding}

    def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
        kernels = [flipped(kernel, axes) for kernel in arrays[:2]] if turn else arrays[:2]
        return [[*kernels, *arrays[2:]]]

    part = Part(said.kind, options, said.origin.data_format_of(said.config))
    return said.layer(part, names=with_bias(said, *_NAMES), arrange=arrange)


_lstm, _gru = _recurrent("LSTM", "recurrent_activation", "unit_forget_bias"), _recurrent("GRU", "recurrent_activation")

TABLE: Table = {
    "SimpleRNN": _recurrent("SimpleRNN"), "LSTM": _lstm, "GRU": _gru,
    "UnifiedLSTM": _lstm, "UnifiedGRU": _gru,  # the same in TensorFlow 1.13
    "CuDNNLSTM": _cudnn("LSTM", 4), "CuDNNGRU": _cudnn("GRU", 3),
    "ConvLSTM1D": _convolutional, "ConvLSTM2D": _convolutional, "ConvLSTM3D": _convolutional,
}  # fmt: skip
