"""A model handed to another process, on the backend that can write it: as a .keras file, with what is to be done."""

import inspect
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasbridge.errors import ExportError
from kerasbridge.exporters import batches
from kerasbridge.exporters.formats import Format, Route
from kerasbridge.exporters.signatures import Signature
from kerasbridge.keras_compat.models import flatten_layers
from kerasbridge.runtime import subprocesses, user_frames

MODEL, JOB, BATCH = "model.keras", "job.json", "inputs.npz"
_FOR_TRAINING = ("loss", "optimizer")
_CHILD = "kerasbridge.exporters.export_worker"


def export_in_subprocess(model: Any, target: Format, way: Route, signature: Signature, batch: Any, path: Path) -> None:
    """As `writers.write`, in a process of its own that runs on the way's backend.

    Raises:
        ExportError: the model cannot be saved, or opened or written there; in the process's own words.
    """
    own = _own_parts(model)
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        place = Path(folder)
        _save(model, place / MODEL)
        job = {
            "format": target.name,
            "way": target.ways.index(way),
            "signature": signature.as_dict(),
            "path": str(path.absolute()),
            "own": own,
            "sys_path": [*map(os.path.abspath, sys.path)],
        }
        (place / JOB).write_text(json.dumps(job), encoding="utf-8")
        batches.write_batches(place / BATCH, [batch])
        batches.start(_CHILD, place, way.backend)


def _save(model: Any, path: Path) -> None:
    try:
        model.save(path)
    except Exception as error:
        raise ExportError(
            f"it has to be opened there, and Keras cannot save it: {subprocesses.one_line(error)}"
        ) from error


def _own_parts(model: Any) -> dict[str, str]:
    """The classes and functions of the user's own that a model is made of: by name, the module that holds each.

    A .keras file does not always say where they are from.
    """
    found = {part.__qualname__: str(part.__module__) for part in _parts(model)}
    own = {name: module for name, module in found.items() if user_frames.is_own_module(module)}
    lost = [name for name, module in own.items() if module == "__main__" or "<locals>" in name]
    if lost:
        raise ExportError(
            f"it has to be opened there, and {', '.join(lost)} cannot be imported there: put such classes and "
            "functions in a module, outside the script and other functions"
        )
    return own


def _parts(model: Any) -> Iterator[Any]:
    """The classes of a model's layers and of what these hold, and their functions but for lambdas, which are saved."""
    for layer in [model, *flatten_layers(model)]:
        for held in (layer, *(value for name, value in vars(layer).items() if name not in _FOR_TRAINING)):
            part = held if inspect.isfunction(held) else type(held)
            if part.__name__ != "<lambda>":
                yield part
