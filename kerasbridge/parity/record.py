"""What one backend's training run leaves to be compared: digests, the numbers of every step, final weights."""

import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import DataError
from kerasbridge.parity.jobs import Job
from kerasbridge.runs.config import current_execution_name

Numbers = NDArray[Any]
FORMAT = 1
DIGESTS = {
    "data": "data",
    "initial_weights": "initial weights",
    "orders": "order of rows",
    "masks": "words of the first step's random layers",
}
"""The fields of a record that have to be equal bit for bit, and what they are called."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A run step by step: arrays of shape (steps,), and the trained variables by name."""

    losses: Numbers
    gradient_norms: Numbers
    final_weights: dict[str, Numbers]


@dataclass(frozen=True, eq=False)
class Record:
    """One backend's run.

    Attributes:
        job: what was run.
        label: "jax", or more where several records of one backend lie beside each other.
        backend, device, execution: where and how it ran.
        versions: of kerasbridge, keras, the backend, numpy and python.
        made: when, UTC in ISO 8601.
        seconds: how long the training took, compilation included.
        data, initial_weights, orders, masks: sha256 digests by name, in order.
        masks_missing: why there are no masks, where they could not be recorded.
        metrics: the logs of each epoch.
        run: the numbers of the run.
        nudged: the losses and norms of a second run whose initial weights were each moved by one unit in the last
            place; its final weights are not kept.
        nudged_weights: how far its final weights lie from the first run's, relative to their length.
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
        """Write the record as one .npz file, the words in it as JSON."""
        words = {name: value for name, value in asdict(self).items() if name not in ("run", "nudged")}
        arrays: dict[str, Any] = {"words": np.array(json.dumps({"format": FORMAT, **words}))}
        for name in ("run", "nudged"):
            curve: Curve = getattr(self, name)
            arrays[f"{name}/losses"], arrays[f"{name}/gradient_norms"] = curve.losses, curve.gradient_norms
            arrays.update({f"{name}/final/{key}": value for key, value in curve.final_weights.items()})
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            DataError: the file is no record.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                words = json.loads(str(file["words"]))
                if words.pop("format") != FORMAT:
                    raise DataError(f"{path} was written by another version of kerasbridge: record it anew.")
                words["execution"] = current_execution_name(words["execution"])
                words.update({name: _curve(file, name) for name in ("run", "nudged")})
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(
                f"Expected {path} to be a record that `kerasbridge compare --save` wrote: {error}"
            ) from error
        return cls(job=Job(**words.pop("job")), **words)


def _curve(file: Any, name: str) -> Curve:
    prefix = f"{name}/final/"
    final = {key.removeprefix(prefix): file[key] for key in file.files if key.startswith(prefix)}
    return Curve(file[f"{name}/losses"], file[f"{name}/gradient_norms"], final)
