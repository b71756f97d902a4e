"""Numbers as TensorFlow writes them: in messages, and as bytes in checkpoints."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import LegacyFileError

STRING, BFLOAT16, RESOURCE, BOOL = 7, 14, 20, 10
DTYPES: dict[int, Any] = {
    1: np.dtype("<f4"), 2: np.dtype("<f8"), 3: np.dtype("<i4"), 4: np.dtype("u1"), 5: np.dtype("<i2"),
    6: np.dtype("i1"), 9: np.dtype("<i8"), 10: np.dtype("?"), 14: np.dtype("<u2"), 17: np.dtype("<u2"),
    19: np.dtype("<f2"), 22: np.dtype("<u4"), 23: np.dtype("<u8"),
}  # fmt: skip
"""By the numbers of `types.proto`; of bfloat16 the halves of float32 that they are."""

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
"""Numbers that a file may ask for without having them."""


def base_dtype(dtype: int) -> int:
    """The type of what a reference of TensorFlow 1 refers to."""
    return dtype - 100 if dtype > 100 else dtype


def parse_shape(shape: Any) -> tuple[int, ...]:
    """The sizes of a shape that is known.

    Raises:
        LegacyFileError: no array can have it.
    """
    found = tuple(dim.size for dim in shape.dim)
    if shape.unknown_rank or len(found) > _MAX_RANK or any(size < 0 for size in found):
        raise LegacyFileError(f"has the shape {found}, which no array can have.")
    return found


def from_bytes(content: bytes, dtype: int, shape: Sequence[int]) -> NDArray[Any]:
    """An array of numbers that lie one after the other, the least byte first.

    Raises:
        LegacyFileError: they are not as many as the shape says, or of a type that is not read.
    """
    kind = _numpy_dtype(dtype)
    if len(content) != math.prod(shape) * kind.itemsize:
        raise LegacyFileError(
            f"should have {math.prod(shape):,} numbers of {kind.itemsize} bytes, has {len(content):,} bytes."
        )
    return _widen_bfloat16(np.frombuffer(content, kind), dtype).reshape(shape)


def parse_tensor(tensor: Any) -> NDArray[Any]:
    """The array in a TensorProto; strings are an array of bytes objects.

    Of fewer numbers than the shape has the last one stands for all that follow (`tensor.proto`).

    Raises:
        LegacyFileError: its parts do not fit each other, or it is of a type that is not read.
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
    last = numbers[-1:] if len(numbers) else np.zeros(1, numbers.dtype)
    return np.concatenate([numbers, np.broadcast_to(last, total - len(numbers))]).reshape(shape)


def _listed_values(tensor: Any, dtype: int) -> NDArray[Any]:
    if dtype == STRING:
        found = np.empty(len(tensor.string_val), object)
        found[:] = list(tensor.string_val)
        return found
    kind = _numpy_dtype(dtype)
    if kind == np.float16 or dtype == BFLOAT16:
        return _widen_bfloat16(np.array(tensor.half_val, np.int64).astype("<u2").view(kind), dtype)
    return np.array(getattr(tensor, _FIELDS.get(kind.str, "int_val"))).astype(kind)


def _numpy_dtype(dtype: int) -> Any:
    if dtype not in DTYPES:
        raise LegacyFileError(f"has numbers of type {dtype}, which are not read: expected floating or whole ones.")
    return DTYPES[dtype]


def _widen_bfloat16(numbers: NDArray[Any], dtype: int) -> NDArray[Any]:
    """Halves of float32 as float32."""
    return (numbers.astype("<u4") << 16).view("<f4") if dtype == BFLOAT16 else numbers
