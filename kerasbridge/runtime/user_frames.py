"""Recognise frames of the user's own code: neither of a library nor of the standard library."""

import sys
from types import FrameType

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
    """Return whether the code of this frame was written by the user."""
    return is_user_module(str(frame.f_globals.get("__name__", "")))


def is_user_module(name: str) -> bool:
    """Return whether a module of this name was written by the user; one without a name was."""
    return name == "__main__" or name.partition(".")[0] not in _NOT_THE_USERS
