"""Whether a step draws from Python's or NumPy's random numbers: compiled, every step would see the same number.

Both belong to the whole program, so another thread may draw while a step is looked at: Keras itself does so wherever a
layer is built. Python's draws are therefore told apart by thread. NumPy's cannot be; they count once they are there
each time.
"""

import contextlib
import random
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeVar

import numpy as np

PYTHON, NUMPY = "Python's random", "NumPy's random"
TIMES = 3
_DRAWS = (random.random, random.getrandbits)
"""What every function of Python's `random` that draws comes down to, written in C."""

Result = TypeVar("Result")


def detect_host_rng(call: Callable[[], Result]) -> tuple[Result, list[str]]:
    """What a call gives, and which of the two modules it draws from; called again while that is in doubt."""
    before, result = _states(), call()
    found = _moved(before)
    for _ in range(TIMES - 1):
        if not found:
            break
        with _python_draws_here() as draws:
            before, result = _states(), call()
        found = [name for name in _moved(before) if name != PYTHON or draws]
    return result, found


def _states() -> dict[str, Any]:
    kind, keys, *rest = np.random.get_state()
    return {PYTHON: random.getstate(), NUMPY: (kind, np.asarray(keys).tobytes(), *rest)}


def _moved(before: dict[str, Any]) -> list[str]:
    now = _states()
    return [name for name, state in before.items() if state != now[name]]


@contextlib.contextmanager
def _python_draws_here() -> Iterator[list[str]]:
    """The draws from Python's random numbers that this thread makes in the block."""
    drawn: list[str] = []

    def note(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and function in _DRAWS:
            drawn.append(function.__name__)

    earlier = sys.getprofile()
    sys.setprofile(note)
    try:
        yield drawn
    finally:
        sys.setprofile(earlier)
