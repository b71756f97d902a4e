"""The model that goes out: what it takes, what it gives, and how it is called on arrays."""

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

_AUTOMATIC = re.compile(r"(keras_tensor|input_layer)(_\d+)?")
_KINDS = "fiub"
_NUMBERS = {"bool", "bfloat16", *(f"float{bits}" for bits in (16, 32, 64))}
_NUMBERS |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


def signature_of(model: Any, example: Any) -> Signature:
    """What a model takes; its outputs are not named yet.

    Args:
        model: a Keras model; where it is not built, the example builds it.
        example: a batch as the model takes it, or None.

    Raises:
        ArgumentError: it is no model, it takes what no file can, or it does not say what it takes.
    """
    if not isinstance(model, keras.Model):
        raise ArgumentError(f"Expected a Keras model, received {type(model).__name__}.")
    taken = _symbols(model)
    if taken is None:
        taken = example
    if taken is None:
        raise ArgumentError(
            f"Expected a model that says what it takes, received {type(model).__name__}, which does not. "
            "Give example=, a batch of what it takes."
        )
    leaves = keras.tree.flatten_with_path(taken)
    nest = keras.tree.pack_sequence_as(taken, [*range(len(leaves))])
    names = _unique([_input_name(path, leaf) for path, leaf in leaves])
    specs = tuple(Spec(name, _shape(leaf), _dtype(name, leaf)) for name, (_, leaf) in zip(names, leaves, strict=True))
    return Signature(specs, nest)


def arrays_of(signature: Signature, example: Any) -> Arrays:
    """An example's arrays, flat, each in the dtype that the model takes.

    Args:
        signature: what the model takes.
        example: a batch in the model's own nest, or a dict by the names of the signature.

    Raises:
        ArgumentError: they are not what the model takes.
    """
    names = [spec.name for spec in signature.inputs]
    by_name = isinstance(example, dict) and set(example) == set(names)
    leaves = [example[name] for name in names] if by_name else keras.tree.flatten(example)
    arrays = [np.asarray(keras.ops.convert_to_numpy(leaf)) for leaf in leaves]
    if len(arrays) != len(signature.inputs) or not all(map(_fits, arrays, signature.inputs)):
        wanted = ", ".join(f"{spec.name} {_written(spec.shape)}" for spec in signature.inputs)
        received = ", ".join(_written(array.shape) for array in arrays)
        raise ArgumentError(f"Expected example to be a batch of what the model takes, {wanted}; received {received}.")
    return [array.astype(spec.dtype) for array, spec in zip(arrays, signature.inputs, strict=True)]


def build(model: Any, example: Any) -> None:
    """Call a model that is not built once."""
    if isinstance(model, keras.Model) and not model.built:
        model(keras.tree.map_structure(keras.ops.convert_to_tensor, example))


def call(model: Any, signature: Signature, tensors: Sequence[Any]) -> Any:
    """What the model makes of flat tensors when it does not train; what it would write to its variables is dropped."""
    with keras.StatelessScope():
        return call_model(model, signature.packed(tensors), training=False)


def serving(model: Any, signature: Signature) -> Callable[..., list[Any]]:
    """The model as a function of flat tensors, which gives flat tensors."""
    return lambda *tensors: flat(call(model, signature, tensors))


def outputs_of(model: Any, signature: Signature, batch: Arrays) -> Any:
    """What the model gives for a batch: a nest of arrays, in the full precision of float32 on every device."""
    engine = engines.current()
    engine.set_mode(model, training=False)
    with engine.full_precision():
        outputs = call(model, signature, [keras.ops.convert_to_tensor(array) for array in batch])
    return map_tensors(keras.ops.convert_to_numpy, outputs)


def flat(nest: Any) -> list[Any]:
    """The leaves of a nest, those of a dict sorted by key."""
    return list(keras.tree.flatten(nest))


def with_outputs(signature: Signature, model: Any, outputs: Any) -> Signature:
    """The signature with the names of what comes out: keys of a dict, else the model's own names of its outputs."""
    paths = [path for path, _ in keras.tree.flatten_with_path(outputs)]
    own = getattr(model, "output_names", None) or []
    if len(own) != len(paths) or _has_keys(paths):
        own = ["_".join(map(str, path if _has_keys(paths) else ("output", *path))) for path in paths]
    taken = [spec.name for spec in signature.inputs]
    return replace(signature, outputs=tuple(_unique([*taken, *own])[len(taken) :]))


@contextlib.contextmanager
def computing_in_float32(model: Any) -> Iterator[None]:
    """While open, the layers of a model in mixed precision, or in another, compute in float32.

    Quantized layers stay as they are.
    """
    layers = [model, *flatten_layers(model)]
    policies = [(layer, layer.dtype_policy) for layer in layers if _is_other_float(layer.dtype_policy)]
    try:
        for layer, _ in policies:
            layer.dtype_policy = "float32"
        yield
    finally:
        for layer, policy in policies:
            layer.dtype_policy = policy


def lies_on_cpu(model: Any) -> bool:
    """Return whether the model computes on the CPU in this process."""
    tensor = model.variables[0].value if model.variables else keras.ops.zeros(())
    return engines.current().device_of(tensor).startswith("cpu")


def has_recurrent_layers(model: Any) -> bool:
    """Return whether a layer loops over time."""
    return any(isinstance(layer, keras.layers.RNN) for layer in flatten_layers(model))


def _symbols(model: Any) -> Any:
    """The nest of symbolic tensors that a functional or sequential model takes; None of another."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0] if model.built and model.inputs else None
    return model.input if hasattr(model, "output_names") else None


def _input_name(path: tuple[Any, ...], leaf: Any) -> str:
    keys = [str(step) for step in path]
    if _has_keys([path]):
        return "_".join(keys)
    name = getattr(leaf, "name", None)
    return name if isinstance(name, str) and not _AUTOMATIC.fullmatch(name) else "_".join(["input", *keys])


def _has_keys(paths: Sequence[tuple[Any, ...]]) -> bool:
    return any(isinstance(step, str) for path in paths for step in path)


def _unique(names: Sequence[str]) -> list[str]:
    """Names of letters, digits and underscores, no two alike."""
    found: list[str] = []
    for name in names:
        plain = unused = re.sub(r"\W", "_", name, flags=re.ASCII) or "unnamed"
        number = 1
        while unused in found:
            unused, number = f"{plain}_{number}", number + 1
        found.append(unused)
    return found


def _shape(leaf: Any) -> Shape:
    """The shape of a symbolic tensor, or of an array, whose rows do not count."""
    rows = leaf.shape[0] if isinstance(leaf, keras.KerasTensor) else None
    return (rows, *(None if size is None else int(size) for size in leaf.shape[1:]))


def _dtype(name: str, leaf: Any) -> str:
    dtype = str(keras.backend.standardize_dtype(leaf.dtype))
    if dtype not in _NUMBERS:
        raise ArgumentError(f"Expected a model that takes numbers, received one whose {name} is of type {dtype}.")
    return "float32" if "float" in dtype else dtype


def _fits(array: np.ndarray[Any, Any], spec: Spec) -> bool:
    same = array.ndim == len(spec.shape) and all(
        size in (None, found) for size, found in zip(spec.shape, array.shape, strict=True)
    )
    return same and len(array) > 0 and array.dtype.kind in _KINDS


def _is_other_float(policy: Any) -> bool:
    return policy.quantization_mode is None and policy.compute_dtype != "float32"


def _written(shape: Sequence[Any]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
