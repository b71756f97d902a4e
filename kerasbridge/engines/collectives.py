"""Sums over the workers of a training of many tensors at once, and objects that worker 0 gives to all."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat import keras

if TYPE_CHECKING:
    from kerasbridge.engines.base import Engine


def sum_all(engine: "Engine", tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Return the sum of each tensor over all workers, in one operation for each dtype; None stays None."""
    sums: list[Tensor | None] = list(tensors)
    by_dtype: dict[str, dict[int, Tensor]] = {}
    for index, tensor in enumerate(tensors):
        if tensor is not None:
            by_dtype.setdefault(keras.backend.standardize_dtype(tensor.dtype), {})[index] = tensor
    for parts in by_dtype.values():
        total = engine.all_sum(keras.ops.concatenate([keras.ops.reshape(part, (-1,)) for part in parts.values()]))
        start = 0
        for index, part in parts.items():
            size = int(np.prod(part.shape, dtype=np.int64))
            sums[index] = keras.ops.reshape(total[start : start + size], part.shape)
            start += size
    return sums


def broadcast_json(engine: "Engine", value: Any) -> Any:
    """Return the value of worker 0, of JSON data, on every worker."""
    text = np.frombuffer(json.dumps(value).encode(), np.uint8)
    length = int(engine.broadcast(np.array([text.size], np.int64))[0])
    padded = text if text.size == length else np.zeros(length, np.uint8)
    return json.loads(engine.broadcast(padded).tobytes())


def gather_json(engine: "Engine", value: Any) -> list[Any]:
    """Return the values of all workers, of JSON data, on every worker."""
    text = np.frombuffer(json.dumps(value).encode(), np.uint8)
    lengths = engine.all_gather(np.array([text.size], np.int64))[:, 0]
    padded = np.zeros(int(lengths.max()), np.uint8)
    padded[: text.size] = text
    return [json.loads(row[:length].tobytes()) for row, length in zip(engine.all_gather(padded), lengths, strict=True)]
