"""Load weights into an existing Keras model, layer by layer: by name or else in order, as Keras 2 did."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files import assign_weights
from kerasbridge.importers.keras_files.builder.parts import build_weights
from kerasbridge.importers.keras_files.convert_layer import legacy_layer
from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST, CHANNELS_LAST, Layer, Model, WeightsOnly
from kerasbridge.importers.keras_files.provenance import Origin, UnsupportedLayer
from kerasbridge.importers.report import WeightAssignment
from kerasbridge.importers.weight_transfer import Plan
from kerasbridge.keras_compat import keras


def plan(weights: WeightsOnly, model: Any) -> Plan:
    """Return the assignment of the weights of a file to those of a model.

    Args:
        weights: the weights of the file.
        model: a built Keras model; it is not changed.

    Raises:
        LegacyFileError: the file does not fit the model, or does not record what is needed about its kernels.
        ArgumentError: the model is not built, or has layers that Keras 1 and 2 did not have.
    """
    if not getattr(model, "built", False):
        raise ArgumentError("Expected model= to be a built Keras model: call it on a batch, or give it an Input.")
    data_formats = (CHANNELS_LAST, CHANNELS_FIRST) if weights.version == 1 else (CHANNELS_LAST,)
    results = [_plan_or_error(weights, model, data_format) for data_format in data_formats]
    plans = [result for result in results if isinstance(result, Plan)]
    if len(plans) == 2 and not _assign_same_values(*plans):
        raise LegacyFileError(
            "the kernels of this file fit the model in both data formats, 'th' and 'tf': pass the .json of its model "
            "too."
        )
    if plans:
        return plans[0]
    raise next(result for result in results if isinstance(result, LegacyFileError))


def _assign_same_values(first: Plan, second: Plan) -> bool:
    return all(np.array_equal(a, b) for (_, a), (_, b) in zip(first.values, second.values, strict=True))


def _plan_or_error(weights: WeightsOnly, model: Any, data_format: str) -> Plan | LegacyFileError:
    """Return the plan for kernels in this data format, or the reason why they do not fit."""
    origin = Origin(str(weights.version), weights.backend, weights.flip_kernels, data_format)
    arrays = {name: list(each.values()) for name, each in weights.layers.items()}
    try:
        legacy_model = assign_weights.with_weights(_legacy_model(model, origin, _has_joint_gates(weights)), arrays)
        origin.check_unambiguous()
        return _plan(model, legacy_model, weights, data_format)
    except LegacyFileError as error:
        return error


def _has_joint_gates(weights: WeightsOnly) -> bool:
    """Return whether recurrent layers have one array for all gates, as in Keras 1 with consume_less="gpu"."""
    return not any(name[-4:-1] in ("_W_", "_U_", "_b_") for each in weights.layers.values() for name in each)


def _legacy_model(model: Any, origin: Origin, joint_gates: bool) -> Model:
    """Return the Keras 1 or 2 layers whose weights the model's layers take, without calls."""
    layers = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            nested = _legacy_model(layer, origin, joint_gates)
            layers[layer.name] = Layer(layer.name, "Model", model=nested)
        elif layer.weights:
            layers[layer.name] = _legacy_layer(layer, origin, joint_gates)
    return Model(model.name, (), layers, (), ())


def _legacy_layer(layer: Any, origin: Origin, joint_gates: bool) -> Layer:
    kind = type(layer).__name__
    try:
        legacy = legacy_layer(layer.name, kind, layer.get_config(), origin, joint_gates)
    except UnsupportedLayer as error:
        raise ArgumentError(f"The model has the layer {layer.name!r} ({kind}), which {error}.") from error
    return replace(legacy, trainable=layer.trainable)


def _plan(model: Any, legacy_model: Model, weights: WeightsOnly, data_format: str) -> Plan:
    names = {id(array): f"{layer}/{name}" for layer, each in weights.layers.items() for name, array in each.items()}
    values: list[tuple[Any, Array]] = []
    assignments: list[WeightAssignment] = []
    layers = list(_layer_pairs(model, legacy_model))
    for path, layer, legacy in layers:
        arrays = _build_weights(layer, legacy)
        if data_format == CHANNELS_FIRST and (image_shape := _flattened_shape(model, layer)):
            arrays[0] = _reorder_rows(arrays[0], image_shape)
        _check_shapes(layer, legacy, arrays)
        values += zip(layer.weights, arrays, strict=True)
        variables = tuple((variable.name, tuple(variable.shape)) for variable in layer.weights)
        sources = tuple((names[id(array)], array.shape) for array in legacy.arrays)
        assignments.append(WeightAssignment(path, type(layer).__name__, variables, sources))
    used = {id(array) for _, _, legacy in layers for array in legacy.arrays}
    unused = [name for array, name in names.items() if array not in used]
    notes = (f"not used: {', '.join(unused)}",) if unused else ()
    normalizations = tuple(layer for _, layer, _ in layers if isinstance(layer, keras.layers.Normalization))
    return Plan(tuple(values), tuple(assignments), notes, normalizations)


def _layer_pairs(model: Any, legacy_model: Model, prefix: str = "") -> Iterator[tuple[str, Any, Layer]]:
    """Yield the path of each layer with weights, the Keras layer and the legacy layer."""
    for layer in model.layers:
        legacy = legacy_model.layers.get(layer.name)
        if legacy is not None and legacy.model is not None:
            yield from _layer_pairs(layer, legacy.model, f"{prefix}{layer.name}/")
        elif legacy is not None:
            yield f"{prefix}{layer.name}", layer, legacy


def _build_weights(layer: Any, legacy: Layer) -> list[Array]:
    """Return the arrays for the weights of a layer."""
    arrays = [array for part in legacy.weights for array in part]
    build = legacy.parts[-1].build_weights if legacy.parts else None
    if build is None:
        return arrays
    config = layer.get_build_config()
    shape = config["input_shape"] if "input_shape" in config else next(iter(config["shapes_dict"].values()))
    return list(build_weights(legacy, build, arrays, shape))


def _check_shapes(layer: Any, legacy: Layer, arrays: list[Array]) -> None:
    expected = [tuple(variable.shape) for variable in layer.weights]
    received = [array.shape for array in arrays]
    if expected != received:
        raise LegacyFileError(
            f"layer {legacy} has weights of the shapes {', '.join(map(str, expected))}; the file has "
            f"{', '.join(map(str, received))}."
        )


def _flattened_shape(model: Any, layer: Any) -> tuple[int, ...]:
    """Return the shape of the images that a dense layer takes flattened; () for any other layer."""
    layers = list(model.layers)
    if not isinstance(layer, keras.layers.Dense) or layer not in layers:
        return ()
    for previous in reversed(layers[: layers.index(layer)]):
        if previous.weights:
            return ()
        if isinstance(previous, keras.layers.Flatten):
            shape = tuple(previous.input.shape[1:])
            return shape if len(shape) > 2 and int(np.prod(shape)) == layer.kernel.shape[0] else ()
    return ()


def _reorder_rows(kernel: Array, image_shape: tuple[int, ...]) -> Array:
    """Convert a dense kernel for images flattened as (channels, height, width) to (height, width, channels)."""
    if kernel.shape[0] != int(np.prod(image_shape)):
        return kernel
    images = kernel.reshape(image_shape[-1], *image_shape[:-1], -1)
    return np.moveaxis(images, 0, -2).reshape(kernel.shape)
