"""Record of a training run on one backend: digests, the loss and gradient norm of every step, final weights."""

import json
import os
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import DataError
from kerasbridge.parity.jobs import Job
from kerasbridge.runs.config import current_execution_name
from kerasbridge.runtime.files import atomic_write, is_special

Numbers = NDArray[Any]
FORMAT = 1
DIGESTS = {
    "data": "data",
    "initial_weights": "initial weights",
    "orders": "order of rows",
    "masks": "random bits of the first step's random layers",
}
"""The fields of a record that must be equal bit for bit, and their names in reports."""


@dataclass(frozen=True, eq=False)
class Curve:
    """The numbers of every step, arrays of shape (steps,), and the trained variables by name."""

    losses: Numbers
    gradient_norms: Numbers
    final_weights: dict[str, Numbers]


@dataclass(frozen=True, eq=False)
class Record:
    """A training run on one backend.

    Attributes:
        job: the model and the settings.
        label: the name of the backend, with a date for an earlier record of the same backend.
        backend, device, execution: the names of the backend and the device, and the execution mode.
        versions: of kerasbridge, keras, the backend, numpy and python.
        made: time of the recording, UTC in ISO 8601.
        seconds: duration of the training, compilation included.
        data, initial_weights, orders, masks: sha256 digests by name, in order.
        masks_missing: the reason if the masks (random bits) could not be recorded.
        metrics: the logs of each epoch.
        run: the numbers of the run.
        nudged: the losses and norms of a second run, from initial weights that were each changed by one unit in the
            last place; its final weights are not stored.
        nudged_weights: the distance of its final weights from those of the first run, relative to their norm.
    """

    job: Job
    label: str
    backend: str
    device: str
    execution: str
    versions: dict[str, str | None]
    made: str
    seconds: float
    data: dict[str, str]
    initial_weights: dict[str, str]
    orders: dict[str, str]
    masks: dict[str, str]
    metrics: list[dict[str, float]]
    run: Curve = field(repr=False)
    nudged: Curve = field(repr=False)
    nudged_weights: float = 0.0
    masks_missing: str | None = None

    def write(self, path: Path) -> None:
        """Write the record as one .npz file, everything but the arrays as JSON."""
        metadata = {name: value for name, value in asdict(self).items() if name not in ("run", "nudged")}
        arrays: dict[str, Any] = {"words": np.array(json.dumps({"format": FORMAT, **metadata}))}
        for name in ("run", "nudged"):
            curve: Curve = getattr(self, name)
            arrays[f"{name}/losses"], arrays[f"{name}/gradient_norms"] = curve.losses, curve.gradient_norms
            arrays.update({f"{name}/final/{key}": value for key, value in curve.final_weights.items()})
        with atomic_write(path) as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @staticmethod
    def check_replaceable(path: Path) -> None:
        """Refuse to replace a file that is not a record.

        Raises:
            DataError: something else is at the path.
        """
        if os.path.lexists(path) and not (path.is_file() and _has_metadata(path)):
            raise DataError(f"{path} is not a record of kerasbridge, so it is not replaced: choose another folder.")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file written by `write`.

        Raises:
            DataError: the file is not a record.
        """
        if is_special(path):
            raise DataError(f"Expected {path} to be a record, received something that is not a regular file.")
        try:
            with np.load(path, allow_pickle=False) as file:
                fields = json.loads(str(file["words"]))
                if fields.pop("format") != FORMAT:
                    raise DataError(f"{path} was written by another version of kerasbridge: record it again.")
                fields["execution"] = current_execution_name(fields["execution"])
                fields.update({name: _read_curve(file, name) for name in ("run", "nudged")})
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(
                f"Expected {path} to be a record written by `kerasbridge compare --save`: {error}"
            ) from error
        return cls(job=Job(**fields.pop("job")), **fields)


def _has_metadata(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "words.npy" in archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def _read_curve(file: Any, name: str) -> Curve:
    prefix = f"{name}/final/"
    final = {key.removeprefix(prefix): file[key] for key in file.files if key.startswith(prefix)}
    return Curve(file[f"{name}/losses"], file[f"{name}/gradient_norms"], final)
