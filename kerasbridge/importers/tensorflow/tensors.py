"""Decode TensorFlow tensors: from messages, and from the bytes in checkpoints."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import LegacyFileError
from kerasbridge.files.budget import spend

STRING, BFLOAT16, RESOURCE, BOOL = 7, 14, 20, 10
FLOATS = (1, 2, BFLOAT16, 19)
DTYPES: dict[int, Any] = {
    1: np.dtype("<f4"), 2: np.dtype("<f8"), 3: np.dtype("<i4"), 4: np.dtype("u1"), 5: np.dtype("<i2"),
    6: np.dtype("i1"), 9: np.dtype("<i8"), 10: np.dtype("?"), 14: np.dtype("<u2"), 17: np.dtype("<u2"),
    19: np.dtype("<f2"), 22: np.dtype("<u4"), 23: np.dtype("<u8"),
}  # fmt: skip
"""By the numbers of `types.proto`; bfloat16 as the upper halves of float32."""

_FIELDS = {
    "<f4": "float_val",
    "<f8": "double_val",
    "<i8": "int64_val",
    "<u4": "uint32_val",
    "<u8": "uint64_val",
    "|b1": "bool_val",
}
_MAX_RANK = 32
MAX_REPEATED = 2**26
"""The largest array that a file may create by repeating one number."""


def base_dtype(dtype: int) -> int:
    """Return the dtype behind a TensorFlow 1 reference dtype."""
    return dtype - 100 if dtype > 100 else dtype


def parse_shape(shape: Any) -> tuple[int, ...]:
    """Return a TensorShapeProto as a tuple.

    Raises:
        LegacyFileError: it is not fully known, or invalid.
    """
    sizes = tuple(dim.size for dim in shape.dim)
    if shape.unknown_rank or len(sizes) > _MAX_RANK or any(size < 0 for size in sizes):
        raise LegacyFileError(f"has the invalid shape {sizes}.")
    return sizes


def from_bytes(content: bytes, dtype: int, shape: Sequence[int]) -> NDArray[Any]:
    """Return the array of contiguous little-endian numbers.

    Raises:
        LegacyFileError: their count does not match the shape, or the dtype is not supported.
    """
    kind = _numpy_dtype(dtype)
    if len(content) != math.prod(shape) * kind.itemsize:
        raise LegacyFileError(
            f"should have {math.prod(shape):,} numbers of {kind.itemsize} bytes, has {len(content):,} bytes."
        )
    return _widen_bfloat16(np.frombuffer(content, kind), dtype).reshape(shape)


def parse_tensor(tensor: Any) -> NDArray[Any]:
    """Return the array in a TensorProto; strings become an array of bytes objects.

    If there are fewer numbers than the shape has, the last one is repeated (`tensor.proto`).

    Raises:
        LegacyFileError: its fields do not match, or the dtype is not supported.
    """
    dtype, shape = base_dtype(tensor.dtype), parse_shape(tensor.tensor_shape)
    if tensor.tensor_content:
        return from_bytes(tensor.tensor_content, dtype, shape)
    numbers = _listed_values(tensor, dtype)
    total = math.prod(shape)
    if len(numbers) > total:
        raise LegacyFileError(f"should have {total:,} numbers, has {len(numbers):,}.")
    if len(numbers) == total:
        return numbers.reshape(shape)
    if total > MAX_REPEATED:
        raise LegacyFileError(f"should have {total:,} numbers, has {len(numbers):,}.")
    spend(memory=total * numbers.itemsize)
    last = numbers[-1:] if len(numbers) else np.zeros(1, numbers.dtype)
    return np.concatenate([numbers, np.broadcast_to(last, total - len(numbers))]).reshape(shape)


def _listed_values(tensor: Any, dtype: int) -> NDArray[Any]:
    spend(steps=1, memory=tensor.ByteSize())
    if dtype == STRING:
        strings = np.empty(len(tensor.string_val), object)
        strings[:] = list(tensor.string_val)
        return strings
    kind = _numpy_dtype(dtype)
    if kind == np.float16 or dtype == BFLOAT16:
        return _widen_bfloat16(np.array(tensor.half_val, np.int64).astype("<u2").view(kind), dtype)
    return np.array(getattr(tensor, _FIELDS.get(kind.str, "int_val"))).astype(kind)


def _numpy_dtype(dtype: int) -> Any:
    if dtype not in DTYPES:
        raise LegacyFileError(f"has the TensorFlow dtype {dtype}, which is not supported: expected floats or integers.")
    return DTYPES[dtype]


def _widen_bfloat16(numbers: NDArray[Any], dtype: int) -> NDArray[Any]:
    """Return bfloat16 numbers as float32, and others as they are."""
    return (numbers.astype("<u4") << 16).view("<f4") if dtype == BFLOAT16 else numbers
