"""Exchange with the child processes of an export: start one, and pass it arrays through files in a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasbridge.errors import ExportError
from kerasbridge.runtime import backend, subprocesses

_MAX_LINES = 3
Arrays = list[np.ndarray[Any, Any]]


def start(module: str, folder: Path, on: str, timeout: float) -> None:
    """Run ``python -m module FOLDER`` with a backend, on the CPU, for `timeout` seconds at most.

    Raises:
        ExportError: it failed; the message is its own, or the end of its stderr.
    """
    environment = {**backend.child_environment(on, "cpu"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocesses.run(module, folder, environment=environment, timeout=timeout)
    if result.failed:
        error = ExportError(result.failure_message(_MAX_LINES))
        error.exit_code = 1 if result.crashed else error.exit_code
        raise error


def write_batches(path: Path, batches: Sequence[Arrays]) -> None:
    """Write batches, each a list of arrays, to one .npz file."""
    arrays = {f"{i}_{k}": array for i, batch in enumerate(batches) for k, array in enumerate(batch)}
    np.savez(path, allow_pickle=False, **arrays)


def read_batches(path: Path) -> list[Arrays]:
    """Read the file that `write_batches` wrote."""
    batches: list[Arrays] = []
    with np.load(path) as file:
        for name in file.files:
            batches += [[]] if name.endswith("_0") else []
            batches[-1].append(file[name])
    return batches
