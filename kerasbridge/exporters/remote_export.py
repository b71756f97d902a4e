"""Export in a subprocess that runs the required backend: it receives the model as a .keras file, with a job."""

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
_TRAINING_ATTRIBUTES = ("loss", "optimizer")
_CHILD = "kerasbridge.exporters.export_worker"


def export_in_subprocess(
    model: Any, target: Format, route: Route, signature: Signature, batch: Any, path: Path, timeout: float
) -> None:
    """Call `writers.write` in a subprocess that runs the backend of the route, for `timeout` seconds at most.

    Raises:
        ExportError: the model cannot be saved, or the subprocess cannot load or write it; with its message.
    """
    custom_modules = _custom_modules(model)
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        job_folder = Path(folder)
        _save(model, job_folder / MODEL)
        job = {
            "format": target.name,
            "route": target.routes.index(route),
            "signature": signature.as_dict(),
            "path": str(path.absolute()),
            "custom_modules": custom_modules,
            "sys_path": [*map(os.path.abspath, sys.path)],
        }
        (job_folder / JOB).write_text(json.dumps(job), encoding="utf-8")
        batches.write_batches(job_folder / BATCH, [batch])
        batches.start(_CHILD, job_folder, route.backend, timeout)


def _save(model: Any, path: Path) -> None:
    try:
        model.save(path)
    except Exception as error:
        raise ExportError(
            f"it has to be loaded there, and Keras cannot save it: {subprocesses.one_line(error)}"
        ) from error


def _custom_modules(model: Any) -> dict[str, str]:
    """Return the module of each user-defined class and function in a model, by qualified name.

    A .keras file does not always contain it.
    """
    modules = {each.__qualname__: str(each.__module__) for each in _classes_and_functions(model)}
    custom = {name: module for name, module in modules.items() if user_frames.is_user_module(module)}
    unimportable = [name for name, module in custom.items() if module == "__main__" or "<locals>" in name]
    if unimportable:
        raise ExportError(
            f"it has to be loaded there, and {', '.join(unimportable)} cannot be imported there: put such classes and "
            "functions in a module, outside the script and other functions"
        )
    return custom


def _classes_and_functions(model: Any) -> Iterator[Any]:
    """Yield the classes of layers and their attributes, and functions; lambdas are saved in the file itself."""
    for layer in [model, *flatten_layers(model)]:
        for value in (layer, *(value for name, value in vars(layer).items() if name not in _TRAINING_ATTRIBUTES)):
            each = value if inspect.isfunction(value) else type(value)
            if each.__name__ != "<lambda>":
                yield each
