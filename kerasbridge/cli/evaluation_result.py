"""What `kerasbridge evaluate` finds, and how a terminal shows it."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasbridge.datasets import Dataset
    from kerasbridge.evaluation.classification_report import Difference, Scores
    from kerasbridge.runs import Run

MAX_LINES = 20


@dataclass(frozen=True)
class EvaluationResult:
    """A run, and what its model makes of digits here.

    Attributes:
        differs: the images that are taken for something else than where the run was trained; None where that is not
            known, and then `why_unknown` is a sentence.
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
        """How many digits there are."""
        return len(self.scores.labels)


def compare_with_training(run: "Run", digits: "Dataset", scores: "Scores") -> "tuple[list[Difference] | None, str]":
    """Which predictions differ from those where the run was trained; or None, and why that is not known."""
    if run.config.mistakes is None:
        return None, "The run does not say what it predicted where it was trained, so there is nothing to compare with."
    if run.config.data.get("checksum") != digits.checksum:
        return None, (
            f"{digits.name} holds other digits than those the run was trained and scored with, by their checksum: "
            "the predictions cannot be compared."
        )
    return scores.changed_since(run.config.mistakes), ""


def show(found: EvaluationResult) -> None:
    """Accuracy and loss, the confusion matrix, and which predictions differ."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    scores = found.scores
    where = f"on {found.backend}, {found.device}"
    console.print(f"{found.images:,} images {where}: accuracy {scores.accuracy:.4f}, loss {scores.loss:.4f}")
    console.print(_confusion(scores.confusion))
    console.print(_verdict(found))
    for difference in (found.differs or [])[:MAX_LINES]:
        console.print("  image {index}, label {label}: then {then}, now {now}".format(**asdict(difference)))
    if found.differs and len(found.differs) > MAX_LINES:
        console.print(f"  … and {len(found.differs) - MAX_LINES} more; --json names all.")


def _verdict(found: EvaluationResult) -> str:
    if found.differs is None:
        return found.why_unknown
    config = found.run.config
    there = "where it was trained"
    if (config.backend, config.device) != (found.backend, found.device):
        there = f"on {config.backend if config.backend != found.backend else config.device}, {there}"
    if not found.differs:
        return f"The same {found.images:,} predictions as {there}."
    return f"{len(found.differs):,} of {found.images:,} predictions are others than {there}:"


def _confusion(confusion: Any) -> Any:
    """A row for each digit, a column for what it is taken for; nothing where that never happens."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title="digit (row), taken for (column)", title_justify="left", title_style="")
    table.add_column("", justify="right", style="bold")
    for digit in range(len(confusion)):
        table.add_column(str(digit), justify="right")
    for digit, row in enumerate(confusion.tolist()):
        cells = [
            Text(f"{count:,}" if count else "·", style="bold" if digit == taken else "" if count else "dim")
            for taken, count in enumerate(row)
        ]
        table.add_row(str(digit), *cells)
    return table
