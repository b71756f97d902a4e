"""The batches that a model and its file are held beside each other on: drawn from a seed, or an example's rows."""

from typing import Any

import numpy as np

from kerasbridge.errors import ArgumentError
from kerasbridge.exporters.batches import Arrays
from kerasbridge.exporters.signatures import DynamicAxes, Signature
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import output_spec
from kerasbridge.parity.synthetic_data import vocabulary
from kerasbridge.random import generator

ROWS = (1, 3)
_SEED = 0
_SIZES = (16, 8, 4, 32, 64, 128)
"""What is tried for sizes that a model leaves open: as large as convolutions need, as small as tables of positions."""


def batches(model: Any, signature: Signature, freedom: DynamicAxes, example: Arrays | None) -> list[Arrays]:
    """The rows of an example, from the first on again where there are too few; or numbers drawn from a seed.

    Those are of [-1, 1), or words that every embedding of the model knows; of two sizes where sizes are open.

    Raises:
        ArgumentError: the model computes on none of the sizes that are tried.
    """
    fixed = signature.rows or (1 if freedom is DynamicAxes.NONE else None)
    counts = (fixed, fixed, fixed) if fixed else ROWS
    if example is not None:
        return [_rows(example, rows, sum(counts[:k])) for k, rows in enumerate(counts)]
    words, (first, second) = vocabulary(model), _sizes(model, signature)
    sizes = [first, second, second]
    return [_batch(signature, rows, sizes[k], words, k) for k, rows in enumerate(counts)]


def _rows(example: Arrays, rows: int, first: int) -> Arrays:
    return [array.take(range(first, first + rows), axis=0, mode="wrap") for array in example]


def _batch(signature: Signature, rows: int, size: int, words: int, place: int) -> Arrays:
    counters = range(1000 * place, 1000 * place + len(signature.inputs))
    shapes = [(rows, *(size if axis is None else axis for axis in spec.shape[1:])) for spec in signature.inputs]
    arguments = zip(shapes, signature.inputs, counters, strict=True)
    return [_numbers(shape, spec.dtype, words, counter) for shape, spec, counter in arguments]


def _numbers(shape: tuple[int, ...], dtype: str, words: int, counter: int) -> Any:
    numbers = generator.uniform(_SEED, counter, shape)
    if np.dtype(dtype).kind == "f":
        return (2 * numbers - 1).astype(dtype)
    return (numbers * (2 if dtype == "bool" else words)).astype(dtype)


def _sizes(model: Any, signature: Signature) -> tuple[int, int]:
    """Two sizes that the model computes on, for those that it leaves open."""
    if not signature.open_sizes:
        return 0, 0
    for size in _SIZES:
        if all(_computes(model, signature, found) for found in (size, 2 * size)):
            return size, 2 * size
    raise ArgumentError(
        "Expected a model that says which sizes it takes, or computes on some that were tried, from "
        f"{min(_SIZES)} to {2 * max(_SIZES)}. Give example=, a batch of what it takes."
    )


def _computes(model: Any, signature: Signature, size: int) -> bool:
    batch = _batch(signature, 1, size, 2, 0)
    try:
        outputs = output_spec(model, signature.packed(batch))
    except Exception:  # whatever a layer says of a size it does not like
        return False
    return all(_is_filled(output.shape) for output in keras.tree.flatten(outputs))


def _is_filled(shape: Any) -> bool:
    return all(axis is None or axis > 0 for axis in shape)
