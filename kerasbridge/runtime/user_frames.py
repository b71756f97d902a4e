"""Recognise frames of the user's own code: neither of a library nor of the standard library."""

import sys
from collections.abc import Iterator
from types import FrameType, TracebackType

LIBRARIES = frozenset(
    {
        "absl",
        "jax",
        "jaxlib",
        "keras",
        "kerasbridge",
        "ml_dtypes",
        "numpy",
        "optree",
        "tensorflow",
        "torch",
        "tree",
        "wrapt",
    }
)
_NOT_THE_USERS = LIBRARIES | sys.stdlib_module_names


def is_user_frame(frame: FrameType) -> bool:
    """Return whether the code of this frame was written by the user; code without a module that eval made was not."""
    name = frame.f_globals.get("__name__")
    return frame.f_code.co_filename != "<string>" if name is None else is_user_module(str(name))


def frames_of(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """Yield the frames of an error's traceback, outermost first, each with the number of its line."""
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def innermost_user_line(error: BaseException) -> tuple[FrameType, int] | None:
    """Return the innermost frame of the user's code in the traceback, with the number of its line; None without one."""
    lines = (line for line in reversed(list(frames_of(error))) if is_user_frame(line[0]))
    return next((line for line in lines if not _is_generated(line[0])), None)


def is_user_module(name: str) -> bool:
    """Return whether a module of this name was written by the user; one without a name was."""
    return name == "__main__" or name.partition(".")[0] not in _NOT_THE_USERS


def _is_generated(frame: FrameType) -> bool:
    """Return whether a library has made the code of this frame from a string: it belongs to no module."""
    return frame.f_code.co_filename == "<string>" and "__name__" not in frame.f_globals
