"""`history.jsonl` and `history.csv`: a line of numbers per epoch, written as soon as it has ended."""

import csv
import io
import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasbridge.errors import RunFileError
from kerasbridge.files.budget import reading, spend
from kerasbridge.runs import swap
from kerasbridge.runs.contents import HISTORY, TABLE
from kerasbridge.runs.validators import is_number_or_none
from kerasbridge.runtime.files import atomic_write

Row = dict[str, int | float | None]
_MAX_COLUMNS = 100


class History:
    """Writer of the history of a run.

    The columns are `epoch`, counted from 1, `seconds`, and the logs by name. A value that is not a finite number is
    null in the JSON lines and empty in the table. A vector or matrix has a column for each of its numbers, such as
    `recall[0]` or `confusion[0,1]`; one of more than 100 numbers has a single column, their mean.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._lines, self._table = folder / HISTORY, folder / TABLE
        self._rows: list[Row] = []
        self._columns: list[str] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, epoch: int, seconds: float, logs: Mapping[str, Any]) -> None:
        """Add an epoch that has ended.

        Args:
            epoch: counted from 1.
            seconds: its duration, including validation.
            logs: losses and metrics by name.
        """
        numbers = {name: number for log, value in logs.items() for name, number in columns_of(log, value).items()}
        row: Row = {"epoch": epoch, "seconds": round(seconds, 3), **numbers}
        self._add_to_table(row)
        with self._lines.open("a", encoding="utf-8") as file:  # last, since with it the epoch counts as done
            file.write(_as_line(row))
        self._rows.append(row)

    def truncate(self, epochs: int) -> None:
        """Keep the first epochs of the history that is in the folder, and continue after them."""
        self._rows = _read_rows(self._lines.parent)[:epochs]
        self._columns = list(_to_columns(self._rows))
        with atomic_write(self._table) as path:
            path.write_text(_as_csv(self._columns, self._rows) if self._rows else "", encoding="utf-8", newline="")
        with atomic_write(self._lines) as path:
            path.write_text("".join(map(_as_line, self._rows)), encoding="utf-8")

    def columns(self) -> dict[str, list[float]]:
        """Return the numbers so far, as `read` does."""
        return _to_columns(self._rows)

    def validation_of(self, epoch: int) -> dict[str, float]:
        """Return the validation values of an epoch, without their prefix; NaN if one was not finite."""
        row = next((row for row in self._rows if row["epoch"] == epoch), {})
        named = {name.removeprefix("val_"): value for name, value in row.items() if name.startswith("val_")}
        return {name: math.nan if value is None else value for name, value in named.items()}

    def _add_to_table(self, row: Row) -> None:
        new = [name for name in row if name not in self._columns]
        self._columns += new
        with self._table.open("w" if new else "a", encoding="utf-8", newline="") as file:
            file.write(
                _as_csv(self._columns, [*self._rows, row]) if new else _as_csv(self._columns, [row], header=False)
            )


def read(folder: Path) -> dict[str, list[float]]:
    """Read the history of a run: by column, a number per epoch; NaN if it was not finite or is missing.

    An incomplete last line, of a process that was killed, is ignored.

    Raises:
        RunFileError: the file is damaged.
    """
    with reading(RunFileError, folder / HISTORY):
        return _to_columns(_read_rows(folder))


def _read_rows(folder: Path) -> list[Row]:
    path = folder / HISTORY
    try:
        *lines, incomplete = swap.read(folder, HISTORY).split("\n")
        del incomplete  # empty unless the process was killed while writing
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise RunFileError(f"{path} cannot be read: {error}.") from error
    return [_row(path, number, line) for number, line in enumerate(lines, start=1)]


def _row(path: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict) or not all(is_number_or_none(value) for value in row.values()):
        raise RunFileError(f"{path} is damaged: line {number} is not an object of numbers.")
    return row


def _as_line(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def _to_columns(rows: list[Row]) -> dict[str, list[float]]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    spend(memory=8 * len(names) * len(rows))
    return {name: [math.nan if (value := row.get(name)) is None else value for row in rows] for name in names}


def _as_csv(columns: list[str], rows: list[Row], header: bool = True) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def columns_of(name: str, value: Any) -> Row:
    """Return a logged value by column."""
    if not getattr(value, "shape", ()):
        return {name: _number(value)}
    if math.prod(value.shape) > _MAX_COLUMNS:
        return {name: _number(value.mean())}
    places = itertools.product(*map(range, value.shape))
    return {f"{name}[{','.join(map(str, place))}]": _number(value[place]) for place in places}


def _number(value: Any) -> float | int | None:
    """Return a value as a plain number, or None if it is not a finite number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
