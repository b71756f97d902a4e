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
from kerasbridge.cli.resume import command_of_run

if TYPE_CHECKING:
    from kerasbridge.runs import Run

SORTED_BY = ("accuracy", "loss", "seconds", "started", "name", "model", "backend")
HIGHEST_FIRST = ("accuracy", "started")


@dataclass(frozen=True)
class RunRow:
    """Summary of a run.

    `scored_on` is "test" or "validation", or None if there is no score; `state` is "finished", "training" or
    "interrupted", and `to_continue` what to type for an interrupted run.
    """

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
    state: str
    to_continue: str | None


@app.command(epilog="Example: kerasbridge runs --sort started")
def runs(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder that contains the runs.")] = Path("runs"),
    sort: Annotated[
        str,
        typer.Option(metavar="|".join(SORTED_BY), help="The highest accuracy or latest start first, else the lowest."),
    ] = "accuracy",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    quiet: Quiet = False,
) -> None:
    """List the runs in a folder with their results.

    The most accurate run comes first. Scores are those of the saved model on the test digits; for other data, and a run
    of kb.fit, on its validation data, marked "val". For a run that is still training or was interrupted, the number of
    finished epochs is shown, and what to type to continue it.
    """
    with errors_in_one_line(quiet):
        from kerasbridge import runs as runs_module

        _check(folder, sort)
        rows = _sort(map(_summarize, runs_module.list(folder)), sort)
    if as_json:
        print(json.dumps([asdict(row) for row in rows]))
    elif rows and not quiet:
        _print(rows)
    elif not quiet:
        print(f"There is no run in {folder}. To create one, type: kerasbridge train")


def _check(folder: Path, sort: str) -> None:
    from kerasbridge.errors import ArgumentError, RunFolderError

    if sort not in SORTED_BY:
        raise ArgumentError(f"Expected --sort to be one of {', '.join(SORTED_BY)}; received {sort!r}.")
    if folder != Path("runs") and not folder.is_dir():
        raise RunFolderError(f"{folder} is not a folder: expected one that contains runs, such as runs/.")


def _sort(rows: Iterable[RunRow], by: str) -> list[RunRow]:
    """Sort rows by a field; those without a value come last."""
    rows = list(rows)
    known = [row for row in rows if getattr(row, by) is not None]
    return sorted(known, key=attrgetter(by), reverse=by in HIGHEST_FIRST) + [row for row in rows if row not in known]


def _summarize(run: "Run") -> RunRow:
    from kerasbridge.runs.reader import scores_of

    config, history = run.config, _history(run)
    scores, scored_on = scores_of(config, history)
    return RunRow(
        run.name,
        str(run.folder),
        config.model,
        config.backend,
        config.device,
        len(history.get("epoch", ())),
        config.epochs,
        _finite(scores.get("accuracy")),
        _finite(scores.get("loss")),
        scored_on,
        config.seconds,
        config.started,
        config.finished,
        state := run.state,
        _to_continue(run) if state == "interrupted" else None,
    )


def _to_continue(run: "Run") -> str:
    """Return what to type to continue an interrupted run."""
    from kerasbridge.checkpoint import files

    if not files.exist(run.folder):
        return "it has no checkpoint: train it again."
    train = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    command = command_of_run(run, train)
    return f"to continue, type: {command}" if command else "to continue, pass resume=True to kb.fit."


def _history(run: "Run") -> dict[str, list[float]]:
    """Return the history of a run; a damaged one is printed as an error, to still list the other runs."""
    from kerasbridge.errors import RunFolderError

    try:
        return run.history
    except RunFolderError as error:
        print_error(error)
        return {}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _print(rows: list[RunRow]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    columns = _fit_to_width({title: list(map(cell, rows)) for title, cell in COLUMNS.items()}, console.width)
    table = Table(box=None, pad_edge=False)
    for title in columns:
        table.add_column(title, overflow="fold", justify="right" if title in NUMBERS else "left")
    for row, *cells in zip(rows, *columns.values(), strict=True):
        table.add_row(*(Text(_printable(cell)) for cell in cells), style=None if row.finished else "dim")
    console.print(table)
    for row in rows:
        if row.state != "finished":
            note = f"{row.name}: {row.state}" + (f"; {row.to_continue}" if row.to_continue else ".")
            console.print(_printable(note), soft_wrap=True, markup=False)


def _fit_to_width(columns: dict[str, list[str]], width: int) -> dict[str, list[str]]:
    """Leave out the least important columns if the terminal is too narrow for all."""
    for title in LEAST_IMPORTANT:
        needed = sum(max(map(len, [title, *cells])) + 2 for title, cells in columns.items()) - 2
        if needed > width:
            columns = {other: cells for other, cells in columns.items() if other != title}
    return columns


def _epochs(row: RunRow) -> str:
    return str(row.epochs_done) if row.finished else f"{row.epochs_done} of {row.epochs}"


def _score(score: float | None, row: RunRow) -> str:
    return "–" if score is None else f"{score:.4f}{' val' if row.scored_on == 'validation' else ''}"


def _ago(started: str) -> str:
    """Return the time since a timestamp, in the largest unit that fits; anything else is returned as it is."""
    try:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds()
    except (ValueError, TypeError):
        return started[:10]
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "now"


COLUMNS: dict[str, Callable[[RunRow], str]] = {
    "run": lambda row: row.name,
    "model": lambda row: row.model,
    "backend": lambda row: row.backend,
    "device": lambda row: row.device,
    "epochs": _epochs,
    "accuracy": lambda row: _score(row.accuracy, row),
    "loss": lambda row: _score(row.loss, row),
    "seconds": lambda row: "–" if row.seconds is None else f"{row.seconds:.1f}",
    "started": lambda row: _ago(row.started),
}
NUMBERS = ("epochs", "accuracy", "loss", "seconds", "started")
LEAST_IMPORTANT = ("model", "device", "seconds", "started", "backend")


def _printable(text: str) -> str:
    """Replace control characters, which a file may contain, with question marks."""
    return "".join(character if character.isprintable() else "?" for character in text)
