"""The layer, metric, loss or line of the user's code in which an error was raised."""

from pathlib import Path
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.runtime.user_frames import frames_of, innermost_user_line

_KINDS = (
    ("layer", keras.layers.Layer),
    ("metric", keras.metrics.Metric),
    ("loss", keras.losses.Loss),
    ("optimizer", keras.optimizers.Optimizer),
)


def origin_of(error: Exception) -> str:
    """Return where an error was raised, as "the layer 'noise', line 7 of train.py"; empty if that is not known."""
    parts = [_described(frame.f_locals.get("self")) for frame, _ in frames_of(error)]
    origin = [part for part in parts if part][-1:]
    user_line = innermost_user_line(error)
    if user_line:
        frame, number = user_line
        origin.append(f"line {number} of {Path(frame.f_code.co_filename).name}")
    return ", ".join(origin)


def _described(owner: Any) -> str:
    if isinstance(owner, keras.Model):
        return ""
    return next((f"the {kind} {owner.name!r}" for kind, types in _KINDS if isinstance(owner, types)), "")
