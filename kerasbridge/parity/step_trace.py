"""What one backend's training step leaves to be diagnosed: every array of it, in the order of computation."""

import json
import zipfile
from collections.abc import Iterator
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
PLAIN, UP, DOWN, SHAKEN = "plain", "up", "down", "shaken"
COMPILED = "compiled "
"""Before the kind of a row that comes out of the compiled step, the one that trains."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """One training step on one backend.

    Attributes:
        job: what was run.
        backend: where.
        execution: how the compiled step ran.
        notes: what a reader has to know, as that the model had no loss of its own.
        runs: by name, each row's array. "plain" is the step as it is. With leaks corrected there are three more, of the
            same model with every weight and input nudged: "up" and "down", by `tolerances.NUDGE` units of float32 in
            one direction and in the opposite one, and "shaken", by one unit of float64.
    """

    job: Job
    backend: str
    execution: str
    notes: tuple[str, ...]
    runs: dict[str, Run]

    def write(self, path: Path) -> None:
        """Write the inspection as one .npz file, the words in it as JSON."""
        words = {"job": asdict(self.job), "backend": self.backend, "execution": self.execution, "notes": self.notes}
        rows = {name: list(run) for name, run in self.runs.items()}
        arrays = dict(self._placed())
        with path.open("wb") as file:
            np.savez(file, words=np.array(json.dumps({**words, "rows": rows})), **arrays)  # type: ignore[arg-type]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            DataError: the file is no inspection.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                words = json.loads(str(file["words"]))
                rows = words.pop("rows")
                runs = {
                    run: {(kind, name): file[f"{run}/{place}"] for place, (kind, name) in enumerate(keys)}
                    for run, keys in rows.items()
                }
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"Expected {path} to be an inspection of kerasbridge: {error}") from error
        return cls(Job(**words["job"]), words["backend"], words["execution"], tuple(words["notes"]), runs)

    def _placed(self) -> Iterator[tuple[str, Numbers]]:
        for name, run in self.runs.items():
            for place, array in enumerate(run.values()):
                yield f"{name}/{place}", array
