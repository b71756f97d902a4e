"""The garbage collector while frameworks are imported, which creates half a million objects that stay.

Searching them for garbage, again and again during the import and once at the exit, takes one to two seconds.
"""

import contextlib
import gc
from collections.abc import Iterator

_is_own_program = False


def declare_own_program() -> None:
    """Let `paused_collector` exempt everything that exists after an import: the process runs nothing but kerasbridge.

    In a program of somebody else's, garbage that exists at that time would be kept for ever.
    """
    global _is_own_program
    _is_own_program = True


@contextlib.contextmanager
def paused_collector() -> Iterator[None]:
    """Collect no garbage while the body imports a framework."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if _is_own_program:
            gc.freeze()
        if was_enabled:
            gc.enable()
