"""Child side of `remote_export`: load a model on the backend of this process and write it.

python -m kerasbridge.exporters.export_worker FOLDER
"""

import functools
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import kerasbridge.layers  # noqa: F401 - registers the layers of imported models
from kerasbridge import engines
from kerasbridge.exporters import batches, writers
from kerasbridge.exporters.formats import FORMATS
from kerasbridge.exporters.remote_export import BATCH, JOB, MODEL
from kerasbridge.exporters.signatures import Signature
from kerasbridge.keras_compat import keras
from kerasbridge.runtime import subprocesses


def _load_model(path: Path, custom_modules: dict[str, str]) -> Any:
    """Load a model; without safe mode, since the parent process has just saved it."""
    objects = [_import(module, name) for name, module in custom_modules.items()]
    by_name = {each.__name__: each for each in objects}
    return keras.saving.load_model(path, custom_objects=by_name, compile=False, safe_mode=False)


def _import(module: str, qualified_name: str) -> Any:
    return functools.reduce(getattr, qualified_name.split("."), importlib.import_module(module))


def main(folder: Path) -> None:
    """Run the export job in a folder."""
    engines.current()  # on the CPU, which the environment selects
    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    sys.path += [entry for entry in job["sys_path"] if entry not in sys.path]
    target = FORMATS[job["format"]]
    model = _load_model(folder / MODEL, job["custom_modules"])
    (batch,) = batches.read_batches(folder / BATCH)
    signature = Signature.from_dict(job["signature"])
    writers.write(model, target, target.routes[job["route"]], signature, batch, Path(job["path"]))


if __name__ == "__main__":
    with subprocesses.exit_with_message():
        main(Path(sys.argv[1]))
