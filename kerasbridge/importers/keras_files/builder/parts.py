"""One layer of Keras 3 from its part, and its weights."""

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
from kerasbridge.importers.keras_files.ir import CHANNELS_LAST, Fit, Layer, Part
from kerasbridge.keras_compat import keras

_SEVERAL = axis_order.MERGE | {"Dot", "Attention", "AdditiveAttention"}
"""Layers that take their tensors as one list."""

_FUNCTIONS = {HARD_SIGMOID: layers.hard_sigmoid}


def make_layer(part: Part, name: str, weights: Sequence[Array], values: Sequence[Value], channels: int | None) -> Any:
    """The layer, without weights yet.

    Args:
        part: what it is.
        name: its name.
        weights: what it is going to have.
        values: what it is going to be called on first.
        channels: the axis that lies last in these.
    """
    rank = values[0].rank
    if part.options.get("activation") == "softmax" and part.kind == "Activation" and channels is not None:
        part = Part("Softmax")
    if part.kind.startswith("SameAverage") and not _is_padded(part, values[0].tensor.shape):
        part = Part(part.kind.removeprefix("Same"), part.options)
    if part.inner is not None and part.kind == "TimeDistributed":
        within = None if channels is None else channels - 1
        inner = _with_those_within(part.inner, weights, values, within, rank - 1)
        return keras.layers.TimeDistributed(inner, name=name, **part.options)
    return _with_those_within(part, weights, values, channels, rank, name=name)


def _with_those_within(
    part: Part, weights: Sequence[Array], values: Sequence[Value], channels: int | None, rank: int, **named: str
) -> Any:
    """The layer around that of its inner part, where it has one, or its cells."""
    options = _options(part, weights, values, channels, rank)
    if "cells" in options:
        options["cells"] = [_with_those_within(cell, (), values, channels, rank) for cell in options["cells"]]
    inner = () if part.inner is None else (_with_those_within(part.inner, weights, values, channels, rank),)
    return _class(part.kind)(*inner, **named, **options)


def _is_padded(part: Part, shape: Sequence[int | None]) -> bool:
    """Return whether windows of "same" reach beyond images of this shape, or may do so."""
    windows = zip(shape[1:-1], part.options["pool_size"], part.options["strides"], strict=True)
    return any(size is None or (-(-size // stride) - 1) * stride + window > size for size, window, stride in windows)


def _class(kind: str) -> Any:
    return getattr(layers, kind, None) or getattr(keras.layers, kind)


def _options(
    part: Part, weights: Sequence[Array], values: Sequence[Value], channels: int | None, rank: int
) -> dict[str, Any]:
    options = {name: _FUNCTIONS.get(str(value), value) for name, value in part.options.items()}
    if part.kind in axis_order.PARAMETRIC_ACTIVATIONS and weights:
        options["shared_axes"] = _shared(weights[0], values[0].tensor.shape[1 - rank :]) or None
    elif part.kind in axis_order.WITH_AXIS or "noise_shape" in options:
        options = axis_order.reindex_axes(options, part, channels, rank)
    if "data_format" in inspect.signature(_class(part.kind).__init__).parameters:
        options["data_format"] = CHANNELS_LAST
    return options


def _shared(slopes: Array, sizes: Sequence[int | None]) -> list[int]:
    """The axes along which slopes are shared, which Keras 1 does not say."""
    pairs = [*zip(slopes.shape, sizes, strict=True)]
    if any(have not in (1, size) for have, size in pairs):
        raise ValueError(f"weights of {slopes.shape} are not for numbers of {tuple(sizes)}")
    return [axis for axis, (have, size) in enumerate(pairs, 1) if have == 1 != size]


def prepare_weights(
    layer: Layer, part: Part, weights: Sequence[Array], values: Sequence[Value], channels: int | None
) -> Sequence[Array]:
    """The weights in the order of axes of the model.

    Raises:
        LegacyFileError: they are not of the size that the layer would make room for.
    """
    core = part.inner or part
    if core.kind in axis_order.PARAMETRIC_ACTIVATIONS and weights and channels is not None:
        time = part.kind == "TimeDistributed"
        places = [axis - 1 for axis in axis_order.axis_permutation(values[0].rank - time, channels - time)[1:]]
        weights = [array.transpose(places) for array in weights]
    if part.fit is not None:
        return fit_weights(layer, part.fit, weights, values[0].tensor.shape)
    kernel = _kernel(core, values[0].tensor.shape)
    if kernel is None or not weights:
        return weights
    if tuple(weights[0].shape) != kernel:
        raise LegacyFileError(
            f"layer {layer} needs weights of the shape {kernel}; in the file they are {weights[0].shape}."
        )
    return weights


def fit_weights(layer: Layer, fit: Fit, weights: Sequence[Array], shape: Shape) -> Sequence[Array]:
    """The weights of a part that tells how they are made, for what it takes.

    Raises:
        LegacyFileError: they do not fit.
    """
    try:
        return fit(weights, tuple(shape))
    except (ValueError, IndexError, TypeError) as error:
        shapes = ", ".join(str(array.shape) for array in weights)
        raise LegacyFileError(f"the arrays {shapes} of layer {layer} do not fit it: {error}.") from error


def _kernel(part: Part, shape: Sequence[int | None]) -> tuple[Any, ...] | None:
    """The shape of a layer's first array of weights, None where that is nothing that could be large."""
    options, channels = part.options, shape[-1]
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
    moved: Callable[[Value, int | None], Value],
    weights: Sequence[Array] = (),
) -> Sequence[Any]:
    """What the layer gives for these tensors; at its first call it gets its weights."""
    tensors = [value.tensor for value in values]
    named = {name: moved(value, None).tensor if isinstance(value, Value) else value for name, value in options.items()}
    with zero_initializers(layer):
        if type(layer).__name__ in _SEVERAL:
            results = layer(tensors, **named)
        elif isinstance(getattr(layer, "cell", None), keras.layers.StackedRNNCells) and len(tensors) > 1:
            raise LegacyFileError(f"layer {layer.name!r} is given the states of several cells, which is not brought.")
        elif isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional) and len(tensors) > 1:
            results = layer(tensors[0], initial_state=tensors[1:], **named)
        else:
            results = layer(*tensors, **named)
    if weights:
        layer.set_weights([np.asarray(weight) for weight in weights])
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with constants that it makes of its weights
    return results if isinstance(results, list | tuple) else [results]
