"""Warnings located in the user's program, also where a background thread issues them."""

import contextlib
import sys
import warnings
from contextvars import ContextVar
from pathlib import Path

from kerasbridge.runtime.context import context_value

_PACKAGE = str(Path(__file__).parents[1])
_caller: ContextVar[tuple[str, int] | None] = ContextVar("caller", default=None)


def remember_caller() -> contextlib.AbstractContextManager[None]:
    """Locate the warnings of this run in the line that started it."""
    return context_value(_caller, _line_outside())


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
