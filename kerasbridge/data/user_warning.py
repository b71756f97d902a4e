"""Warnings located in the user's program, also where a background thread issues them."""

import contextlib
import sys
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

_PACKAGE = str(Path(__file__).parents[1])
_caller: ContextVar[tuple[str, int] | None] = ContextVar("caller", default=None)


@contextlib.contextmanager
def remember_caller() -> Iterator[None]:
    """Locate the warnings of this run in the line that started it."""
    token = _caller.set(_line_outside())
    try:
        yield
    finally:
        _caller.reset(token)


def warn(message: str) -> None:
    """Issue a UserWarning."""
    filename, line = _caller.get() or _line_outside()
    warnings.warn_explicit(message, UserWarning, filename, line)


def _line_outside() -> tuple[str, int]:
    """Return file and line of the innermost call from outside this package."""
    frame = sys._getframe(1)
    while frame.f_back and (frame.f_code.co_filename.startswith(_PACKAGE) or "contextlib" in frame.f_code.co_filename):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
