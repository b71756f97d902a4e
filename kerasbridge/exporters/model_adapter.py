"""The model as a function of flat arrays: its signature, and calls for inference."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kerasbridge import engines
from kerasbridge.errors import ArgumentError
from kerasbridge.exporters.batches import Arrays
from kerasbridge.exporters.signatures import Shape, Signature, Spec
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import call_model, flatten_layers
from kerasbridge.keras_compat.tensors import map_tensors

_AUTOMATIC_NAME = re.compile(r"(keras_tensor|input_layer)(_\d+)?")
_NUMERIC_KINDS = "fiub"
_DTYPES = {"bool", "bfloat16", *(f"float{bits}" for bits in (16, 32, 64))}
_DTYPES |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


def signature_of(model: Any, example: Any) -> Signature:
    """Return the signature of a model, without the names of its outputs.

    Args:
        model: a Keras model, functional or sequential unless there is an example.
        example: a batch as the model takes it, or None.

    Raises:
        ArgumentError: the object is not a model, its inputs are not numeric, or they are not known.
    """
    if not isinstance(model, keras.Model):
        raise ArgumentError(f"Expected a Keras model, received {type(model).__name__}.")
    inputs = _symbolic_inputs(model)
    if inputs is None:
        inputs = example
    if inputs is None:
        raise ArgumentError(
            f"Expected a model with defined inputs, received {type(model).__name__}, which has none. "
            "Pass example=, a batch of its inputs."
        )
    leaves = keras.tree.flatten_with_path(inputs)
    structure = keras.tree.pack_sequence_as(inputs, [*range(len(leaves))])
    names = _make_unique([_input_name(path, leaf) for path, leaf in leaves])
    specs = tuple(Spec(name, _shape(leaf), _dtype(name, leaf)) for name, (_, leaf) in zip(names, leaves, strict=True))
    return Signature(specs, structure)


def example_arrays(signature: Signature, example: Any) -> Arrays:
    """Return the arrays of an example as a flat list, each in the dtype that the model takes.

    Args:
        signature: the signature of the model.
        example: a batch in the nested structure of the model, or a dict by the names of the signature.

    Raises:
        ArgumentError: the arrays do not match the signature.
    """
    names = [spec.name for spec in signature.inputs]
    by_name = isinstance(example, dict) and set(example) == set(names)
    leaves = [example[name] for name in names] if by_name else keras.tree.flatten(example)
    arrays = [np.asarray(keras.ops.convert_to_numpy(leaf)) for leaf in leaves]
    if len(arrays) != len(signature.inputs) or not all(map(_matches, arrays, signature.inputs)):
        expected = ", ".join(f"{spec.name} {_format_shape(spec.shape)}" for spec in signature.inputs)
        received = ", ".join(_format_shape(array.shape) for array in arrays)
        raise ArgumentError(f"Expected example to be a batch of the model's inputs, {expected}; received {received}.")
    return [array.astype(spec.dtype) for array, spec in zip(arrays, signature.inputs, strict=True)]


def build(model: Any, example: Any) -> None:
    """Build a model by calling it once, unless it is built."""
    if isinstance(model, keras.Model) and not model.built:
        model(keras.tree.map_structure(keras.ops.convert_to_tensor, example))


def call(model: Any, signature: Signature, tensors: Sequence[Any]) -> Any:
    """Call the model for inference on flat tensors, discarding updates of its variables."""
    with keras.StatelessScope():
        return call_model(model, signature.pack(tensors), training=False)


def serving_function(model: Any, signature: Signature) -> Callable[..., list[Any]]:
    """Return the model as a function from flat tensors to a flat list of tensors."""
    return lambda *tensors: flatten(call(model, signature, tensors))


def predict(model: Any, signature: Signature, batch: Arrays) -> Any:
    """Return the outputs for a batch as a nested structure of arrays, in full float32 precision on every device."""
    engine = engines.current()
    engine.set_mode(model, training=False)
    with engine.full_precision():
        outputs = call(model, signature, [keras.ops.convert_to_tensor(array) for array in batch])
    return map_tensors(keras.ops.convert_to_numpy, outputs)


def flatten(structure: Any) -> list[Any]:
    """Return the leaves of a nested structure, those of a dict sorted by key."""
    return list(keras.tree.flatten(structure))


def with_output_names(signature: Signature, model: Any, outputs: Any) -> Signature:
    """Return the signature with names for the outputs: the keys of a dict, else the output names of the model."""
    paths = [path for path, _ in keras.tree.flatten_with_path(outputs)]
    names = getattr(model, "output_names", None) or []
    if len(names) != len(paths) or _has_keys(paths):
        names = ["_".join(map(str, path if _has_keys(paths) else ("output", *path))) for path in paths]
    inputs = [spec.name for spec in signature.inputs]
    return replace(signature, outputs=tuple(_make_unique([*inputs, *names])[len(inputs) :]))


@contextlib.contextmanager
def float32_compute(model: Any) -> Iterator[None]:
    """Let all layers compute in float32 within the context, except quantized ones."""
    layers = [model, *flatten_layers(model)]
    policies = [(layer, layer.dtype_policy) for layer in layers if _is_other_float(layer.dtype_policy)]
    try:
        for layer, _ in policies:
            layer.dtype_policy = "float32"
        yield
    finally:
        for layer, policy in policies:
            layer.dtype_policy = policy


def is_on_cpu(model: Any) -> bool:
    """Return whether the model computes on the CPU in this process."""
    tensor = model.variables[0].value if model.variables else keras.ops.zeros(())
    return engines.current().device_of(tensor).startswith("cpu")


def has_recurrent_layers(model: Any) -> bool:
    """Return whether a layer loops over time."""
    return any(isinstance(layer, keras.layers.RNN) for layer in flatten_layers(model))


def _symbolic_inputs(model: Any) -> Any:
    """Return the symbolic inputs of a functional or built sequential model; None for others."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0] if model.built and model.inputs else None
    return model.input if hasattr(model, "output_names") else None


def _input_name(path: tuple[Any, ...], leaf: Any) -> str:
    keys = [str(key) for key in path]
    if _has_keys([path]):
        return "_".join(keys)
    name = getattr(leaf, "name", None)
    return name if isinstance(name, str) and not _AUTOMATIC_NAME.fullmatch(name) else "_".join(["input", *keys])


def _has_keys(paths: Sequence[tuple[Any, ...]]) -> bool:
    return any(isinstance(key, str) for path in paths for key in path)


def _make_unique(names: Sequence[str]) -> list[str]:
    """Return distinct names of letters, digits and underscores."""
    unique: list[str] = []
    for name in names:
        base = candidate = re.sub(r"\W", "_", name, flags=re.ASCII) or "unnamed"
        number = 1
        while candidate in unique:
            candidate, number = f"{base}_{number}", number + 1
        unique.append(candidate)
    return unique


def _shape(leaf: Any) -> Shape:
    """Return the shape of a symbolic tensor, or of an array with any number of rows."""
    rows = leaf.shape[0] if isinstance(leaf, keras.KerasTensor) else None
    return (rows, *(None if size is None else int(size) for size in leaf.shape[1:]))


def _dtype(name: str, leaf: Any) -> str:
    dtype = str(keras.backend.standardize_dtype(leaf.dtype))
    if dtype not in _DTYPES:
        raise ArgumentError(f"Expected a model with numeric inputs, received one whose {name} is of type {dtype}.")
    return "float32" if "float" in dtype else dtype


def _matches(array: np.ndarray[Any, Any], spec: Spec) -> bool:
    same_shape = array.ndim == len(spec.shape) and all(
        expected in (None, size) for expected, size in zip(spec.shape, array.shape, strict=True)
    )
    return same_shape and len(array) > 0 and array.dtype.kind in _NUMERIC_KINDS


def _is_other_float(policy: Any) -> bool:
    return policy.quantization_mode is None and policy.compute_dtype != "float32"


def _format_shape(shape: Sequence[Any]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
