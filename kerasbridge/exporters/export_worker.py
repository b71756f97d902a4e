"""Child side: a model opened on the backend of this process, and written.

python -m kerasbridge.exporters.export_worker FOLDER
"""

import functools
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import kerasbridge.layers  # noqa: F401 - registers the layers that files of imported models name
from kerasbridge import engines
from kerasbridge.exporters import batches, writers
from kerasbridge.exporters.formats import FORMATS
from kerasbridge.exporters.remote_export import BATCH, JOB, MODEL
from kerasbridge.exporters.signatures import Signature
from kerasbridge.keras_compat import keras
from kerasbridge.runtime import subprocesses


def _opened(folder: Path, own: dict[str, str]) -> Any:
    """The model; what it is made of was the user's in the process before, and is no less trusted here."""
    parts = {name: _found(importlib.import_module(module), name) for name, module in own.items()}
    named = {part.__name__: part for part in parts.values()}
    return keras.saving.load_model(folder / MODEL, custom_objects=named, compile=False, safe_mode=False)


def _found(module: Any, name: str) -> Any:
    return functools.reduce(getattr, name.split("."), module)


def main(folder: Path) -> None:
    """Write what the folder asks for."""
    engines.current()  # on the CPU, as the environment says
    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    sys.path += [entry for entry in job["sys_path"] if entry not in sys.path]
    target = FORMATS[job["format"]]
    model = _opened(folder, job["own"])
    (batch,) = batches.read_batches(folder / BATCH)
    signature = Signature.from_dict(job["signature"])
    writers.write(model, target, target.ways[job["way"]], signature, batch, Path(job["path"]))


if __name__ == "__main__":
    with subprocesses.exit_with_message():
        main(Path(sys.argv[1]))
