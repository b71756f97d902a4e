"""`kb.compare`: the same training run on several backends, and whether the numbers are the same."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.parity.jobs import Job
from kerasbridge.parity.record import Record
from kerasbridge.parity.verdict import DISAGREE, Judgement, judge
from kerasbridge.parity.workers import check_backends, run_on_each

_CHILD = "kerasbridge.parity.compare_worker"
_COMPARABLE = ("seed", "epochs", "batch_size", "rows", "dtype", "correct_leaks")


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `kb.compare` found.

    Attributes:
        verdict: "identical", "rounding" or "disagree".
        records: one a backend, in the order asked for; a record kept earlier comes last.
        judgement: the digests, and every two records beside each other.
    """

    verdict: str
    records: tuple[Record, ...]
    judgement: Judgement

    @property
    def agree(self) -> bool:
        """Return whether nothing but rounding lies between the records."""
        return self.verdict != DISAGREE

    @property
    def diverged(self) -> int | None:
        """The first step, from 1, with a loss that is not finite on some backend; None where all are finite."""
        steps = [np.flatnonzero(~np.isfinite(record.run.losses)) for record in self.records]
        return min((int(found[0]) + 1 for found in steps if found.size), default=None)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the curves, as JSON takes it: numbers that are not finite become None."""
        judged = self.judgement
        result = {
            "verdict": self.verdict,
            "diverged": self.diverged,
            "job": asdict(self.records[0].job),
            "steps": len(judged.nudged),
            "digests": [asdict(check) for check in judged.digests],
            "pairs": [
                {
                    "backends": [pair.first, pair.second],
                    "verdict": pair.verdict,
                    "first_step_beyond": pair.step,
                    "quantity": pair.quantity,
                    "loss_difference": pair.shown(),
                    "largest_loss_difference": float(pair.losses.max()),
                    "largest_gradient_norm_difference": float(pair.gradient_norms.max()),
                    "final_weights_difference": pair.weights,
                }
                for pair in judged.pairs
            ],
            "nudged": float(judged.nudged[-1]),
            "runs": [_described(record) for record in self.records],
        }
        return dict(json.loads(json.dumps(result), parse_constant=lambda _: None))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write each record made now to ``folder/<backend>.npz``, for a later ``against=``.

        Raises:
            DataError: the folder cannot be written.
        """
        path = Path(folder)
        try:
            path.mkdir(parents=True, exist_ok=True)
            for record in self.records:
                if record.label == record.backend:
                    record.write(path / f"{record.backend}.npz")
        except OSError as error:
            raise DataError(f"Expected {path} to be a folder for records, received: {error}") from error


def compare(
    model: str | os.PathLike[str] = "mlp",
    *,
    script: str = "",
    backends: Sequence[str] | None = None,
    data: str | os.PathLike[str] = "",
    dtype: str = "float32",
    correct_leaks: bool = False,
    seed: int = 0,
    epochs: int = 1,
    batch_size: int = 32,
    rows: int | None = None,
    against: str | os.PathLike[str] | None = None,
    save: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Train the same model on each backend, in processes that share nothing but the seed, and compares the numbers.

    Args:
        model: "mlp", "cnn", or the path of a compiled model saved as .keras.
        script: ``"train.py:build"`` instead: a function without arguments that returns a compiled model, or
            ``(model, x, y)``.
        backends: which to run; all that are installed by default.
        data: "sample", "full" or an .npz file with `x` and `y` (or `x_train` and `y_train`). By default MNIST's sample
            where the model takes its images, else numbers drawn to fit the model.
        dtype: "float32" or "float64", in which rounding is smaller by 10^9 and a fault is not.
        correct_leaks: in float64, correct what Keras computes in float32 all the same.
        seed: settles initial weights, order of rows, random layers and drawn data.
        epochs, batch_size: as for `fit`.
        rows: use at most so many rows.
        against: a record kept earlier.
        save: a folder in which to keep each backend's record, for a later `against`. With either, one backend is
            enough.

    Returns:
        The comparison. Its verdict is "identical" where every loss is equal bit for bit, "rounding" where the
        differences stay within what a change of one unit in the last place does to the same run, "disagree" else, or
        where initial weights, order of rows or random numbers are not identical.

    Raises:
        ArgumentError, DataError: an argument is outside what it may be; a file cannot be read.
        BackendNotInstalled: a backend is not installed.
        ParityError: a backend cannot run what the others run.

    Example:
        >>> import kerasbridge as kb
        >>> kb.compare("mlp", backends=["jax", "torch"], rows=320).verdict
        'rounding'
    """
    job = Job(
        model="" if script else os.fspath(model),
        script=script,
        data=os.fspath(data),
        dtype=dtype,
        seed=seed,
        correct_leaks=correct_leaks,
        epochs=epochs,
        batch_size=batch_size,
        rows=rows,
    )
    job.check()
    kept = Record.read(Path(against)) if against is not None else None
    if kept is not None:
        _check_comparable(job, kept)
    chosen = check_backends(backends, at_least=1 if kept or save is not None else 2)
    with run_on_each(_CHILD, job, chosen) as outputs:
        records = [Record.read(path) for path in outputs.values()]
    if kept is not None:
        records.append(replace(kept, label=f"{kept.label}, {kept.made[:10]}"))
    judgement = judge(records)
    found = Comparison(judgement.verdict, tuple(records), judgement)
    if save is not None:
        found.save(save)
    return found


def _check_comparable(job: Job, kept: Record) -> None:
    """A record of another run says nothing about this one."""
    for name in _COMPARABLE:
        wanted, found = getattr(job, name), getattr(kept.job, name)
        if wanted != found:
            raise ArgumentError(f"Expected {name} to be the record's, {found!r}; received {wanted!r}.")


def _described(record: Record) -> dict[str, Any]:
    names = ("label", "backend", "device", "execution", "versions", "made", "seconds", "metrics", "masks_missing")
    return {name: getattr(record, name) for name in names}
