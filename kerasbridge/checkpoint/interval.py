"""The interval between checkpoints: "10s", "500 steps", "1 epoch"."""

import re
from dataclasses import dataclass

from kerasbridge.errors import ArgumentError

_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.IGNORECASE)
_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}


@dataclass(frozen=True)
class Interval:
    """One of: seconds, steps, or epochs; the others are None."""

    seconds: float | None = None
    steps: int | None = None
    epochs: int | None = None


def parse_interval(value: object) -> Interval:
    """Return the interval that a text such as "10s", "5 min", "500 steps" or "1 epoch" names.

    Raises:
        ArgumentError: it names none.

    >>> parse_interval("500 steps")
    Interval(seconds=None, steps=500, epochs=None)
    """
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if match:
        number, unit = float(match[1]), match[2].lower()
        if unit in _SECONDS and number > 0:
            return Interval(seconds=number * _SECONDS[unit])
        if number >= 1 and number.is_integer():
            if unit in ("step", "steps"):
                return Interval(steps=int(number))
            if unit in ("epoch", "epochs"):
                return Interval(epochs=int(number))
    raise ArgumentError(
        f'Expected checkpoint_every to be a text such as "10s", "5 min", "500 steps" or "1 epoch", received {value!r}.'
    )
