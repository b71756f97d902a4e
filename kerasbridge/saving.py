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
from typing import IO, Any

import h5py

import kerasbridge.layers  # noqa: F401 - registers the layers that files of imported models name
from kerasbridge.errors import InvalidFileError
from kerasbridge.files import hdf5, regular
from kerasbridge.files.archives import ZIP_ERRORS, Archive, DamagedArchive, is_outside
from kerasbridge.files.budget import OverBudget, current, reading, spend
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.untrusted import deep_recursion, limited_weights

MAX_CONFIG_BYTES = 2**26
"""Bytes of a configuration; those of the largest models have a few million."""

_CONFIG = "config.json"
_BACKEND_MODULES = "keras.src.backend."


def load_model(path: str | os.PathLike[str], custom_objects: dict[str, Any] | None = None) -> Any:
    """Load a model as `keras.saving.load_model` does, also a compiled model that another backend saved.

    Args:
        path: a .keras file; it is not trusted.
        custom_objects: classes and functions by the names that the file uses.

    Raises:
        InvalidFileError: the file is damaged or too large, or Keras cannot read it.
    """
    source = Path(path)
    with reading(InvalidFileError, source), tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        if problem := regular.problem(source):
            raise InvalidFileError(f"{source} {problem}: expected a .keras file.")
        readable, num_layers = source, 0
        if zipfile.is_zipfile(source):
            readable, num_layers = _check_archive(source, Path(folder))
        elif h5py.is_hdf5(source):
            _check_weights(source, source)
        with deep_recursion(num_layers), limited_weights():
            try:
                return keras.saving.load_model(str(readable), custom_objects=custom_objects)
            except Exception as error:  # a file may contain anything
                current().check()
                raise InvalidFileError(f"{source} cannot be loaded: {_one_line(error)}") from error


def write_portably(path: str | os.PathLike[str], target: Path) -> None:
    """Copy a .keras file to one that stock Keras loads on any backend, whichever saved it.

    Raises:
        InvalidFileError: the file is damaged or too large.
    """
    source = Path(path)
    with reading(InvalidFileError, source), tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        if problem := regular.problem(source):
            raise InvalidFileError(f"{source} {problem}: expected a .keras file.")
        readable = _check_archive(source, Path(folder))[0] if zipfile.is_zipfile(source) else source
        shutil.copyfile(readable, target)


def _one_line(error: Exception) -> str:
    """Return the message of a Keras error, without the configuration that it quotes first."""
    message = str(error).rpartition("Exception encountered: ")[2].strip()
    for quoted in ("\n", " Make sure custom classes", " Full object config: "):  # advice and data that follow it
        message = message.partition(quoted)[0]
    return message or type(error).__name__


def _check_archive(path: Path, folder: Path) -> tuple[Path, int]:
    """Check the archive of a model before Keras reads it.

    Returns:
        The file that Keras can read: a copy in the folder if the optimizer is specific to a backend; and the number of
        layers.
    """
    try:
        archive = Archive(path)
        outside = [name for name in archive.names if is_outside(name)]
        if outside:
            raise InvalidFileError(f"{path} has the member {outside[0]!r}, which leads out of its folder.")
        spend(memory=sum(map(archive.size, archive.names)))
        config = _parse_config(archive)
        for name in archive.names:
            if name.endswith(".h5"):
                if archive.is_compressed(name):
                    hdf5.check(archive.read(name))
                with archive.open(name) as weights:
                    _check_weights(path, weights)
    except DamagedArchive as error:
        raise InvalidFileError(f"{path} is {error}.") from error
    except ValueError as error:
        if isinstance(error, InvalidFileError):
            raise
        raise InvalidFileError(f"{path} is not a .keras file: its {_CONFIG} {error}.") from error
    try:
        return _portable_copy(path, folder, config) or path, json.dumps(config).count('"class_name"')
    except ZIP_ERRORS as error:
        raise InvalidFileError(f"{path} is a zip file that is damaged ({error}).") from error


def _check_weights(path: Path, weights: Path | IO[bytes]) -> None:
    """Check what the HDF5 library would allocate or follow forever for the weights."""
    try:
        hdf5.check_file(path)
        hdf5.check_attributes(weights)
    except (OverBudget, MemoryError):
        raise
    except Exception as error:
        raise InvalidFileError(f"{path} has damaged weights: {_one_line(error)}") from error


def _parse_config(archive: Archive) -> dict[str, Any]:
    if _CONFIG not in archive.names:
        raise ValueError("is missing")
    if archive.size(_CONFIG) > MAX_CONFIG_BYTES:
        raise ValueError(f"has {archive.size(_CONFIG):,} bytes, more than {MAX_CONFIG_BYTES:,}")
    try:
        config = json.loads(archive.read(_CONFIG))
    except (ValueError, RecursionError) as error:
        raise ValueError("is not valid JSON") from error
    if not isinstance(config, dict) or not isinstance(config.get("compile_config") or {}, dict):
        raise ValueError("is not the configuration of a model")
    return config


def _portable_copy(path: Path, folder: Path, config: dict[str, Any]) -> Path | None:
    """Write a copy of the file without backend-specific optimizers; return None if the file has none."""
    compiled = config.get("compile_config") or {}
    optimizer = _use_public_optimizers(compiled.get("optimizer"))
    if optimizer == compiled.get("optimizer"):
        return None
    config["compile_config"] = {**compiled, "optimizer": optimizer, "jit_compile": "auto"}
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(folder / path.name, "w") as copy:
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
