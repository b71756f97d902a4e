"""`kerasbridge runs`."""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kerasbridge.cli.app import app, errors_in_one_line, print_error
from kerasbridge.cli.options import Quiet

if TYPE_CHECKING:
    from kerasbridge.runs import Run

SORTED_BY = ("accuracy", "loss", "seconds", "started", "name", "model", "backend")
HIGHEST_FIRST = ("accuracy", "started")


@dataclass(frozen=True)
class RunRow:
    """What there is to say of a run; `scored_on` is "test", "validation", or None where there is no score."""

    name: str
    run_dir: str
    model: str
    backend: str
    device: str
    epochs_done: int
    epochs: int | None
    accuracy: float | None
    loss: float | None
    scored_on: str | None
    seconds: float | None
    started: str
    finished: str | None


@app.command(epilog="Example: kerasbridge runs --sort started")
def runs(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the runs lie.")] = Path("runs"),
    sort: Annotated[
        str, typer.Option(metavar="|".join(SORTED_BY), help="Highest accuracy and latest first, else lowest first.")
    ] = "accuracy",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    quiet: Quiet = False,
) -> None:
    """List the runs in a folder with their results, the most accurate first.

    Scores are those on the test digits; of a run of kb.fit the last ones of its validation, marked "val". A run that
    is still being trained, or broke off, shows how far it came.
    """
    with errors_in_one_line(quiet):
        from kerasbridge import runs as kept

        _check(folder, sort)
        lines = _sorted(map(_line, kept.list(folder)), sort)
    if as_json:
        print(json.dumps([asdict(line) for line in lines]))
    elif lines and not quiet:
        _print(lines)
    elif not quiet:
        print(f"There is no run in {folder}. To make one, type: kerasbridge train")


def _check(folder: Path, sort: str) -> None:
    from kerasbridge.errors import ArgumentError, RunFolderError

    if sort not in SORTED_BY:
        raise ArgumentError(f"Expected --sort to be one of {', '.join(SORTED_BY)}; received {sort!r}.")
    if folder != Path("runs") and not folder.is_dir():
        raise RunFolderError(f"{folder} is no folder: expected one with runs in it, as runs/.")


def _sorted(lines: Iterable[RunRow], by: str) -> list[RunRow]:
    """Those that lack what they are sorted by come last."""
    lines = list(lines)
    known = [line for line in lines if getattr(line, by) is not None]
    return sorted(known, key=attrgetter(by), reverse=by in HIGHEST_FIRST) + [
        line for line in lines if line not in known
    ]


def _line(run: "Run") -> RunRow:
    config, history = run.config, _history(run)
    scores, scored_on = _scores(config.test, history)
    return RunRow(
        run.name,
        str(run.folder),
        config.model,
        config.backend,
        config.device,
        len(history.get("epoch", ())),
        config.epochs,
        scores.get("accuracy"),
        scores.get("loss"),
        scored_on,
        config.seconds,
        config.started,
        config.finished,
    )


def _history(run: "Run") -> dict[str, list[float]]:
    """What is read of it; one that is damaged does not hide the other runs."""
    from kerasbridge.errors import RunFolderError

    try:
        return run.history
    except RunFolderError as error:
        print_error(error)
        return {}


def _scores(test: dict[str, float], history: dict[str, list[float]]) -> tuple[dict[str, float | None], str | None]:
    """On the test data, or else what the last validation gave."""
    if test:
        return {name: _finite(value) for name, value in test.items()}, "test"
    validated = {name.removeprefix("val_"): values for name, values in history.items() if name.startswith("val_")}
    last = {name: next(filter(None, map(_finite, reversed(values))), None) for name, values in validated.items()}
    return last, "validation" if last else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _print(lines: list[RunRow]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    columns = _fitting({title: list(map(cell, lines)) for title, cell in COLUMNS.items()}, console.width)
    table = Table(box=None, pad_edge=False)
    for title in columns:
        table.add_column(title, overflow="fold", justify="right" if title in NUMBERS else "left")
    for line, *cells in zip(lines, *columns.values(), strict=True):
        table.add_row(*(Text(_printable(cell)) for cell in cells), style=None if line.finished else "dim")
    console.print(table)
    if not all(line.finished for line in lines):
        console.print('"2 of 5" epochs: still being trained, or broken off.')


def _fitting(columns: dict[str, list[str]], width: int) -> dict[str, list[str]]:
    """The columns without those that matter least, where the terminal is too narrow for all."""
    for title in LEAST:
        needed = sum(max(map(len, [title, *cells])) + 2 for title, cells in columns.items()) - 2
        if needed > width:
            columns = {other: cells for other, cells in columns.items() if other != title}
    return columns


def _epochs(line: RunRow) -> str:
    return str(line.epochs_done) if line.finished else f"{line.epochs_done} of {line.epochs}"


def _score(score: float | None, line: RunRow) -> str:
    return "–" if score is None else f"{score:.4f}{' val' if line.scored_on == 'validation' else ''}"


def _ago(started: str) -> str:
    """How long ago a moment is, in the largest unit that fits; as it is where it is no moment."""
    try:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds()
    except (ValueError, TypeError):
        return started[:10]
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "now"


COLUMNS: dict[str, Callable[[RunRow], str]] = {
    "run": lambda line: line.name,
    "model": lambda line: line.model,
    "backend": lambda line: line.backend,
    "device": lambda line: line.device,
    "epochs": _epochs,
    "accuracy": lambda line: _score(line.accuracy, line),
    "loss": lambda line: _score(line.loss, line),
    "seconds": lambda line: "–" if line.seconds is None else f"{line.seconds:.1f}",
    "started": lambda line: _ago(line.started),
}
NUMBERS = ("epochs", "accuracy", "loss", "seconds", "started")
LEAST = ("model", "device", "seconds", "started", "backend")


def _printable(text: str) -> str:
    """A file may hold anything: what would steer the terminal is shown as a question mark."""
    return "".join(character if character.isprintable() else "?" for character in text)
