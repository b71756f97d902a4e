"""Functions in a file of the user's that return a model: the file itself must not train one."""

from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.runtime.scripts import load_function, refuse_while_importing


def call_script(script: str) -> Any:
    """Return the result of a function in a file.

    Raises:
        ArgumentError: the file does not define the function, or trains when it is imported, in every process again.
    """
    with patched(keras.Model, "fit", _refuse_training):
        function = load_function(script)
    return function()


def _refuse_training(original: Any, *arguments: Any, **named: Any) -> Any:
    refuse_while_importing("trains a model")
    return original(*arguments, **named)
