"""The private names of TensorFlow that kerasbridge uses.

Without one of them it frees less memory, or several workers cannot train together.
"""

import importlib
from typing import Any

PRIVATE_NAMES = {
    "context": "tensorflow.python.eager.context:context",
    "names of custom gradients": "tensorflow.python.ops.custom_gradient:generate_name",
    "table of custom gradients": "tensorflow.python.framework.ops:gradient_registry._registry",
}


def private_name(name: str) -> tuple[Any, str] | None:
    """Return the owner of what `PRIVATE_NAMES` lists under `name` and its attribute, or None if it does not exist."""
    module, _, path = PRIVATE_NAMES[name].partition(":")
    *owners, attribute = path.split(".")
    try:
        owner: Any = importlib.import_module(module)
        for part in owners:
            owner = getattr(owner, part)
    except (ImportError, AttributeError):
        return None
    return (owner, attribute) if hasattr(owner, attribute) else None
