"""A model handed to another process, on the backend that can write it: as a .keras file, with what is to be done."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasbridge import children, own_code
from kerasbridge._keras import keras
from kerasbridge.errors import ExportError
from kerasbridge.exporting import processes
from kerasbridge.exporting.formats import Format, Way
from kerasbridge.exporting.signatures import Signature

MODEL, JOB, BATCH = "model.keras", "job.json", "inputs.npz"
_CHILD = "kerasbridge.exporting.opening"


def write_elsewhere(model: Any, target: Format, way: Way, signature: Signature, batch: Any, path: Path) -> None:
    """As `writers.write`, in a process of its own that runs on the way's backend.

    Raises:
        ExportError: the model cannot be saved, or opened or written there; in the process's own words.
    """
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        place = Path(folder)
        modules = _saved(model, place / MODEL)
        job = {
            "format": target.name, "way": target.ways.index(way), "signature": signature.as_dict(),
            "path": str(path.absolute()), "modules": modules, "sys_path": [*map(os.path.abspath, sys.path)],
        }  # fmt: skip
        (place / JOB).write_text(json.dumps(job), encoding="utf-8")
        processes.write_batches(place / BATCH, [batch])
        processes.start(_CHILD, place, way.backend)


def _saved(model: Any, path: Path) -> list[str]:
    """Saves a model, and says which of the user's modules hold what it is made of."""
    try:
        model.save(path)
        own = sorted(set(_own_modules(keras.saving.serialize_keras_object(model))))
    except Exception as error:
        raise ExportError(f"it has to be opened there, and Keras cannot save it: {children.in_words(error)}") from error
    if "__main__" in own:
        raise ExportError(
            "it has to be opened there, and has classes or functions of the script itself: put them in a module that "
            "the script imports"
        )
    return own


def _own_modules(config: Any) -> Iterator[str]:
    """The modules that a configuration names and that are the user's."""
    if isinstance(config, dict):
        module = config.get("module")
        if isinstance(module, str) and own_code.is_own_module(module):
            yield module
        for value in config.values():
            yield from _own_modules(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _own_modules(value)
