"""Weights alone onto a Keras model that is there: layer by layer, by name or else in order, as Keras itself did it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files import assign_weights
from kerasbridge.importers.keras_files.builder.parts import fit_weights
from kerasbridge.importers.keras_files.ir import (
    CHANNELS_FIRST,
    CHANNELS_LAST,
    Layer,
    Model,
    WeightsAlone,
)
from kerasbridge.importers.keras_files.layers import legacy_layer
from kerasbridge.importers.keras_files.provenance import FLIP_KERNELS_HINT, Origin, UnsupportedLayer
from kerasbridge.importers.report import WeightAssignment
from kerasbridge.importers.weight_transfer import Plan
from kerasbridge.keras_compat import keras


def plan(weights: WeightsAlone, model: Any) -> Plan:
    """What of a file goes where in a model.

    Args:
        weights: what the file holds.
        model: a built Keras model; nothing in it is changed.

    Raises:
        LegacyFileError: the file does not fit the model, or it has to be known how its kernels lie.
        ArgumentError: the model is not built, or has layers that no old Keras had.
    """
    if not getattr(model, "built", False):
        raise ArgumentError("Expected model= to be a built Keras model: call it on a batch, or give it an Input.")
    orders = (CHANNELS_LAST, CHANNELS_FIRST) if weights.version == 1 else (CHANNELS_LAST,)
    tried = [_tried(weights, model, order) for order in orders]
    fitting = [one for one in tried if isinstance(one, Plan)]
    if len(fitting) == 2 and not all(_alike(*fitting)):
        raise LegacyFileError(
            "the kernels of this file fit the model in both orders, 'th' and 'tf': give the .json of its model too."
        )
    if fitting:
        return fitting[0]
    raise next(one for one in tried if isinstance(one, LegacyFileError))


def _alike(one: Plan, other: Plan) -> Iterator[bool]:
    for (_, first), (_, second) in zip(one.values, other.values, strict=True):
        yield np.array_equal(first, second)


def _tried(weights: WeightsAlone, model: Any, order: str) -> Plan | LegacyFileError:
    """The plan where the kernels of the file are in this order, or why there is none."""
    origin = Origin(str(weights.version), weights.backend, weights.flip_kernels, order)
    arrays = {name: list(each.values()) for name, each in weights.layers.items()}
    try:
        described = assign_weights.with_weights(_described(model, origin, _is_whole(weights)), arrays)
        if origin.ambiguous_layers:
            return LegacyFileError(
                f"{', '.join(map(repr, dict.fromkeys(origin.ambiguous_layers)))}: {FLIP_KERNELS_HINT}"
            )
        return _plan(model, described, weights, order)
    except LegacyFileError as error:
        return error


def _is_whole(weights: WeightsAlone) -> bool:
    """Return whether the gates of recurrent layers share arrays, as in Keras 1 with consume_less="gpu"."""
    return not any(name[-4:-1] in ("_W_", "_U_", "_b_") for each in weights.layers.values() for name in each)


def _described(model: Any, origin: Origin, whole: bool) -> Model:
    """The layers of the model as a file would describe them, as far as their weights go."""
    layers = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            layers[layer.name] = Layer(layer.name, "Model", model=_described(layer, origin, whole))
        elif layer.weights:
            layers[layer.name] = _arranged(layer.name, layer, origin, whole)
    return Model(model.name, (), layers, (), ())


def _arranged(name: str, layer: Any, origin: Origin, whole: bool) -> Layer:
    kind = type(layer).__name__
    try:
        made = legacy_layer(name, kind, layer.get_config(), origin, whole)
    except UnsupportedLayer as refusal:
        raise ArgumentError(f"The model has the layer {name!r} ({kind}), which {refusal}.") from refusal
    return replace(made, trainable=layer.trainable)


def _plan(model: Any, described: Model, weights: WeightsAlone, order: str) -> Plan:
    names = {id(array): f"{layer}/{name}" for layer, each in weights.layers.items() for name, array in each.items()}
    values: list[tuple[Any, Array]] = []
    placements: list[WeightAssignment] = []
    for path, layer, made in _pairs(model, described):
        arrays = _fitted(layer, made)
        if order == CHANNELS_FIRST and (flat := _flattened(model, layer)):
            arrays[0] = _from_first(arrays[0], flat)
        values += _checked(layer, made, arrays)
        placements.append(
            WeightAssignment(
                path,
                type(layer).__name__,
                tuple((variable.name, tuple(variable.shape)) for variable in layer.weights),
                tuple((names[id(array)], array.shape) for array in made.arrays),
            )
        )
    used = {id(array) for _, _, made in _pairs(model, described) for array in made.arrays}
    unused = [name for array, name in names.items() if array not in used]
    notes = (f"for no layer: {', '.join(unused)}",) if unused else ()
    given = [layer for _, layer, _ in _pairs(model, described) if isinstance(layer, keras.layers.Normalization)]
    return Plan(tuple(values), tuple(placements), notes, tuple(given))


def _fitted(layer: Any, made: Layer) -> list[Array]:
    """The arrays that the layer takes."""
    arrays = [array for part in made.weights for array in part]
    fit = made.parts[-1].fit if made.parts else None
    if fit is None:
        return arrays
    built = layer.get_build_config()
    shape = built["input_shape"] if "input_shape" in built else next(iter(built["shapes_dict"].values()))
    return list(fit_weights(made, fit, arrays, shape))


def _pairs(model: Any, described: Model, place: str = "") -> Iterator[tuple[str, Any, Layer]]:
    for layer in model.layers:
        made = described.layers.get(layer.name)
        if made is not None and made.model is not None:
            yield from _pairs(layer, made.model, f"{place}{layer.name}/")
        elif made is not None:
            yield f"{place}{layer.name}", layer, made


def _checked(layer: Any, made: Layer, arrays: list[Array]) -> list[tuple[Any, Array]]:
    shapes = [tuple(variable.shape) for variable in layer.weights]
    if shapes != [array.shape for array in arrays]:
        found = ", ".join(str(array.shape) for array in arrays)
        raise LegacyFileError(f"layer {made} takes arrays of {', '.join(map(str, shapes))}; in the file are {found}.")
    return list(zip(layer.weights, arrays, strict=True))


def _flattened(model: Any, layer: Any) -> tuple[int, ...]:
    """The shape of the images whose numbers a dense layer takes, () where it takes others."""
    layers = list(model.layers)
    if not isinstance(layer, keras.layers.Dense) or layer not in layers:
        return ()
    for before in reversed(layers[: layers.index(layer)]):
        if before.weights:
            return ()
        if isinstance(before, keras.layers.Flatten):
            shape = tuple(before.input.shape[1:])
            return shape if len(shape) > 2 and int(np.prod(shape)) == layer.kernel.shape[0] else ()
    return ()


def _from_first(kernel: Array, shape: tuple[int, ...]) -> Array:
    """A dense layer's kernel for numbers in the order C, H, W as one for H, W, C."""
    if kernel.shape[0] != int(np.prod(shape)):
        return kernel
    images = kernel.reshape(shape[-1], *shape[:-1], -1)
    return np.moveaxis(images, 0, -2).reshape(kernel.shape)
