"""What two processes that export hand to each other: batches of arrays in a folder, and how it ended."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasbridge.errors import ExportError
from kerasbridge.runtime import backend, subprocesses

Arrays = list[np.ndarray[Any, Any]]


def start(module: str, folder: Path, on: str) -> None:
    """Run ``python -m module FOLDER`` with a backend, on the CPU.

    Raises:
        ExportError: it failed; its own words.
    """
    environment = {**backend.child_environment(on, "cpu"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = subprocesses.child_command(module, folder)
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise ExportError(subprocesses.failure_message(done.returncode, done.stderr.decode(errors="replace")))


def write_batches(path: Path, batches: Sequence[Arrays]) -> None:
    """Write lists of arrays to one file."""
    arrays = {f"{k}_{place}": array for k, batch in enumerate(batches) for place, array in enumerate(batch)}
    np.savez(path, allow_pickle=False, **arrays)


def read_batches(path: Path) -> list[Arrays]:
    """Read what `write_batches` wrote."""
    batches: list[Arrays] = []
    with np.load(path) as file:
        for name in file.files:
            batches += [[]] if name.endswith("_0") else []
            batches[-1].append(file[name])
    return batches
