"""Limits on the constants that a graph computes, which draw from the budget of the file."""

from collections.abc import Sequence
from typing import Any

from kerasbridge.files.budget import spend
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.symbolic_values import Constant, SymbolicDim

MAX_DIMS = 10_000
"""The maximum number of sizes in an array of sizes; shapes have ten."""

MAX_BITS = 63
"""The maximum length of a size; Python's whole numbers have any."""

MAX_EXPONENT = 64
"""The maximum exponent of a size, so that a power is computed at once."""

_BYTES_PER_STEP = 4096


def check_operands(op: str, arrays: Sequence[Constant]) -> None:
    """Draw from the budget for an operation on constants, and refuse one that does not end.

    Raises:
        Unsupported: an array of sizes is too large, or an exponent is.
    """
    spend(steps=sum(array.nbytes for array in arrays) // _BYTES_PER_STEP)
    if any(array.dtype == object and array.size > MAX_DIMS for array in arrays):
        raise Unsupported(f"has more than {MAX_DIMS:,} sizes")
    if op == "Pow" and any(array.dtype == object for array in arrays):
        exponents = arrays[-1].ravel().tolist()
        if not all(isinstance(number, int | float) and abs(number) <= MAX_EXPONENT for number in exponents):
            raise Unsupported("has a power of a size of images")


def check_result(result: Any) -> Any:
    """Return the result of an operation on constants, after drawing from the budget for it.

    Raises:
        Unsupported: it contains a size that no array has.
    """
    for array in result if isinstance(result, list) else [result]:
        if array.base is None:
            spend(memory=array.nbytes)
        if array.dtype == object and any(map(_is_too_long, array.ravel().tolist())):
            raise Unsupported("has a size that no array has")
    return result


def _is_too_long(value: Any) -> bool:
    if isinstance(value, SymbolicDim):
        return _is_too_long(value.factor) or _is_too_long(value.offset)
    return isinstance(value, int) and value.bit_length() > MAX_BITS
