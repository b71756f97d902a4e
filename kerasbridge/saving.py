"""Load .keras files on any backend, whichever saved them.

Keras 3.15 saves the module of an optimizer class. On torch that is a class for torch only, so that a compiled model
saved there and loaded on JAX fails in its first step with "expected Tensor"; also, torch saves ``jit_compile="auto"``
as False, which would disable compilation on the other backends.
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
from kerasbridge.runtime.files import is_special

_CONFIG = "config.json"
_BACKEND_MODULES = "keras.src.backend."


def load_model(path: str | os.PathLike[str], custom_objects: dict[str, Any] | None = None) -> Any:
    """Load a model as `keras.saving.load_model` does, also a compiled model that another backend saved.

    Args:
        path: a .keras file.
        custom_objects: classes and functions by the names that the file uses.

    Raises:
        ValueError: Keras cannot read the file.
    """
    if is_special(Path(path)):
        raise ValueError(f"{path} is not a regular file")
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        readable = _portable_copy(Path(path), Path(folder)) or Path(path)
        return keras.saving.load_model(str(readable), custom_objects=custom_objects)


def _portable_copy(path: Path, folder: Path) -> Path | None:
    """Write a copy of the file without backend-specific optimizers; return None if the file has none."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read(_CONFIG)) if _CONFIG in archive.namelist() else {}
        compiled = config.get("compile_config") or {}
        optimizer = _use_public_optimizers(compiled.get("optimizer"))
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


def _use_public_optimizers(config: Any) -> Any:
    """Return the configuration with backend-specific optimizers replaced by those in `keras.optimizers`."""
    if not isinstance(config, dict):
        return config
    converted = {key: _use_public_optimizers(value) for key, value in config.items()}
    if str(config.get("module", "")).startswith(_BACKEND_MODULES):
        return {**converted, "module": "keras.optimizers", "registered_name": None}
    return converted
