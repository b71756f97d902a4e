"""`kb.diagnose`: one training step taken apart on several backends, and the first row in which one is wrong."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from kerasbridge.parity import error_metrics, explanations
from kerasbridge.parity.error_metrics import Row
from kerasbridge.parity.explanations import Finding
from kerasbridge.parity.jobs import Job
from kerasbridge.parity.step_trace import Inspection, Key
from kerasbridge.parity.workers import check_backends, run_on_each

_CHILD = "kerasbridge.parity.diagnose_worker"


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What `kb.diagnose` found.

    Attributes:
        job: what was run.
        backends: where.
        rows: each array of the step on every backend, in the order of computation.
        findings: for each backend that is beyond a tolerance, the first row in which it is.
        notes: what a reader has to know, as that the model had no loss of its own.
        execution: by backend, how the compiled step ran.
    """

    job: Job
    backends: tuple[str, ...]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    execution: dict[str, str]

    @property
    def agree(self) -> bool:
        """Return whether every row of every backend is within its tolerance."""
        return not self.findings

    @property
    def first_mismatch(self) -> Finding | None:
        """The finding that comes first in the order of computation; None where all agree."""
        places = {(row.kind, row.name): place for place, row in enumerate(self.rows)}
        return min(self.findings, key=lambda found: (places[found.kind, found.name], -found.error), default=None)

    def as_dict(self) -> dict[str, Any]:
        """All of it, as JSON takes it: numbers that are not finite become None."""
        first = self.first_mismatch
        result = {
            "agree": self.agree,
            "job": asdict(self.job),
            "backends": self.backends,
            "execution": self.execution,
            "notes": self.notes,
            "first_mismatch": asdict(first) if first else None,
            "findings": [asdict(found) for found in self.findings],
            "rows": [asdict(row) for row in self.rows],
        }
        return dict(json.loads(json.dumps(result), parse_constant=lambda _: None))

    def table_rows(self) -> list[list[str]]:
        """The table in plain cells, the header first: kind, name, a column of errors a backend, tolerance, mark.

        An error beyond the tolerance has a star; "first" marks the row of `first_mismatch`, the name of a backend the
        first row in which that one is beyond.
        """
        header = ["", "layer or variable", *self.backends, "may be", ""]
        return [header, *(self._cells(row) for row in self.rows)]

    def _cells(self, row: Row) -> list[str]:
        errors = [f"{row.errors[name]:.1e}{'*' if name in row.beyond else ''}" for name in self.backends]
        return [row.kind, row.name, *errors, f"{row.tolerance:.1e}", self._mark((row.kind, row.name))]

    def _mark(self, key: Key) -> str:
        first = self.first_mismatch
        marks = ["first"] if first and (first.kind, first.name) == key else []
        return ", ".join(marks + [found.backend for found in self.findings if (found.kind, found.name) == key])


def diagnose(
    model: str | os.PathLike[str] = "mlp",
    *,
    script: str = "",
    backends: Sequence[str] | None = None,
    data: str | os.PathLike[str] = "",
    dtype: str = "float32",
    correct_leaks: bool = False,
    seed: int = 0,
    batch_size: int = 32,
) -> Diagnosis:
    """Take one training step apart on each backend: same weights, same batch, and a float64 reference beside it.

    Held against the reference are the output of each layer, the loss, the gradient by each output and variable, the
    update and the optimizer's slots after it, and the loss and the update of the compiled step, which is the one that
    `kb.fit` runs. Each backend also runs the step in float64 with Keras's leaks corrected, in a process of its own; the
    reference is the median of those. An error is relative to the largest term that was summed.

    Args:
        model: "mlp", "cnn", or the path of a model saved as .keras. One that is not compiled is given the mean square
            of its outputs as loss, and SGD with a rate of 1.
        script: ``"train.py:build"`` instead: a function without arguments that returns a model, or ``(model, x, y)``.
        backends: which to run; all that are installed by default. Of three, one that is wrong can be told.
        data: "sample", "full" or an .npz file, as for `kb.compare`.
        dtype: "float32" or "float64".
        correct_leaks: in float64, correct what Keras computes in float32 all the same.
        seed: settles initial weights, the batch, random layers and drawn data.
        batch_size: rows of the batch.

    Returns:
        The diagnosis; its `first_mismatch` says where to look.

    Raises:
        ArgumentError, DataError: an argument is outside what it may be; a file cannot be read.
        BackendNotInstalled: a backend is not installed.
        ParityError: a backend cannot run what the others run.

    Example:
        >>> import kerasbridge as kb
        >>> kb.diagnose("mlp", backends=["jax", "torch"]).agree
        True
    """
    job = Job(
        model="" if script else os.fspath(model),
        script=script,
        data=os.fspath(data),
        dtype=dtype,
        seed=seed,
        correct_leaks=correct_leaks,
        batch_size=batch_size,
    )
    job.check()
    chosen = check_backends(backends, at_least=2)
    steps = _inspected(job, chosen)
    references = steps if correct_leaks else _inspected(replace(job, dtype="float64", correct_leaks=True), chosen)
    return align_rows(steps, references)


def align_rows(steps: Sequence[Inspection], references: Sequence[Inspection]) -> Diagnosis:
    """The diagnosis of one step on several backends; see `measuring.rows`."""
    job = steps[0].job
    rows = error_metrics.rows(steps, references, job.dtype)
    backends = tuple(step.backend for step in steps)
    found = [explanations.finding(rows, backend, job) for backend in backends]
    notes = dict.fromkeys(note for step in steps for note in step.notes)
    return Diagnosis(
        job,
        backends,
        tuple(rows),
        tuple(finding for finding in found if finding),
        tuple(notes),
        {step.backend: step.execution for step in steps},
    )


def _inspected(job: Job, backends: Sequence[str]) -> list[Inspection]:
    with run_on_each(_CHILD, job, backends) as outputs:
        return [Inspection.read(path) for path in outputs.values()]
