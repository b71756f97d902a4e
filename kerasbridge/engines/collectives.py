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


def broadcast_state(engine: "Engine", state: np.ndarray[Any, Any] | None) -> np.ndarray[Any, Any] | None:
    """Return the array of worker 0, of whatever shape, on every worker; None if it has none."""
    shape = broadcast_json(engine, None if state is None else [state.dtype.str, list(state.shape)])
    if shape is None:
        return None
    fits = state is not None and [state.dtype.str, list(state.shape)] == shape
    return engine.broadcast(state if fits and state is not None else np.zeros(shape[1], shape[0]))


def broadcast_json(engine: "Engine", value: Any) -> Any:
    """Return the value of worker 0, of JSON data, on every worker."""
    engine.exchanges += 1
    text = np.frombuffer(json.dumps(value).encode(), np.uint8)
    length = int(engine.broadcast(np.array([text.size], np.int64))[0])
    padded = text if text.size == length else np.zeros(length, np.uint8)
    return json.loads(engine.broadcast(padded).tobytes())


def gather_json(engine: "Engine", value: Any) -> list[Any]:
    """Return the values of all workers, of JSON data, on every worker."""
    engine.exchanges += 1
    text = np.frombuffer(json.dumps(value).encode(), np.uint8)
    lengths = engine.all_gather(np.array([text.size], np.int64))[:, 0]
    padded = np.zeros(int(lengths.max()), np.uint8)
    padded[: text.size] = text
    return [json.loads(row[:length].tobytes()) for row, length in zip(engine.all_gather(padded), lengths, strict=True)]
