"""Arrays of any dtype as arrays that the backend has tensors for, with the same numbers, or an error."""

import contextlib
import numbers
from contextvars import ContextVar
from typing import Any

import numpy as np

from kerasbridge import engines
from kerasbridge.checks import text_message
from kerasbridge.errors import DataError
from kerasbridge.keras_compat.tensors import floatx
from kerasbridge.runtime.context import context_value

Array = np.ndarray[Any, Any]

_read_as_floats: ContextVar[frozenset[str]] = ContextVar("read_as_floats", default=frozenset())
"""The parts of a batch (x, y, sample_weight) that the model reads as floating-point numbers."""

_HINTS = {
    "M": 'Subtract a date and divide by np.timedelta64(1, "s")',
    "m": 'Divide by np.timedelta64(1, "s")',
    "V": "Pass its fields as a dict: {field: array[field] for field in array.dtype.names}",
}


def read_as_floats(*parts: str) -> contextlib.AbstractContextManager[None]:
    """State which parts of a batch the model reads as floating-point numbers.

    Whole numbers in them that are too large for the backend become floats; texts and imaginary numbers are refused.
    """
    return context_value(_read_as_floats, frozenset(parts))


def to_numbers(name: str, values: Any) -> Array:
    """Return an array of numbers in native byte order: floats as `keras.config.floatx()`, texts as objects.

    Args:
        name: the part of a batch, such as "x", or another name for messages.
        values: an array, or what NumPy converts to one.

    Raises:
        DataError: values are masked or missing, are not numbers, or are too large for the whole numbers of the backend.
    """
    _check_mask(name, values)
    array: Array = np.asarray(values)
    if array.dtype.kind == "O":
        array = _from_objects(name, array)
    _check_dtype(name, array)
    if array.dtype.kind in "SU":
        return array.astype(object)
    if array.dtype.kind == "c" and name in _read_as_floats.get():
        array = _real(name, array)
    if array.dtype.kind == "f":
        return array.astype(floatx(), copy=False)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return _narrow(name, array) if array.dtype.kind in "iu" and array.dtype.itemsize == 8 else array


def _check_mask(name: str, values: Any) -> None:
    masked = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    if masked is not None and masked.any():
        raise DataError(
            f"{name} is a masked array with {np.count_nonzero(masked)} masked values, the first in row "
            f"{_first_row(masked)}, where numbers are expected: replace them with .filled(value), or remove these rows."
        )


def _check_dtype(name: str, array: Array) -> None:
    supported = array.dtype.kind in "fiubc" or str(array.dtype) == "bfloat16"
    takes_text = engines.current().supports_strings and not (name == "x" and name in _read_as_floats.get())
    if not supported and not (takes_text and _is_text(array)):
        if array.size and _is_text(array):
            raise DataError(text_message(name, array))
        hint = _HINTS.get(array.dtype.kind, "Convert it first")
        raise DataError(f"Expected {name} to be numbers, received dtype {array.dtype}. {hint}.")


def _is_text(array: Array) -> bool:
    return array.dtype.kind in "SU" or (
        array.dtype.kind == "O" and all(isinstance(each, str | bytes) for each in array.flat)
    )


def _from_objects(name: str, array: Array) -> Array:
    """Return the numbers of an array of Python objects as booleans, whole numbers or floats; others unchanged."""
    kinds = set(map(type, array.flat))
    missing = {kind for kind in kinds if kind is type(None) or kind.__name__ in ("NAType", "NaTType")}
    if not all(issubclass(kind, numbers.Number | np.bool_) for kind in kinds - missing):
        return array
    if missing:
        row = _first_row(np.array([type(each) in missing for each in array.flat]).reshape(array.shape))
        raise DataError(f"{name} has a missing value in row {row}, where numbers are expected: fill or remove it.")
    if all(issubclass(kind, bool | np.bool_) for kind in kinds):
        return array.astype(bool)
    if all(issubclass(kind, numbers.Integral | np.bool_) for kind in kinds):
        return _whole_numbers(name, array)
    is_complex = any(not issubclass(kind, numbers.Real) and issubclass(kind, numbers.Complex) for kind in kinds)
    return array.astype("complex64" if is_complex else "float64")


def _real(name: str, array: Array) -> Array:
    if np.any(array.imag):
        raise DataError(
            f"Expected {name} to be real numbers, as the model takes; received {array.dtype}, with imaginary parts. "
            f"Pass both parts, np.stack([{name}.real, {name}.imag], axis=-1), or {name}.real."
        )
    return array.real


def _whole_numbers(name: str, array: Array) -> Array:
    low, high = int(min(array.flat)), int(max(array.flat))
    if low >= -(2**63) and high < 2**63:
        return array.astype("int64")
    return _too_large(name, array.astype("float64"), low, high, 64)


def _narrow(name: str, array: Array) -> Array:
    """Return whole numbers of 64 bits in a dtype that the backend has, if they fit; else floats or an error."""
    bits = engines.current().integer_bits
    if array.size == 0 or (bits == 64 and array.dtype.kind == "i"):
        return array
    low, high = int(array.min()), int(array.max())
    if bits == 32 and array.dtype.kind == "u" and high < 2**32:
        return array.astype("uint32")
    if low >= -(2 ** (bits - 1)) and high < 2 ** (bits - 1):
        return array.astype("int64", copy=False)
    return _too_large(name, array, low, high, bits)


def _too_large(name: str, array: Array, low: int, high: int, bits: int) -> Array:
    if name in _read_as_floats.get():
        return array.astype(floatx())
    raise DataError(
        f"{name} contains whole numbers from {low} to {high}; {engines.current().name} has those from "
        f"{-(2 ** (bits - 1))} to {2 ** (bits - 1) - 1} here. Pass quantities as floats, {name}.astype('float32'), and "
        "number identifiers from 0."
    )


def _first_row(found: Array) -> int:
    """Return the row of the first true value."""
    return int(np.argmax(found)) // (found.size // len(found)) if found.ndim else 0
