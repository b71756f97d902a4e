"""A function in a file of the user's, named as FILE.py:FUNCTION."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from kerasbridge.errors import ArgumentError
from kerasbridge.runtime.context import context_value

_importing: ContextVar[str | None] = ContextVar("importing", default=None)

KEYS = ("model", "x", "y", "validation_data", "batch_size", "callbacks")
CONTRACT = (
    "a compiled Keras model, (model, x, y), (model, x, y, validation_data) or a dict with the keys model, x, y, "
    "validation_data, batch_size and callbacks"
)
"""What the function of a script returns."""


def check_script(script: str) -> None:
    """Raise an ArgumentError if the text does not name an existing file and a function."""
    path, _, function = script.rpartition(":")
    if not function.isidentifier() or not path:
        raise ArgumentError(f"Expected a script and a function in it, such as train.py:build, received {script!r}.")
    if not Path(path).is_file():
        raise ArgumentError(f"Expected a script and a function in it, received {script!r}: {path} is not a file.")


def script_of(function: Callable[..., Any]) -> str:
    """Return the name of a function as FILE.py:FUNCTION, so that another process can call it.

    Raises:
        ArgumentError: it is not a function at the top level of a file.
    """
    name = getattr(function, "__name__", "")
    try:
        path = inspect.getsourcefile(function)
    except TypeError:
        path = None
    if not (path and Path(path).is_file() and name.isidentifier() and function.__qualname__ == name):
        raise ArgumentError(
            f"Expected a function defined with def at the top level of a .py file, which other processes import; "
            f"received {function!r}. Move it to a file, and pass the function or 'FILE.py:{name or 'FUNCTION'}'."
        )
    return f"{Path(path).resolve()}:{name}"


def parts_of(result: Any) -> Mapping[str, Any]:
    """Return what the function of a script returned as a dict with some of the `KEYS`; {} if it is something else."""
    if isinstance(result, Mapping):
        return result if set(result) <= {*KEYS} else {}
    if isinstance(result, tuple):
        return dict(zip(KEYS, result, strict=False)) if len(result) in (3, 4) else {}
    return {"model": result}


def describe_result(result: Any) -> str:
    """Return the types in what a function returned, for messages."""
    if isinstance(result, tuple):
        return f"({', '.join(type(each).__name__ for each in result)})"
    return (
        f"a dict with the keys {', '.join(map(str, result))}" if isinstance(result, Mapping) else type(result).__name__
    )


def refuse_while_importing(action: str) -> None:
    """Raise an ArgumentError in a file of the user's that is being imported for one of its functions.

    Args:
        action: what the file does: "trains a model".
    """
    path = _importing.get()
    if path is not None:
        raise ArgumentError(
            f"Expected {path} to define functions when it is imported, found that it {action}. Put the lines that do "
            'under `if __name__ == "__main__":`.'
        )


def load_function(script: str) -> Callable[[], Any]:
    """Run a file of the user's as a module, and return its function.

    Raises:
        ArgumentError: the file does not define the function, or it trains a model.
    """
    path, _, name = script.rpartition(":")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise ArgumentError(f"Expected a Python file, received {path!r}.")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(Path(path).resolve().parent))
    sys.modules[spec.name] = module
    with context_value(_importing, path):
        spec.loader.exec_module(module)
    if not callable(getattr(module, name, None)):
        raise ArgumentError(f"Expected a function {name} in {path}, which does not define one.")
    function: Callable[[], Any] = getattr(module, name)
    return function
