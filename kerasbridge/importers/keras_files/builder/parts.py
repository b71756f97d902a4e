"""Make one Keras 3 layer from its part, prepare its weights, and call it."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerasbridge import layers
from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.keras_builder.context import zero_initializers
from kerasbridge.importers.keras_files.arguments import HARD_SIGMOID
from kerasbridge.importers.keras_files.builder import axis_order
from kerasbridge.importers.keras_files.builder.axis_order import Value
from kerasbridge.importers.keras_files.ir import CHANNELS_LAST, BuildWeights, Layer, Part
from kerasbridge.keras_compat import keras

_CALLED_ON_LIST = axis_order.MERGE | {"Dot", "Attention", "AdditiveAttention"}
"""Layers that take their tensors as one list."""

_FUNCTIONS = {HARD_SIGMOID: layers.hard_sigmoid}


def make_layer(part: Part, name: str, weights: Sequence[Array], values: Sequence[Value], channels: int | None) -> Any:
    """Return the Keras layer, without weights yet.

    Args:
        weights: its future weights.
        values: the inputs of its first call.
        channels: the axis that is at the end in these.
    """
    rank = values[0].rank
    if part.options.get("activation") == "softmax" and part.kind == "Activation" and channels is not None:
        part = Part("Softmax")
    if part.kind.startswith("SameAverage") and not _may_pad(part, values[0].tensor.shape):
        part = Part(part.kind.removeprefix("Same"), part.options)
    if part.inner is not None and part.kind == "TimeDistributed":
        inner = _make(part.inner, weights, values, None if channels is None else channels - 1, rank - 1)
        return keras.layers.TimeDistributed(inner, name=name, **part.options)
    return _make(part, weights, values, channels, rank, name=name)


def _make(
    part: Part, weights: Sequence[Array], values: Sequence[Value], channels: int | None, rank: int, **name: str
) -> Any:
    """Return the Keras layer, together with the layer that it wraps or its cells."""
    options = _options(part, weights, values, channels, rank)
    if "cells" in options:
        options["cells"] = [_make(cell, (), values, channels, rank) for cell in options["cells"]]
    inner = () if part.inner is None else (_make(part.inner, weights, values, channels, rank),)
    return _class(part.kind)(*inner, **name, **options)


def _may_pad(part: Part, shape: Sequence[int | None]) -> bool:
    """Return whether padding "same" adds padding to images of this shape, or may do so if their size is unknown."""
    windows = zip(shape[1:-1], part.options["pool_size"], part.options["strides"], strict=True)
    return any(size is None or (-(-size // stride) - 1) * stride + window > size for size, window, stride in windows)


def _class(kind: str) -> Any:
    return getattr(layers, kind, None) or getattr(keras.layers, kind)


def _options(
    part: Part, weights: Sequence[Array], values: Sequence[Value], channels: int | None, rank: int
) -> dict[str, Any]:
    options = {name: _FUNCTIONS.get(str(value), value) for name, value in part.options.items()}
    if part.kind in axis_order.PARAMETRIC_ACTIVATIONS and weights:
        options["shared_axes"] = _shared_axes(weights[0], values[0].tensor.shape[1 - rank :]) or None
    elif part.kind in axis_order.WITH_AXIS or "noise_shape" in options:
        options = axis_order.reindex_axes(options, part, channels, rank)
    if "data_format" in inspect.signature(_class(part.kind).__init__).parameters:
        options["data_format"] = CHANNELS_LAST
    return options


def _shared_axes(weight: Array, shape: Sequence[int | None]) -> list[int]:
    """Return the axes that share weights, which Keras 1 does not store.

    Args:
        shape: of a sample.
    """
    pairs = [*zip(weight.shape, shape, strict=True)]
    if any(stored not in (1, size) for stored, size in pairs):
        raise ValueError(f"weights of the shape {weight.shape} do not fit an input of {tuple(shape)}")
    return [axis for axis, (stored, size) in enumerate(pairs, 1) if stored == 1 != size]


def prepare_weights(
    layer: Layer, part: Part, weights: Sequence[Array], values: Sequence[Value], channels: int | None
) -> Sequence[Array]:
    """Return the weights with their axes in the order of the model.

    Raises:
        LegacyFileError: their shapes are not those that the layer expects.
    """
    core = part.core
    if core.kind in axis_order.PARAMETRIC_ACTIVATIONS and weights and channels is not None:
        time_axes = part.kind == "TimeDistributed"
        axes = [axis - 1 for axis in axis_order.axis_permutation(values[0].rank - time_axes, channels - time_axes)[1:]]
        weights = [array.transpose(axes) for array in weights]
    if part.build_weights is not None:
        return build_weights(layer, part.build_weights, weights, values[0].tensor.shape)
    expected = _kernel_shape(core, values[0].tensor.shape)
    if expected is None or not weights:
        return weights
    if tuple(weights[0].shape) != expected:
        raise LegacyFileError(f"layer {layer} needs weights of the shape {expected}; the file has {weights[0].shape}.")
    return weights


def build_weights(layer: Layer, build: BuildWeights, arrays: Sequence[Array], input_shape: Shape) -> Sequence[Array]:
    """Return the weights of a part that depend on its input shape.

    Raises:
        LegacyFileError: the arrays do not fit.
    """
    try:
        return build(arrays, tuple(input_shape))
    except (ValueError, IndexError, TypeError) as error:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise LegacyFileError(f"the arrays {shapes} do not fit layer {layer}: {error}.") from error


def _kernel_shape(part: Part, input_shape: Sequence[int | None]) -> tuple[Any, ...] | None:
    """Return the shape of the first weight of a layer; None if that cannot be large.

    It is checked before Keras allocates it: an invalid file could ask for any size.
    """
    options, channels = part.options, input_shape[-1]
    match part.kind:
        case "Dense":
            return channels, options["units"]
        case "Embedding":
            return options["input_dim"], options["output_dim"]
        case "LSTM" | "GRU" | "SimpleRNN":
            return channels, {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[part.kind] * options["units"]
        case "Conv1D" | "Conv2D" | "Conv3D":
            return *options["kernel_size"], (channels or 0) // options.get("groups", 1), options["filters"]
        case "Conv1DTranspose" | "Conv2DTranspose" | "Conv3DTranspose":
            return *options["kernel_size"], options["filters"], channels
        case "SeparableConv1D" | "SeparableConv2D" | "DepthwiseConv1D" | "DepthwiseConv2D":
            return *options["kernel_size"], channels, options.get("depth_multiplier", 1)
    return None


def call_layer(
    layer: Any,
    values: Sequence[Value],
    options: Mapping[str, Any],
    move: Callable[[Value, int | None], Value],
    weights: Sequence[Array] = (),
) -> Sequence[Any]:
    """Return the outputs of the layer for these inputs; set its weights, which are passed with the first call.

    Args:
        move: moves another axis of a value to the end.
    """
    tensors = [value.tensor for value in values]
    named = {name: move(value, None).tensor if isinstance(value, Value) else value for name, value in options.items()}
    with zero_initializers(layer):
        if type(layer).__name__ in _CALLED_ON_LIST:
            results = layer(tensors, **named)
        elif isinstance(getattr(layer, "cell", None), keras.layers.StackedRNNCells) and len(tensors) > 1:
            raise LegacyFileError(f"layer {layer.name!r} takes the states of several cells, which is not supported.")
        elif isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional) and len(tensors) > 1:
            results = layer(tensors[0], initial_state=tensors[1:], **named)
        else:
            results = layer(*tensors, **named)
    if weights:
        layer.set_weights([np.asarray(weight) for weight in weights])
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # computes the constants that it uses from its weights
    return results if isinstance(results, list | tuple) else [results]
