"""The checkpoints of a run in its folder: written so that each is complete or absent, and verified when read.

checkpoints/000012-epoch-3-step-40/
    arrays.safetensors     variables, and arrays in the state
    state.json             all else
    manifest.json          the SHA-256 of both, and the version of the format
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from kerasbridge._version import __version__
from kerasbridge.files.regular import problem, read_text
from kerasbridge.runs.contents import CHECKPOINTS
from kerasbridge.runtime.files import atomic_folder, remove_folder, remove_leftovers

log = logging.getLogger("kerasbridge")

FORMAT = 1
_ARRAYS, _STATE, _MANIFEST = "arrays.safetensors", "state.json", "manifest.json"
_NAME = re.compile(r"(\d{6,})-epoch-\d+-step-\d+")
_PIECE = 2**20
Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Content:
    """The content of a checkpoint: arrays by key, and JSON data."""

    arrays: Arrays
    state: dict[str, Any]


def write(folder: Path, content: Content, epoch: int, step: int, keep: int, keep_epoch: bool = False) -> Path:
    """Write a checkpoint below a run folder, and remove the oldest ones beyond `keep`; return its path.

    Args:
        folder: the run folder.
        content: the content of the checkpoint.
        epoch, step: its position, for its name.
        keep: how many are kept.
        keep_epoch: keep, in addition, the latest one between two epochs.

    Raises:
        OSError: it cannot be written; the earlier checkpoints are as before.
    """
    parent = folder / CHECKPOINTS
    parent.mkdir(exist_ok=True)
    numbers = [_number(path) for path in _paths(parent)]
    path = parent / f"{max(numbers, default=0) + 1:06}-epoch-{epoch}-step-{step}"
    with atomic_folder(path) as part:
        _write_arrays(part / _ARRAYS, content.arrays)
        (part / _STATE).write_text(json.dumps(content.state), encoding="utf-8")
        manifest = {"format": FORMAT, "kerasbridge": __version__, "sha256": _digests(part)}
        (part / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    paths = _paths(parent)
    between_epochs = [path for path in paths if path.name.endswith("-step-0")][: int(keep_epoch)]
    for old in paths[keep:]:
        if old not in between_epochs:
            remove_folder(old)
    return path


def newest(folder: Path) -> Iterator[tuple[Path, Content]]:
    """Yield the checkpoints of a run that verify, the latest first; a damaged one is named in the log and skipped."""
    for path in _paths(folder / CHECKPOINTS):
        try:
            yield path, read(path)
        except (OSError, ValueError, RecursionError) as error:
            log.warning("kerasbridge: the checkpoint %s is damaged (%s) and is skipped.", path, error)


def read(path: Path) -> Content:
    """Read and verify a checkpoint.

    Raises:
        OSError, ValueError: a file is missing, damaged or of another format.
    """
    manifest = json.loads(read_text(path / _MANIFEST, max_bytes=_PIECE))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"{_MANIFEST} is not of format {FORMAT}")
    if manifest.get("sha256") != _digests(path):
        raise ValueError("a file is not the one that was written")
    state = json.loads(read_text(path / _STATE))
    if not isinstance(state, dict):
        raise ValueError(f"{_STATE} is not an object")
    return Content(_read_arrays(path / _ARRAYS), state)


def exist(folder: Path) -> bool:
    """Return whether a run has a checkpoint, damaged or not."""
    return bool(_paths(folder / CHECKPOINTS))


def clean(folder: Path) -> None:
    """Remove what a dead process left among the checkpoints of a run."""
    if (folder / CHECKPOINTS).is_dir():
        remove_leftovers(folder / CHECKPOINTS)


def _paths(parent: Path) -> list[Path]:
    """Return the checkpoints in a folder, the latest first."""
    found = [path for path in parent.iterdir() if _NAME.fullmatch(path.name)] if parent.is_dir() else []
    return sorted(found, key=_number, reverse=True)


def _number(path: Path) -> int:
    return int(path.name.partition("-")[0])


def _digests(folder: Path) -> dict[str, str]:
    return {name: _sha256(folder / name) for name in (_ARRAYS, _STATE)}


def _sha256(path: Path) -> str:
    if reason := problem(path):
        raise OSError(f"{path.name} {reason}")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _write_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays; those of a dtype that NumPy lacks, such as bfloat16, as whole numbers with the same bits."""
    others = {key: str(array.dtype) for key, array in arrays.items() if array.dtype.kind == "V"}
    plain = {key: _as_bits(array) if key in others else np.asarray(array, order="C") for key, array in arrays.items()}
    safetensors.numpy.save_file(plain, path, metadata=others)


def _read_arrays(path: Path) -> Arrays:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            others = file.metadata() or {}
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path.name}: {error}") from error
    return {key: array.view(others[key]) if key in others else array for key, array in arrays.items()}


def _as_bits(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    bits: np.ndarray[Any, Any] = np.asarray(array, order="C").view(f"uint{8 * array.itemsize}")
    return bits
