"""Explanation of errors in compiling a custom step: the line that caused them, and what to write there instead."""

import linecache
import re
from pathlib import Path
from types import FrameType, ModuleType

import numpy as np

from kerasbridge import engines
from kerasbridge.errors import KerasbridgeError, StepError
from kerasbridge.runtime import backend
from kerasbridge.runtime.user_frames import innermost_user_line

_NAME = re.compile(r"[A-Za-z_]\w*")


def explain_trace_error(error: Exception) -> StepError | None:
    """Return an error that names the line of the user's code, or None if the compilation is not the cause."""
    if isinstance(error, KerasbridgeError):
        return None
    user_line = innermost_user_line(error)
    if user_line is None:
        return None
    frame, number = user_line
    line = linecache.getline(frame.f_code.co_filename, number).strip()
    location = f'line {number} of {Path(frame.f_code.co_filename).name}, "{line}"'
    engine = engines.current()
    framework = _other_framework(line, frame, engine.name)
    if framework:
        return StepError(
            f"Expected functions of keras.ops, which run on every backend, found one of {framework} in {location}, on "
            f"the {engine.name} backend. Write it with keras.ops."
        )
    if "attempting to create a variable" in str(error):
        return StepError(
            f"Expected the step to create no variables, found that {location} creates one. Create optimizers, layers, "
            "variables and seed generators once, as attributes of the model."
        )
    array = _numpy_array_name(line, frame)
    if array and (isinstance(error, TypeError) or engine.is_concretization_error(error)):
        return StepError(
            f"Expected only tensors in {location}, found the NumPy array {array}. Write "
            f"keras.ops.convert_to_tensor({array})."
        )
    if engine.is_concretization_error(error):
        return StepError(
            f"Expected a step that can be compiled, found that {location} needs the value of a tensor in Python. Write "
            "keras.ops.where or keras.ops.cond to choose by a tensor, return a number as a named value to see it, or "
            "run eagerly: model.compile(…, run_eagerly=True)."
        )
    return None


def _numpy_array_name(line: str, frame: FrameType) -> str | None:
    """Return a name in the line that refers to a NumPy array."""
    namespace = {**frame.f_globals, **frame.f_locals}
    return next((name for name in _NAME.findall(line) if isinstance(namespace.get(name), np.ndarray)), None)


def _other_framework(line: str, frame: FrameType, current: str) -> str | None:
    """Return the framework of a name in the line, if it is a backend other than the current one."""
    for name in _NAME.findall(line):
        value = frame.f_locals.get(name, frame.f_globals.get(name))
        module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        framework = str(module or "").partition(".")[0]
        if framework in backend.BACKENDS and framework != current:
            return framework
    return None
