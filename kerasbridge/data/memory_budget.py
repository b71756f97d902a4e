"""How much of the device data may take: what is larger streams in blocks."""

import re

from kerasbridge.data.arrays import Arrays
from kerasbridge.engines.base import Engine
from kerasbridge.errors import ArgumentError
from kerasbridge.runtime import backend

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def fits_in_memory(arrays: Arrays, engine: Engine, given: int | str | None = None) -> bool:
    """Return whether arrays go to the device as a whole; those on a disk never do.

    Args:
        arrays: what is to be trained on.
        engine: whose device counts.
        given: the budget in bytes, or in words ("2 GB"); None for KERASBRIDGE_DEVICE_BUDGET, or else half of what is
            free.
    """
    wanted = arrays.bytes_in_memory
    if wanted is None:
        return False
    word = backend.device_budget() if given is None else given
    if word is not None:
        return wanted <= parse_bytes(word)
    free = engine.free_bytes()
    return free is None or wanted <= free // 2


def parse_bytes(word: int | str) -> int:
    """A number of bytes, also out of words: "500 MB", "2GiB".

    Raises:
        ArgumentError: it is none.

    >>> parse_bytes("2 kB")
    2000
    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmg]i?)?b?\s*", str(word).lower())
    if found is None or isinstance(word, bool):
        raise ArgumentError(
            f"Expected a device budget in bytes, received {word!r}. Give a number, or write it as in "
            'device_budget="2 GB" or KERASBRIDGE_DEVICE_BUDGET=500MB.'
        )
    return int(float(found[1]) * _UNITS[found[2] or ""])
