"""Sample inputs for comparing a model with its exported file: random numbers, or the rows of an example."""

from typing import Any

import numpy as np

from kerasbridge.errors import ArgumentError
from kerasbridge.exporters.batches import Arrays
from kerasbridge.exporters.signatures import DynamicAxes, Signature
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import output_spec
from kerasbridge.parity.synthetic_data import vocabulary_size
from kerasbridge.random import generator

BATCH_SIZES = (1, 3)
_SEED = 0
_SIZES = (16, 8, 4, 32, 64, 128)
"""Candidates for sizes that are not fixed: large enough for convolutions, small enough for position embeddings."""


def batches(model: Any, signature: Signature, dynamic: DynamicAxes, example: Arrays | None) -> list[Arrays]:
    """Return batches of an example, repeated if it has too few rows, or of random numbers.

    The numbers are in [-1, 1), or tokens in the vocabulary of every embedding. If sizes are not fixed, two are used.

    Raises:
        ArgumentError: the model works with no candidate size.
    """
    fixed = signature.batch_size or (1 if dynamic is DynamicAxes.NONE else None)
    batch_sizes = (fixed, fixed, fixed) if fixed else BATCH_SIZES
    if example is not None:
        return [_take_rows(example, rows, sum(batch_sizes[:k])) for k, rows in enumerate(batch_sizes)]
    num_tokens, (first, second) = vocabulary_size(model), _find_sizes(model, signature)
    sizes = [first, second, second]
    return [_draw_batch(signature, rows, sizes[k], num_tokens, k) for k, rows in enumerate(batch_sizes)]


def _take_rows(example: Arrays, rows: int, first: int) -> Arrays:
    return [array.take(range(first, first + rows), axis=0, mode="wrap") for array in example]


def _draw_batch(signature: Signature, rows: int, size: int, num_tokens: int, index: int) -> Arrays:
    counters = range(1000 * index, 1000 * index + len(signature.inputs))
    shapes = [(rows, *(size if axis is None else axis for axis in spec.shape[1:])) for spec in signature.inputs]
    arguments = zip(shapes, signature.inputs, counters, strict=True)
    return [_draw(shape, spec.dtype, num_tokens, counter) for shape, spec, counter in arguments]


def _draw(shape: tuple[int, ...], dtype: str, num_tokens: int, counter: int) -> Any:
    numbers = generator.uniform(_SEED, counter, shape)
    if np.dtype(dtype).kind == "f":
        return (2 * numbers - 1).astype(dtype)
    return (numbers * (2 if dtype == "bool" else num_tokens)).astype(dtype)


def _find_sizes(model: Any, signature: Signature) -> tuple[int, int]:
    """Return two sizes that the model accepts for its dynamic axes."""
    if not signature.has_dynamic_sizes:
        return 0, 0
    for size in _SIZES:
        if _accepts(model, signature, size) and _accepts(model, signature, 2 * size):
            return size, 2 * size
    raise ArgumentError(
        "Expected a model with fixed input sizes, or one that works with sizes that were tried, from "
        f"{min(_SIZES)} to {2 * max(_SIZES)}. Pass example=, a batch of its inputs."
    )


def _accepts(model: Any, signature: Signature, size: int) -> bool:
    batch = _draw_batch(signature, 1, size, 2, 0)
    try:
        outputs = output_spec(model, signature.pack(batch))
    except Exception:  # layers raise anything for a size that they do not accept
        return False
    return all(axis is None or axis > 0 for output in keras.tree.flatten(outputs) for axis in output.shape)
