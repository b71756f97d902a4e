"""`kb.compare`: train the same model on several backends and compare the numbers."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from kerasbridge.checks import check_timeout
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.parity.jobs import Job, as_text
from kerasbridge.parity.record import Record
from kerasbridge.parity.verdict import DISAGREE, Judgement, judge
from kerasbridge.parity.workers import TIMEOUT, check_backends, failed, run_on_each
from kerasbridge.runtime.files import to_path
from kerasbridge.runtime.results import Result, Summary

_WORKER = "kerasbridge.parity.compare_worker"
_MUST_MATCH = ("seed", "epochs", "batch_size", "rows", "dtype", "correct_leaks")  # fields of the jobs of two records


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """Result of `kb.compare`.

    Attributes:
        verdict: "identical", "rounding" or "disagree".
        records: one per backend, in the order of `backends`; an earlier record (`against`) comes last.
        judgement: the comparison of the digests and of every pair of records.
        failures: by backend, why there is no record of it; with failures, the comparison is in a ParityError.
    """

    verdict: str
    records: tuple[Record, ...]
    judgement: Judgement
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def agree(self) -> bool:
        """Return whether every backend has a record, and they differ by rounding at most."""
        return self.verdict != DISAGREE and not self.failures

    @property
    def diverged(self) -> int | None:
        """The first step, from 1, with a loss that is not finite on some backend; None if all losses are finite."""
        steps = [np.flatnonzero(~np.isfinite(record.run.losses)) for record in self.records]
        return min((int(indices[0]) + 1 for indices in steps if indices.size), default=None)

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the curves in a form that JSON can encode: numbers that are not finite become None."""
        judgement = self.judgement
        result = {
            "verdict": self.verdict,
            "diverged": self.diverged,
            "job": asdict(self.records[0].job),
            "steps": len(judgement.nudged),
            "digests": [asdict(check) for check in judgement.digests],
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
                for pair in judgement.pairs
            ],
            "failures": dict(self.failures),
            "nudged": float(judgement.nudged[-1]),
            "runs": [_metadata(record) for record in self.records],
        }
        return dict(json.loads(json.dumps(result), parse_constant=lambda _: None))

    def _summary(self) -> Summary:
        from kerasbridge.parity.report import summary_text

        return summary_text.summary(self)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write each record of this comparison to ``folder/<backend>.npz``, for a later ``against=``.

        Raises:
            DataError: the folder cannot be written, or a file there is not a record.
        """
        path = to_path(folder, "the path of a folder")
        try:
            path.mkdir(parents=True, exist_ok=True)
            for record in self.records:
                if record.label == record.backend:
                    Record.check_replaceable(path / f"{record.backend}.npz")
                    record.write(path / f"{record.backend}.npz")
        except OSError as error:
            raise DataError(f"Expected {path} to be a folder for records, received: {error}") from error


def compare(
    model: str | os.PathLike[str] = "mlp",
    *,
    script: str = "",
    backends: Sequence[str] | None = None,
    data: str | os.PathLike[str] = "",
    target: str = "",
    dtype: str = "float32",
    correct_leaks: bool = False,
    seed: int = 0,
    epochs: int = 1,
    batch_size: int = 32,
    rows: int | None = None,
    against: str | os.PathLike[str] | None = None,
    save: str | os.PathLike[str] | None = None,
    timeout: float = TIMEOUT,
) -> Comparison:
    """Train the same model on each backend, in processes that share nothing but the seed, and compare the numbers.

    Args:
        model: "mlp", "cnn", or the path of a compiled model saved as .keras.
        script: instead of `model`, ``"train.py:build"``: a function without arguments that returns a compiled model,
            ``(model, x, y)``, or what else `kerasbridge train --script` takes; validation data and callbacks are left
            out.
        backends: the backends to run; by default all that are installed.
        data: "sample", "full", an .npz file with `x` and `y` (or `x_train` and `y_train`), a .csv file or a folder of
            images. By default the data of the script, the MNIST sample if the model takes MNIST images, otherwise
            synthetic data of the model's shapes.
        target: of a .csv file the column, of an .npz file the array that the model predicts.
        dtype: "float32", or "float64", which makes rounding smaller by 10^9 but not a bug.
        correct_leaks: in float64, correct what Keras computes in float32 nevertheless.
        seed: determines initial weights, order of rows, random layers and synthetic data.
        epochs, batch_size: as for `fit`.
        rows: use at most this many rows.
        against: the path of an earlier record.
        save: a folder to write each backend's record to, for a later `against`. With either of the two, one backend is
            enough.
        timeout: seconds after which the process of a backend is ended.

    Returns:
        The comparison. Its verdict is "identical" if every loss is equal bit for bit; "rounding" if the differences
        are within what a change of one unit in the last place of the weights does to the same run; otherwise
        "disagree", also if initial weights, order of rows or random numbers are not identical.

    Raises:
        ArgumentError, DataError: an argument is invalid, or a file cannot be read.
        BackendNotInstalled: a backend is not installed.
        ParityError: the training failed on a backend; its `result` is the comparison of the others.

    Example:
        >>> import kerasbridge as kb
        >>> kb.compare("mlp", backends=["jax", "torch"], rows=320).verdict
        'rounding'
    """
    job = Job(
        model="" if script else as_text("model", model),
        script=as_text("script", script),
        data=as_text("data", data),
        target=as_text("target", target),
        dtype=dtype,
        seed=seed,
        correct_leaks=correct_leaks,
        epochs=epochs,
        batch_size=batch_size,
        rows=rows,
    )
    job.check()
    check_timeout(timeout)
    earlier = None if against is None else Record.read(to_path(against, "against to be the path of a record"))
    folder = None if save is None else to_path(save, "save to be the path of a folder")
    if earlier is not None:
        _check_same_settings(job, earlier)
    checked = check_backends(backends, at_least=1 if earlier or folder else 2)
    if folder:
        for backend in checked:
            Record.check_replaceable(folder / f"{backend}.npz")
    with run_on_each(_WORKER, job, checked, timeout) as outcome:
        records = [Record.read(path) for path in outcome.outputs.values()]
    if earlier is not None:
        records.append(replace(earlier, label=f"{earlier.label}, {earlier.made[:10]}"))
    judgement = judge(records)
    failures = {name: child.failure_message() for name, child in outcome.failures.items()}
    comparison = Comparison(judgement.verdict, tuple(records), judgement, failures)
    if folder:
        comparison.save(folder)
    if failures:
        raise failed(outcome.failures, comparison)
    return comparison


def _check_same_settings(job: Job, earlier: Record) -> None:
    """Raise if the earlier record is of a run with other settings, to which this one cannot be compared."""
    for name in _MUST_MATCH:
        received, recorded = getattr(job, name), getattr(earlier.job, name)
        if received != recorded:
            raise ArgumentError(f"Expected {name}={recorded!r}, as in the record; received {received!r}.")


def _metadata(record: Record) -> dict[str, Any]:
    names = ("label", "backend", "device", "execution", "versions", "made", "seconds", "metrics", "masks_missing")
    return {name: getattr(record, name) for name in names}
