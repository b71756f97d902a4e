"""Time of a call: seconds on the clock, and seconds of all processor cores of this process."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Lap:
    """Seconds of a call.

    Attributes:
        wall: seconds on the clock.
        cpu: seconds of processor time, of all threads; on a busy machine the better measure.
    """

    wall: float
    cpu: float


class Stopwatch:
    """A stopwatch that runs from its creation."""

    def __init__(self) -> None:
        self._start = Lap(time.perf_counter(), time.process_time())

    def lap(self) -> Lap:
        """Return the seconds since the creation."""
        return Lap(time.perf_counter() - self._start.wall, time.process_time() - self._start.cpu)


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[Lap, Any]:
    """Call a function; return its time and its result."""
    watch = Stopwatch()
    result = function(*arguments)
    return watch.lap(), result
