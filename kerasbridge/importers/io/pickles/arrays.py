"""NumPy's arrays among what a pickle describes, as `numpy.ndarray.__reduce__` writes them."""

import math
import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from kerasbridge.importers.io.pickles.reader import DamagedPickle, GlobalRef, InertObject
from kerasbridge.importers.ir.ops import Array

_MULTIARRAY = {"numpy.core.multiarray", "numpy._core.multiarray"}
_NUMERIC = {"numpy.core.numeric", "numpy._core.numeric"}
_PLAIN = re.compile(r"[biufc]\d{1,2}|\?")
MAX_DIMENSIONS = 32


def decode_array(value: Any) -> Array | list[Any] | None:
    """The array that a `InertObject` describes, a list of what an array of objects holds, or None for anything else.

    Raises:
        DamagedPickle: it describes an array that its numbers do not fill, or one of a type that is none of numbers.
    """
    if not isinstance(value, InertObject) or not isinstance(value.factory, GlobalRef):
        return None
    module, name = value.factory.module, value.factory.name
    if module in _MULTIARRAY and name == "_reconstruct":
        return _from_state(value.state)
    if module in _MULTIARRAY and name == "scalar" and isinstance(value.arguments, tuple) and len(value.arguments) == 2:
        return _filled((), value.arguments[0], value.arguments[1], "C")
    if module in _NUMERIC and name == "_frombuffer" and isinstance(value.arguments, tuple) and len(value.arguments) > 3:
        data, dtype, shape, order = value.arguments[:4]
        return _filled(shape, dtype, data, order)
    return None


def decode_bytes(data: Any) -> bytes | None:
    """Bytes, also as Python 2 wrote them, and as Python 3 writes them in protocols 0 to 2."""
    if (
        isinstance(data, InertObject)
        and data.factory == GlobalRef("_codecs", "encode")
        and isinstance(data.arguments, tuple)
    ):
        data = next(iter(data.arguments), None)
    elif (
        isinstance(data, InertObject)
        and isinstance(data.factory, GlobalRef)
        and data.factory.name in ("bytes", "bytearray")
    ):
        return decode_bytes(data.arguments[0]) if data.arguments else b""
    if isinstance(data, str):
        return data.encode("latin-1", "replace")
    return data if isinstance(data, bytes) else None


def _from_state(state: Any) -> Array | list[Any]:
    if not isinstance(state, tuple) or len(state) not in (4, 5):
        raise DamagedPickle("a pickle of a damaged array")
    shape, dtype, fortran, data = state[-4:]
    if isinstance(data, list):
        return data
    return _filled(shape, dtype, data, "F" if fortran else "C")


def _filled(shape: Any, dtype: Any, data: Any, order: Any) -> Array:
    """The numbers in their shape, in this machine's order of bytes."""
    numbers, kind = decode_bytes(data), _dtype(dtype)
    sizes = tuple(shape) if isinstance(shape, Sequence) else None
    if numbers is None or sizes is None or len(sizes) > MAX_DIMENSIONS or not all(map(_is_size, sizes)):
        raise DamagedPickle("a pickle of a damaged array")
    if math.prod(sizes) * kind.itemsize != len(numbers):
        raise DamagedPickle(f"a pickle of an array of shape {sizes} that has {len(numbers):,} bytes of numbers")
    array = np.frombuffer(numbers, kind).reshape(sizes, order="F" if order == "F" else "C")
    return array.astype(kind.newbyteorder("="), copy=False)


def _is_size(size: Any) -> bool:
    return isinstance(size, int) and 0 <= size < 2**48


def _dtype(made: Any) -> np.dtype[Any]:
    """The type of numbers that ``numpy.dtype("f4", False, True)`` with its state describes."""
    name = (
        made.arguments[0]
        if isinstance(made, InertObject) and isinstance(made.arguments, tuple) and made.arguments
        else ""
    )
    if not isinstance(name, str) or not _PLAIN.fullmatch(name):
        raise DamagedPickle(f"a pickle of an array of the type {str(name)[:40]!r}, which is none of numbers")
    assert isinstance(made, InertObject)
    order = made.state[1] if isinstance(made.state, tuple) and len(made.state) > 1 else "="
    other: Literal[">", "<", "="] = ">" if order == ">" else "<" if order == "<" else "="
    try:
        return np.dtype(name).newbyteorder(other)
    except TypeError as error:
        raise DamagedPickle(f"a pickle of an array of the type {name!r}, which NumPy has not") from error
