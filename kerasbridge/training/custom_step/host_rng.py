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
MAX_RUNS = 3
_DRAW_FUNCTIONS = (random.random, random.getrandbits)
"""The C functions that every drawing function of `random` calls."""

Result = TypeVar("Result")


def detect_host_rng(call: Callable[[], Result]) -> tuple[Result, list[str]]:
    """Return the result of a call and the modules that it draws from; a call that seems to draw is repeated."""
    before, result = _rng_states(), call()
    modules = _changed_rngs(before)
    for _ in range(MAX_RUNS - 1):
        if not modules:
            break
        with _record_python_draws() as draws:
            before, result = _rng_states(), call()
        modules = [name for name in _changed_rngs(before) if name != PYTHON or draws]
    return result, modules


def _rng_states() -> dict[str, Any]:
    algorithm, keys, *rest = np.random.get_state()
    return {PYTHON: random.getstate(), NUMPY: (algorithm, np.asarray(keys).tobytes(), *rest)}


def _changed_rngs(before: dict[str, Any]) -> list[str]:
    now = _rng_states()
    return [name for name, state in before.items() if state != now[name]]


@contextlib.contextmanager
def _record_python_draws() -> Iterator[list[str]]:
    """Yield a list of the draws from `random` that this thread makes in the block."""
    draws: list[str] = []

    def record(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and function in _DRAW_FUNCTIONS:
            draws.append(function.__name__)

    previous = sys.getprofile()
    sys.setprofile(record)
    try:
        yield draws
    finally:
        sys.setprofile(previous)
