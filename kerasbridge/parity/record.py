"""Record of a training run on one backend: digests, the loss and gradient norm of every step, final weights."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import DataError, DataFileError
from kerasbridge.files import npy, regular
from kerasbridge.files.archives import Archive, DamagedArchive
from kerasbridge.files.budget import reading
from kerasbridge.files.json_fields import check_fields
from kerasbridge.parity.jobs import Job
from kerasbridge.runs.config import current_execution_name
from kerasbridge.runtime.files import atomic_write

Numbers = NDArray[Any]
FORMAT = 1
MAX_TEXT = 2**24
"""Letters of the JSON; that of a large model has a few hundred thousand."""

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

    losses: Numbers = field(repr=False)
    gradient_norms: Numbers = field(repr=False)
    final_weights: dict[str, Numbers] = field(repr=False)


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
            DataFileError: the file is not a record.
        """
        with reading(DataFileError, path):
            try:
                return cls._from_arrays(path, _Arrays(path))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                if isinstance(error, DataError):
                    raise
                raise DataFileError(
                    f"Expected {path} to be a record written by `kerasbridge compare --save`: {error}."
                ) from error

    @classmethod
    def _from_arrays(cls, path: Path, arrays: "_Arrays") -> Self:
        metadata = _parse_metadata(arrays)
        if metadata.pop("format", None) != FORMAT:
            raise DataFileError(f"{path} was written by another version of kerasbridge: record it again.")
        metadata["execution"] = current_execution_name(metadata["execution"])
        metadata["job"] = Job(**check_fields(Job, metadata["job"]))
        values = check_fields(cls, metadata)
        values |= {name: _read_curve(arrays, name) for name in ("run", "nudged")}
        return cls(**values)


def _has_metadata(path: Path) -> bool:
    try:
        return "words.npy" in Archive(path).names
    except DamagedArchive:
        return False


class _Arrays:
    """The arrays of a file, by name; each is read when it is needed."""

    def __init__(self, path: Path) -> None:
        if problem := regular.problem(path):
            raise ValueError(f"it {problem}")
        self._archive = Archive(path)
        self.names = [name.removesuffix(".npy") for name in self._archive.names]

    def __getitem__(self, name: str) -> Numbers:
        return npy.read_array(self._archive.read(f"{name}.npy"))


def _parse_metadata(arrays: _Arrays) -> dict[str, Any]:
    text = str(arrays["words"])
    if len(text) > MAX_TEXT:
        raise ValueError(f"its text has {len(text):,} letters")
    metadata = json.loads(text)
    if not isinstance(metadata, dict) or not isinstance(metadata.get("job"), dict):
        raise ValueError("its text is not an object with the job")
    return metadata


def _read_curve(arrays: _Arrays, name: str) -> Curve:
    prefix = f"{name}/final/"
    final = {key.removeprefix(prefix): arrays[key] for key in arrays.names if key.startswith(prefix)}
    curve = Curve(arrays[f"{name}/losses"], arrays[f"{name}/gradient_norms"], final)
    if any(numbers.ndim != 1 or numbers.dtype.kind != "f" for numbers in (curve.losses, curve.gradient_norms)):
        raise ValueError(f"the numbers of {name} are not vectors of floats")
    return curve
