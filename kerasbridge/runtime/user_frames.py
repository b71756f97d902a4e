"""Which frames of a running program are the user's own: neither a library's nor the standard library's."""

import sys
from types import FrameType

LIBRARIES = frozenset(
    {"absl", "jax", "jaxlib", "keras", "kerasbridge", "ml_dtypes", "numpy", "optree", "tensorflow", "torch", "tree"}
)
_NOT_OWN = LIBRARIES | sys.stdlib_module_names


def is_own(frame: FrameType) -> bool:
    """Return whether the code of this frame was written by the user."""
    return is_own_module(str(frame.f_globals.get("__name__", "")))


def is_own_module(name: str) -> bool:
    """Return whether a module of this name is the user's; one without a name is."""
    return name == "__main__" or name.partition(".")[0] not in _NOT_OWN
