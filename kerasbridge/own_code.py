"""Which frames of a running program are the user's own: neither a library's nor the standard library's."""

import sys
from types import FrameType

LIBRARIES = frozenset(
    {"absl", "jax", "jaxlib", "keras", "kerasbridge", "ml_dtypes", "numpy", "optree", "tensorflow", "torch", "tree"}
)


def is_own(frame: FrameType) -> bool:
    """Whether the code of this frame was written by the user."""
    module = str(frame.f_globals.get("__name__", ""))
    package = module.partition(".")[0]
    return module == "__main__" or package not in LIBRARIES | sys.stdlib_module_names
