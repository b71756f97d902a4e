"""Trace of one training step on one backend: every array of it, in the order of computation."""

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import DataError
from kerasbridge.parity.jobs import Job

Numbers = NDArray[Any]
Key = tuple[str, str]
"""The kind of a row (`tolerances.py` lists them) and the name of the layer or variable."""

Run = dict[Key, Numbers]
PLAIN, UP, DOWN, FLOAT64_NUDGE = "plain", "up", "down", "float64 nudge"
COMPILED = "compiled "
"""Prefix of the kind of a row that comes from the compiled step, the one that trains."""


@dataclass(frozen=True, eq=False)
class StepTrace:
    """The arrays of one training step on one backend.

    Attributes:
        job: the model and the settings.
        backend: the name of the backend.
        execution: the execution mode of the compiled step.
        notes: remarks for the reader, for example that the model had no loss of its own.
        runs: the arrays of each run by kind and name. The run "plain" is the step itself. With `correct_leaks` there
            are three more, in which every weight and input is nudged: "up" and "down" by `tolerances.NUDGE` units of
            float32 in opposite directions, "float64 nudge" by one unit of float64.
    """

    job: Job
    backend: str
    execution: str
    notes: tuple[str, ...]
    runs: dict[str, Run]

    def write(self, path: Path) -> None:
        """Write the trace as one .npz file, everything but the arrays as JSON."""
        metadata = {"job": asdict(self.job), "backend": self.backend, "execution": self.execution, "notes": self.notes}
        rows = {name: list(run) for name, run in self.runs.items()}
        arrays = {
            f"{name}/{index}": array for name, run in self.runs.items() for index, array in enumerate(run.values())
        }
        with path.open("wb") as file:
            np.savez(file, metadata=np.array(json.dumps({**metadata, "rows": rows})), **arrays)  # type: ignore[arg-type]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file written by `write`.

        Raises:
            DataError: the file is not a step trace.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                metadata = json.loads(str(file["metadata"]))
                runs = {
                    run: {(kind, name): file[f"{run}/{index}"] for index, (kind, name) in enumerate(keys)}
                    for run, keys in metadata["rows"].items()
                }
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"Expected {path} to be a step trace of kerasbridge: {error}") from error
        return cls(Job(**metadata["job"]), metadata["backend"], metadata["execution"], tuple(metadata["notes"]), runs)
