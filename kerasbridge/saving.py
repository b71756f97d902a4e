"""Reads .keras files whichever backend saved them.

Keras 3.15 writes an optimizer down by the place of its class. On torch that is a class of torch's own, so that a
compiled model saved there and loaded on JAX fails in its first step with "expected Tensor"; and what torch made of
``jit_compile="auto"``, False, would keep the others from compiling.
"""

import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import kerasbridge.layers  # noqa: F401 - registers the layers that files of imported models name
from kerasbridge.keras_compat import keras

_CONFIG = "config.json"
_BACKENDS_OWN = "keras.src.backend."


def load_model(path: str | os.PathLike[str], custom_objects: dict[str, Any] | None = None) -> Any:
    """As `keras.saving.load_model`, also for a compiled model that another backend saved.

    Args:
        path: a .keras file.
        custom_objects: classes and functions by the names that the file uses.

    Raises:
        ValueError: what Keras raises for a file that it cannot read.
    """
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        readable = _portable(Path(path), Path(folder)) or Path(path)
        return keras.saving.load_model(str(readable), custom_objects=custom_objects)


def _portable(path: Path, folder: Path) -> Path | None:
    """A copy of the file that names no backend's own optimizer, or None where it names none anyway."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read(_CONFIG)) if _CONFIG in archive.namelist() else {}
        compiled = config.get("compile_config") or {}
        optimizer = _named_publicly(compiled.get("optimizer"))
        if optimizer == compiled.get("optimizer"):
            return None
        config["compile_config"] = {**compiled, "optimizer": optimizer, "jit_compile": "auto"}
        with zipfile.ZipFile(folder / path.name, "w") as copy:
            for item in archive.infolist():
                if item.filename == _CONFIG:
                    copy.writestr(item, json.dumps(config))
                else:
                    with archive.open(item) as source, copy.open(item, "w", force_zip64=True) as target:
                        shutil.copyfileobj(source, target)
    return folder / path.name


def _named_publicly(config: Any) -> Any:
    """The configuration with every optimizer of a backend's own under its name in `keras.optimizers`."""
    if not isinstance(config, dict):
        return config
    inner = {key: _named_publicly(value) for key, value in config.items()}
    if str(config.get("module", "")).startswith(_BACKENDS_OWN):
        return {**inner, "module": "keras.optimizers", "registered_name": None}
    return inner
