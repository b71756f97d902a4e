"""Decode the NumPy arrays of a pickle, as `numpy.ndarray.__reduce__` writes them."""

import math
import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from kerasbridge.files.budget import spend
from kerasbridge.files.describe import describe
from kerasbridge.importers.io.pickles.objects import DamagedPickle, GlobalRef, InertObject
from kerasbridge.importers.ir.ops import Array

_MULTIARRAY = {"numpy.core.multiarray", "numpy._core.multiarray"}
_NUMERIC = {"numpy.core.numeric", "numpy._core.numeric"}
_NUMERIC_DTYPE = re.compile(r"[biufc]\d{1,2}|\?")
MAX_DIMENSIONS = 32


def decode_array(value: Any) -> Array | list[Any] | None:
    """Return the array that an `InertObject` describes.

    Returns:
        The array; for an array of objects, the list of these; for any other value, None.

    Raises:
        DamagedPickle: the array has too few or too many bytes, or is not numeric.
    """
    if not isinstance(value, InertObject) or not isinstance(value.factory, GlobalRef):
        return None
    module, name = value.factory.module, value.factory.name
    arguments = value.arguments if isinstance(value.arguments, tuple) else ()
    if module in _MULTIARRAY and name == "_reconstruct":
        return _decode_state(value.state)
    if module in _MULTIARRAY and name == "scalar" and len(arguments) == 2:
        return _to_array((), arguments[0], arguments[1], "C")
    if module in _NUMERIC and name == "_frombuffer" and len(arguments) > 3:
        data, dtype, shape, order = arguments[:4]
        return _to_array(shape, dtype, data, order)
    return None


def decode_bytes(data: Any) -> bytes | None:
    """Return bytes, also from the strings of Python 2 and from what Python 3 writes in protocols 0 to 2."""
    if isinstance(data, InertObject) and isinstance(data.factory, GlobalRef):
        if data.factory == GlobalRef("_codecs", "encode") and isinstance(data.arguments, tuple):
            data = next(iter(data.arguments), None)
        elif data.factory.name in ("bytes", "bytearray"):
            return decode_bytes(data.arguments[0]) if data.arguments else b""
    if isinstance(data, str):
        return data.encode("latin-1", "replace")
    return data if isinstance(data, bytes) else None


def _decode_state(state: Any) -> Array | list[Any]:
    if not isinstance(state, tuple) or len(state) not in (4, 5):
        raise DamagedPickle("a pickle of a damaged array")
    shape, dtype, fortran, data = state[-4:]
    if isinstance(data, list):
        return data
    return _to_array(shape, dtype, data, "F" if fortran else "C")


def _to_array(shape: Any, dtype: Any, data: Any, order: Any) -> Array:
    """Return the array in native byte order."""
    content, numpy_dtype = decode_bytes(data), _decode_dtype(dtype)
    sizes = tuple(shape) if isinstance(shape, Sequence) else None
    if content is None or sizes is None or len(sizes) > MAX_DIMENSIONS or not all(map(_is_size, sizes)):
        raise DamagedPickle("a pickle of a damaged array")
    if math.prod(sizes) * numpy_dtype.itemsize != len(content):
        shape = describe(sizes)
        raise DamagedPickle(f"a pickle of an array of shape {shape} that has {len(content):,} bytes of numbers")
    spend(steps=1, memory=len(content))
    array = np.frombuffer(content, numpy_dtype).reshape(sizes, order="F" if order == "F" else "C")
    return array.astype(numpy_dtype.newbyteorder("="), copy=False)


def _is_size(size: Any) -> bool:
    return isinstance(size, int) and 0 <= size < 2**48


def _decode_dtype(value: Any) -> np.dtype[Any]:
    """Return the dtype that ``numpy.dtype("f4", False, True)`` and its state describe."""
    arguments = value.arguments if isinstance(value, InertObject) else None
    name = arguments[0] if isinstance(arguments, tuple) and arguments else ""
    if not isinstance(name, str) or not _NUMERIC_DTYPE.fullmatch(name):
        raise DamagedPickle(f"a pickle of an array of the type {describe(name)}, which is not a type of numbers")
    order = value.state[1] if isinstance(value.state, tuple) and len(value.state) > 1 else "="
    byte_order: Literal[">", "<", "="] = ">" if order == ">" else "<" if order == "<" else "="
    try:
        return np.dtype(name).newbyteorder(byte_order)
    except TypeError as error:
        raise DamagedPickle(f"a pickle of an array of the type {name!r}, which NumPy does not have") from error
