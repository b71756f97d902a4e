"""The layer, metric, loss or line of the user's code in which an error was raised."""

from pathlib import Path
from types import TracebackType
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.runtime.user_frames import is_user_frame

_KINDS = (
    ("layer", keras.layers.Layer),
    ("metric", keras.metrics.Metric),
    ("loss", keras.losses.Loss),
    ("optimizer", keras.optimizers.Optimizer),
)


def origin_of(error: Exception) -> str:
    """Return where an error was raised, as "the layer 'noise', line 7 of train.py"; empty if that is not known."""
    part = line = ""
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        part = _described(frame.f_locals.get("self")) or part
        if is_user_frame(frame):
            line = f"line {traceback.tb_lineno} of {Path(frame.f_code.co_filename).name}"
        traceback = traceback.tb_next
    return ", ".join(filter(None, (part, line)))


def _described(owner: Any) -> str:
    if isinstance(owner, keras.Model):
        return ""
    return next((f"the {kind} {owner.name!r}" for kind, types in _KINDS if isinstance(owner, types)), "")
