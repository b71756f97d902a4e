"""Convert the storages and tensors of torch to NumPy arrays."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kerasbridge.files.budget import spend
from kerasbridge.files.describe import describe
from kerasbridge.importers.ir.ops import Array

STORAGE_DTYPES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "bfloat16",
    "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
    "BoolStorage": "?", "ComplexFloatStorage": "c8", "ComplexDoubleStorage": "c16",
}  # fmt: skip
"""The dtype of each kind of storage: a NumPy code, or "bfloat16"."""

ByteOrder = Literal["<", ">"]


@dataclass(frozen=True)
class Storage:
    """The numbers of one or several tensors.

    Args:
        dtype: a NumPy code, or "bfloat16".
        content: the bytes.
        byte_order: "<" or ">".
    """

    dtype: str
    content: bytes
    byte_order: ByteOrder = "<"

    def to_array(self) -> Array:
        """Return all numbers as a vector; bfloat16 as integers with the same bits."""
        dtype = np.dtype("u2" if self.dtype == "bfloat16" else self.dtype).newbyteorder(self.byte_order)
        whole_items = len(self.content) // dtype.itemsize * dtype.itemsize
        array: Array = np.frombuffer(self.content[:whole_items], dtype)
        return array


def strided_tensor(storage: Storage, offset: Any, sizes: Any, strides: Any) -> Array:
    """Return a copy of a tensor that is a view of a storage.

    Raises:
        ValueError: it has no valid shape and strides, or exceeds its storage.
    """
    numbers = storage.to_array()
    if not isinstance(sizes, tuple) or not isinstance(strides, tuple) or len(sizes) != len(strides) or len(sizes) > 32:
        raise ValueError("damaged: a tensor has no shape")
    if not all(isinstance(value, int) and 0 <= value < 2**48 for value in (offset, *sizes, *strides)):
        raise ValueError(f"damaged: a tensor has the shape {describe(sizes)} and the strides {describe(strides)}")
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if 0 in sizes:
        numbers, offset, last, strides = np.empty(1, numbers.dtype), 0, 0, (0,) * len(sizes)
    if last >= numbers.size or math.prod(sizes) > numbers.size:
        raise ValueError(
            f"damaged: a tensor of shape {describe(sizes)} does not fit into its storage of {numbers.size:,} numbers"
        )
    spend(steps=20, memory=math.prod(sizes) * max(numbers.itemsize, 4))
    byte_strides = [stride * numbers.itemsize for stride in strides]
    view = np.lib.stride_tricks.as_strided(numbers[offset:], sizes, byte_strides, writeable=False)
    array: Array = view.astype(numbers.dtype.newbyteorder("="))
    return decode_bfloat16(array) if storage.dtype == "bfloat16" else array


def decode_bfloat16(bits: Array) -> Array:
    """Return bfloat16 numbers as float32, of which they are the upper half, from 16-bit integers with the same bits."""
    numbers: Array = (bits.astype(np.uint32) << 16).view(np.float32)
    return numbers
