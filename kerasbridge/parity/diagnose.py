"""`kb.diagnose`: compare every array of one training step on several backends, and name the first that is wrong."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from kerasbridge.checks import check_timeout
from kerasbridge.errors import ParityError
from kerasbridge.parity import error_metrics, explanations
from kerasbridge.parity.error_metrics import Row
from kerasbridge.parity.explanations import Finding
from kerasbridge.parity.jobs import Job, as_text
from kerasbridge.parity.step_trace import Key, StepTrace
from kerasbridge.parity.workers import TIMEOUT, check_backends, failed, run_on_each
from kerasbridge.runtime.results import Result, Summary
from kerasbridge.runtime.subprocesses import ChildResult

_WORKER = "kerasbridge.parity.diagnose_worker"
_IN_FLOAT64 = (
    "\nThis was the step in float64, which the errors of every backend are measured against: write x.dtype or "
    'keras.config.floatx() where a layer, loss or step casts to "float32".'
)


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Result):
    """Result of `kb.diagnose`.

    Attributes:
        job: the model and the settings.
        backends: the names of the backends.
        rows: the arrays of the step in the order of computation, each with the errors of all backends.
        findings: for each backend with an error beyond its tolerance, the first such row.
        notes: remarks for the reader, for example that the model had no loss of its own.
        execution: by backend, the execution mode of the compiled step.
        failures: by backend, why it has no rows; with failures, the diagnosis is in a ParityError.
    """

    job: Job
    backends: tuple[str, ...]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    execution: dict[str, str]
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def agree(self) -> bool:
        """Return whether every backend has run the step, and every row of it is within its tolerance."""
        return not self.findings and not self.failures

    @property
    def first_mismatch(self) -> Finding | None:
        """The finding that comes first in the order of computation; None if all backends agree."""
        order = {(row.kind, row.name): index for index, row in enumerate(self.rows)}
        return min(self.findings, key=lambda finding: (order[finding.kind, finding.name], -finding.error), default=None)

    def as_dict(self) -> dict[str, Any]:
        """Return the diagnosis in a form that JSON can encode: numbers that are not finite become None."""
        first = self.first_mismatch
        result = {
            "agree": self.agree,
            "job": asdict(self.job),
            "backends": self.backends,
            "execution": self.execution,
            "notes": self.notes,
            "failures": dict(self.failures),
            "first_mismatch": asdict(first) if first else None,
            "findings": [asdict(finding) for finding in self.findings],
            "rows": [asdict(row) for row in self.rows],
        }
        return dict(json.loads(json.dumps(result), parse_constant=lambda _: None))

    def table_rows(self) -> list[list[str]]:
        """Return the cells of the table as text, header first: kind, name, the error of each backend, tolerance, mark.

        A star marks an error beyond the tolerance. In the last column "first" marks the row of `first_mismatch`, and
        the name of a backend the first row in which its error is beyond the tolerance.
        """
        header = ["", "layer or variable", *self.backends, "tolerance", ""]
        return [header, *(self._cells(row) for row in self.rows)]

    def _summary(self) -> Summary:
        """Return the rows beyond their tolerance, and why they are."""
        first, failures = self.first_mismatch, [f"{name}: {why}" for name, why in self.failures.items()]
        within = f"{len(self.rows)} arrays of a step are within their tolerance on {', '.join(self.backends)}"
        header, *cells = self.table_rows()
        beyond = [row for row, detail in zip(cells, self.rows, strict=True) if detail.beyond]
        title = within if first is None else first.sentence()
        others = [each.sentence() for each in self.findings if each is not first]
        return Summary(title, header if beyond else (), beyond, [*others, *self.notes, *failures])

    def _cells(self, row: Row) -> list[str]:
        errors = [f"{row.errors[name]:.1e}{'*' if name in row.beyond else ''}" for name in self.backends]
        return [row.kind, row.name, *errors, f"{row.tolerance:.1e}", self._mark((row.kind, row.name))]

    def _mark(self, key: Key) -> str:
        first = self.first_mismatch
        marks = ["first"] if first and (first.kind, first.name) == key else []
        return ", ".join(marks + [each.backend for each in self.findings if (each.kind, each.name) == key])


def diagnose(
    model: str | os.PathLike[str] = "mlp",
    *,
    script: str = "",
    backends: Sequence[str] | None = None,
    data: str | os.PathLike[str] = "",
    target: str = "",
    dtype: str = "float32",
    correct_leaks: bool = False,
    seed: int = 0,
    batch_size: int = 32,
    timeout: float = TIMEOUT,
) -> Diagnosis:
    """Compare one training step, array by array, with a float64 reference: same weights and batch on each backend.

    Compared are the output of each layer, the loss, the gradient with respect to each output and variable, the update,
    the optimizer's slots after it, and the loss and the update of the compiled step, which is the one that `kb.fit`
    runs. Each backend also runs the step in float64, corrected where Keras computes in float32 nevertheless, in a
    separate process; the reference is the median of those runs. An error is relative to the largest term of the sums.

    Args:
        model: "mlp", "cnn", or the path of a model saved as .keras, whose optimizer has its saved state, such as
            momenta, on every backend. A model that is not compiled is compiled with the
            mean square of its outputs as loss, and SGD with a learning rate of 1.
        script: instead of `model`, ``"train.py:build"``: a function without arguments that returns a model,
            ``(model, x, y)``, or what else `kerasbridge train --script` takes.
        backends: the backends to run; by default all that are installed. With three, the wrong one is named.
        data, target: as for `kb.compare`.
        dtype: "float32" or "float64".
        correct_leaks: in float64, correct what Keras computes in float32 nevertheless.
        seed: determines initial weights, the batch, random layers and synthetic data.
        batch_size: rows of the batch.
        timeout: seconds after which the process of a backend is ended.

    Returns:
        The diagnosis; its `first_mismatch` names the first array that is wrong.

    Raises:
        ArgumentError, DataError: an argument is invalid, or a file cannot be read.
        BackendNotInstalled: a backend is not installed.
        ParityError: the step failed on a backend; its `result` is the diagnosis of the others.

    Example:
        >>> import kerasbridge as kb
        >>> kb.diagnose("mlp", backends=["jax", "torch"]).agree
        True
    """
    job = Job(
        model="" if script else as_text("model", model),
        script=as_text("script", script),
        data=as_text("data", data),
        target=as_text("target", target),
        dtype=dtype,
        seed=seed,
        correct_leaks=correct_leaks,
        batch_size=batch_size,
    )
    job.check()
    check_timeout(timeout)
    checked = check_backends(backends, at_least=2)
    steps, failures = _trace(job, checked, timeout)
    references, more = steps, {}  # type: dict[str, StepTrace], Mapping[str, ChildResult]
    if not correct_leaks:
        references, more = _trace_references(job, list(steps), timeout)
    shared = [name for name in checked if name in references]
    diagnosis = make_diagnosis([steps[name] for name in shared], [references[name] for name in shared])
    if not failures and not more:
        return diagnosis
    failures = {**failures, **more}
    messages = {name: child.failure_message() for name, child in failures.items()}
    error = failed(failures, replace(diagnosis, failures=messages))
    raise _of_reference(error, job) if more else error


def make_diagnosis(steps: Sequence[StepTrace], references: Sequence[StepTrace]) -> Diagnosis:
    """Return the diagnosis of one step on several backends; the arguments are those of `error_metrics.rows`."""
    job = steps[0].job
    rows = error_metrics.rows(steps, references, job.dtype)
    backends = tuple(step.backend for step in steps)
    findings = [explanations.first_finding(rows, backend, job) for backend in backends]
    notes = dict.fromkeys(note for step in steps for note in step.notes)
    return Diagnosis(
        job,
        backends,
        tuple(rows),
        tuple(finding for finding in findings if finding),
        tuple(notes),
        {step.backend: step.execution for step in steps},
    )


def _trace_references(
    job: Job, backends: Sequence[str], timeout: float
) -> tuple[dict[str, StepTrace], Mapping[str, ChildResult]]:
    try:
        return _trace(replace(job, dtype="float64", correct_leaks=True), backends, timeout)
    except ParityError as error:
        raise _of_reference(error, job) from None


def _of_reference(error: ParityError, job: Job) -> ParityError:
    """Return an error of the step in float64, which states that it is one if that was not asked for."""
    if job.dtype == "float64":
        return error
    explained = ParityError(f"{error}{_IN_FLOAT64}")
    explained.result, explained.exit_code = error.result, error.exit_code
    return explained


def _trace(job: Job, backends: Sequence[str], timeout: float) -> tuple[dict[str, StepTrace], Mapping[str, ChildResult]]:
    with run_on_each(_WORKER, job, backends, timeout) as outcome:
        return {name: StepTrace.read(path) for name, path in outcome.outputs.items()}, outcome.failures
