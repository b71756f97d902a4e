"""The numbers of torch's tensors as NumPy's."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kerasbridge.importers.ir.ops import Array

STORAGE_DTYPES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "bfloat16",
    "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
    "BoolStorage": "?", "ComplexFloatStorage": "c8", "ComplexDoubleStorage": "c16",
}  # fmt: skip
"""The type of the numbers that each kind of storage holds."""

ByteOrder = Literal["<", ">"]
"""Their order in a number."""


@dataclass(frozen=True)
class Storage:
    """Numbers in a row.

    Args:
        dtype: a code of NumPy's, or "bfloat16".
        content: the bytes.
        order: "<" or ">".
    """

    dtype: str
    content: bytes
    byte_order: ByteOrder = "<"

    def to_array(self) -> Array:
        """All of its numbers."""
        code = "u2" if self.dtype == "bfloat16" else self.dtype
        whole = len(self.content) // np.dtype(code).itemsize * np.dtype(code).itemsize
        found: Array = np.frombuffer(self.content[:whole], np.dtype(code).newbyteorder(self.byte_order))
        return found


def strided_tensor(storage: Storage, offset: Any, sizes: Any, strides: Any) -> Array:
    """A tensor that lies in a storage, as an array of its own.

    Raises:
        ValueError: it does not lie inside of it.
    """
    row = storage.to_array()
    if not isinstance(sizes, tuple) or not isinstance(strides, tuple) or len(sizes) != len(strides) or len(sizes) > 32:
        raise ValueError("damaged: a tensor has no shape")
    if not all(isinstance(one, int) and 0 <= one < 2**48 for one in (offset, *sizes, *strides)):
        raise ValueError(f"damaged: a tensor has the shape {sizes} and the strides {strides}")
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if 0 in sizes:
        row, last, strides = np.empty(1, row.dtype), 0, (0,) * len(sizes)
    if last >= row.size or math.prod(sizes) > row.size:
        raise ValueError(f"damaged: a tensor of shape {sizes} does not lie inside its storage of {row.size:,} numbers")
    steps = [stride * row.itemsize for stride in strides]
    start = 0 if 0 in sizes else offset
    view = np.lib.stride_tricks.as_strided(row[start:], sizes, steps, writeable=False)
    array: Array = view.astype(row.dtype.newbyteorder("="))
    return decode_bfloat16(array) if storage.dtype == "bfloat16" else array


def decode_bfloat16(halves: Array) -> Array:
    """bfloat16, which are the upper halves of float32, from numbers of 16 bits with the same bits."""
    found: Array = (halves.astype(np.uint32) << 16).view(np.float32)
    return found
