"""Result of `kerasbridge evaluate`, and its text for a terminal."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasbridge.datasets import Dataset
    from kerasbridge.evaluation.classification_report import Difference, Scores
    from kerasbridge.runs import Run

MAX_LINES = 20


@dataclass(frozen=True)
class EvaluationResult:
    """A run, and the scores of its model in this process.

    Attributes:
        differs: the images whose prediction differs from that on the backend that trained the run; None if that is not
            known, for the reason in `why_unknown`.
    """

    run: "Run"
    digits: "Dataset"
    scores: "Scores"
    backend: str
    device: str
    differs: "list[Difference] | None"
    why_unknown: str

    @property
    def images(self) -> int:
        """The number of digits."""
        return len(self.scores.labels)


def compare_with_training(run: "Run", digits: "Dataset", scores: "Scores") -> "tuple[list[Difference] | None, str]":
    """Return the predictions that differ from those after training, or None and the reason why that is not known."""
    if run.config.mistakes is None:
        return None, "The run has no record of its predictions after training, so there is nothing to compare with."
    if run.config.data.get("checksum") != digits.checksum:
        return None, (
            f"{digits.name} contains other digits than those the run was trained and scored on (the checksums differ): "
            "the predictions cannot be compared."
        )
    return scores.changed_since(run.config.mistakes), ""


def show(result: EvaluationResult) -> None:
    """Print accuracy and loss, the confusion matrix, and the predictions that differ."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    scores = result.scores
    where = f"on {result.backend}, {result.device}"
    console.print(f"{result.images:,} images {where}: accuracy {scores.accuracy:.4f}, loss {scores.loss:.4f}")
    console.print(confusion_table(scores.confusion))
    console.print(_verdict(result))
    for difference in (result.differs or [])[:MAX_LINES]:
        console.print("  image {index}, label {label}: then {then}, now {now}".format(**asdict(difference)))
    if result.differs and len(result.differs) > MAX_LINES:
        console.print(f"  … and {len(result.differs) - MAX_LINES} more; --json lists all.")


def _verdict(result: EvaluationResult) -> str:
    if result.differs is None:
        return result.why_unknown
    config = result.run.config
    return verdict(config.backend, config.device, result.backend, result.device, result.differs, result.images)


def verdict(
    trained_backend: str, trained_device: str, backend: str, device: str, differs: "Sequence[Difference]", count: int
) -> str:
    """Return a sentence about the predictions that differ from those after the training."""
    there = "where it was trained"
    if (trained_backend, trained_device) != (backend, device):
        there = f"on {trained_backend if trained_backend != backend else trained_device}, {there}"
    if not differs:
        return f"The same {count:,} predictions as {there}."
    return f"{len(differs):,} of {count:,} predictions differ from those {there}:"


def confusion_table(confusion: Any, names: "Sequence[str] | None" = None, kind: str = "digit") -> Any:
    """Return the confusion matrix as a table: a row per class, a column per prediction."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    names = names or [str(digit) for digit in range(len(confusion))]
    title = f"{kind} (row), predicted as (column)"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="")
    table.add_column("", justify="right", style="bold")
    for name in names:
        table.add_column(Text(name), justify="right")
    for index, row in enumerate(confusion.tolist()):
        cells = [
            Text(f"{count:,}" if count else "·", style="bold" if index == predicted else "" if count else "dim")
            for predicted, count in enumerate(row)
        ]
        table.add_row(Text(names[index]), *cells)
    return table
