"""Detection of a step that draws from Python's `random` or NumPy: compiled, every step would see the same number.

Both generators are global, so another thread may draw during the check, as Keras does when it builds a layer. Draws
from `random` are therefore attributed to their thread. Draws from NumPy cannot be; they count if every run has some.
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
"""The C functions that every drawing function of `random` calls."""

Result = TypeVar("Result")


def detect_host_rng(call: Callable[[], Result]) -> tuple[Result, list[str]]:
    """Return the result of a call and the modules that it draws from; a call that seems to draw is repeated."""
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
    """Yield a list of the draws from `random` that this thread makes in the block."""
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
