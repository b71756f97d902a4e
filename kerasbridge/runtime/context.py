"""Values of context variables for the duration of a ``with`` statement."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextlib.contextmanager
def context_value(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Set a context variable inside the context, and restore it at the end."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
