"""Budget of device memory for data; larger data is streamed in blocks."""

import re

from kerasbridge.data.arrays import Arrays
from kerasbridge.engines.base import Engine
from kerasbridge.errors import ArgumentError
from kerasbridge.runtime import backend

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def fits_in_memory(arrays: Arrays, engine: Engine, budget: int | str | None = None) -> bool:
    """Return whether arrays fit on the device completely; memory-mapped arrays do not.

    Args:
        arrays: the training data.
        engine: the engine of the device.
        budget: bytes, or a string such as "2 GB"; by default KERASBRIDGE_DEVICE_BUDGET, or half of the free memory.
    """
    required = arrays.bytes_in_memory
    if required is None:
        return False
    limit = check(budget)
    if limit is not None:
        return required <= limit
    free = engine.free_bytes()
    return free is None or required <= free // 2


def check(budget: int | str | None) -> int | None:
    """Return the budget in bytes, by default KERASBRIDGE_DEVICE_BUDGET; None without one.

    Raises:
        ArgumentError: it is not a number of bytes.
    """
    limit = backend.device_budget() if budget is None else budget
    return None if limit is None else parse_bytes(limit)


def parse_bytes(text: int | str) -> int:
    """Parse a number of bytes such as 1000, "500 MB" or "2GiB".

    Raises:
        ArgumentError: the text is not a number of bytes.

    >>> parse_bytes("2 kB")
    2000
    """
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmg]i?)?b?\s*", str(text).lower())
    if match is None or isinstance(text, bool):
        raise ArgumentError(
            f"Expected a device budget in bytes, received {text!r}. Pass a number, or a string as in "
            'device_budget="2 GB" or KERASBRIDGE_DEVICE_BUDGET=500MB.'
        )
    return int(float(match[1]) * _UNITS[match[2] or ""])
