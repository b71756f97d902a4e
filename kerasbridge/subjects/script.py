"""Call the function of a script, whose contract is the same for every command: `runtime.scripts.CONTRACT`."""

import sys
from pathlib import Path
from types import FunctionType
from typing import Any

from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.user_scripts import call_script
from kerasbridge.runtime.scripts import CONTRACT, describe_result, parts_of
from kerasbridge.subjects.subject import Subject


def read(script: str) -> Subject:
    """Call the function of a script, and return what it returns.

    Args:
        script: "train.py:build", a function without arguments.

    Raises:
        ArgumentError: the file does not define the function, or it returns something else.
    """
    result = call_script(script)
    parts = parts_of(result)
    if not isinstance(parts.get("model"), keras.Model):
        raise ArgumentError(f"Expected {script} to return {CONTRACT}; received {describe_result(result)}.")
    return Subject(
        parts["model"],
        parts.get("x"),
        parts.get("y"),
        tuple(validation) if isinstance(validation := parts.get("validation_data"), list) else validation,
        parts.get("batch_size"),
        tuple(keras.tree.flatten(parts.get("callbacks") or [])),
        custom_objects=_custom_objects(script),
    )


def _custom_objects(script: str) -> dict[str, Any]:
    """Return the classes and functions that the script, and the modules that it imports from its folder, define."""
    folder = Path(script.rpartition(":")[0]).resolve().parent
    found: dict[str, Any] = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path and Path(path).resolve().parent == folder:
            found.update(
                (key, value)
                for key, value in vars(module).items()
                if isinstance(value, type | FunctionType) and value.__module__ == name
            )
    return found
