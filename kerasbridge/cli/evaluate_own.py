"""`kerasbridge evaluate` of a model and data of the user's."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasbridge.cli import own_run
from kerasbridge.cli.evaluation_result import MAX_LINES, confusion_table, verdict

if TYPE_CHECKING:
    from kerasbridge.cli.own_run import OwnRun
    from kerasbridge.evaluation.classification_report import Difference, Scores
    from kerasbridge.evaluation.regression_report import RegressionScores
    from kerasbridge.subjects.scoring import Evaluation

MAX_CLASSES = 20
_ROWS = 5
"""The number of rows of a regression that are printed."""


@dataclass(frozen=True)
class OwnResult:
    """The score of a model on data of the user's.

    Attributes:
        own: the model.
        evaluation: its loss, metrics and predictions.
        backend, device: of this process.
        differs: the rows whose predicted class differs from that at the end of the training; None if not known.
        regression: the predictions of a regression, compared with its targets; None for other models.
    """

    own: "OwnRun"
    evaluation: "Evaluation"
    backend: str
    device: str
    differs: "list[Difference] | None"
    regression: "RegressionScores | None" = None

    def as_dict(self) -> dict[str, Any]:
        """Return the result for JSON."""
        scores = self.evaluation.scores
        return {
            "run_dir": str(self.own.path),
            "backend": self.backend,
            "device": self.device,
            "rows": self.evaluation.rows,
            **self.evaluation.metrics,
            "classes": self.own.form.classes if self.own.form else None,
            "confusion": None if scores is None else scores.confusion.tolist(),
            "differs": None if self.differs is None else [asdict(difference) for difference in self.differs],
            "regression": None if self.regression is None else self.regression.as_dict(),
        }


def evaluate(path: Path, backend: str | None, device: str | None, data: str, target: str, script: str) -> OwnResult:
    """Score a run or a .keras file.

    Raises:
        KerasbridgeError: as for `own_run.load` and `own_run.validation_data`.
    """
    own = own_run.load(path, backend, device, script)
    from kerasbridge import engines
    from kerasbridge.errors import ArgumentError
    from kerasbridge.subjects.scoring import regression_of, score
    from kerasbridge.training import run_recorder

    if not own.model.compiled:
        raise ArgumentError(f"Expected the model of {path} to be compiled, received one without a loss.")
    rows = own_run.validation_data(own, data, target)
    evaluation = score(own.model, rows)
    return OwnResult(
        own,
        evaluation,
        engines.current().name,
        run_recorder.device_of(own.model),
        _changes(own, evaluation.scores, rows),
        regression_of(own.model, rows),
    )


def _changes(own: "OwnRun", scores: "Scores | None", rows: Any) -> "list[Difference] | None":
    """Return the predictions that differ from those after the training, if both are of the same rows."""
    from kerasbridge.subjects.scoring import checksum

    config = own.run.config if own.run else None
    if config is None or config.mistakes is None or scores is None:
        return None
    return scores.changed_since(config.mistakes) if config.data.get("checksum") == checksum(rows) else None


def show(result: OwnResult) -> None:
    """Print loss and metrics, the confusion matrix of a few classes or errors of numbers, and what differs."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    evaluation, own = result.evaluation, result.own
    rows = "" if evaluation.rows is None else f"{evaluation.rows:,} rows "
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in evaluation.metrics.items())
    console.print(f"{rows}on {result.backend}, {result.device}: {metrics}")
    scores = evaluation.scores
    if scores is not None and len(scores.confusion) <= MAX_CLASSES:
        names = own.form.classes if own.form and own.form.classes else [str(n) for n in range(len(scores.confusion))]
        console.print(confusion_table(scores.confusion, names, "class"))
    if result.regression is not None:
        name = own.form.target if own.form else ""
        console.print("\n".join(_regression_lines(result.regression, name)))
    if result.differs is None or own.run is None or scores is None:
        return
    config = own.run.config
    console.print(
        verdict(config.backend, config.device, result.backend, result.device, result.differs, len(scores.labels))
    )
    for difference in result.differs[:MAX_LINES]:
        console.print("  row {index}, label {label}: then {then}, now {now}".format(**asdict(difference)))


def _regression_lines(scores: "RegressionScores", name: str) -> Iterator[str]:
    """Yield the errors, the first rows with target and prediction, and the row with the largest error."""
    r2 = "" if scores.r2 is None else f", R² {scores.r2:.4f}"
    yield f"MAE {scores.mean_absolute_error:.6g}, RMSE {scores.root_mean_squared_error:.6g}{r2}"
    yield ""
    yield f"{'row':>7}  {name or 'target':>12}  {'predicted':>12}  {'error':>12}"
    for index in [*range(min(_ROWS, len(scores.targets))), scores.worst]:
        numbers = (scores.targets[index], scores.predicted[index], scores.errors[index])
        yield "  ".join([f"{index + 1:>7}", *(f"{number:>12.6g}" for number in numbers)])
    yield "The last row has the largest error."
