"""Tables of text: a CSV file with a line of column names. The file is not trusted."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import ArgumentError, DataError, DataFileError
from kerasbridge.files.budget import reading
from kerasbridge.files.regular import problem

_DELIMITERS = ",;\t"
_TRUTH = {"true": "1", "false": "0"}
_MAX_NAMES = 12
_GAPS = ("", "na", "n/a", "nan", "null", "none")
GAP_ADVICE = "Fill the cell or remove the row; in pandas: table.fillna(VALUE), or table.dropna()."


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a table, by name, as text without spaces at its ends.

    Attributes:
        name: the path of the file, or what stands for it in messages.
        columns: the cells of each column.
    """

    name: str
    columns: dict[str, list[str]]

    @property
    def names(self) -> str:
        """The names of the columns, for messages."""
        return listed(self.columns)

    def column(self, name: str) -> list[str]:
        """Return the cells of a column.

        Raises:
            DataError: there is no such column.
        """
        if name not in self.columns:
            raise DataError(f"Expected a column {name!r} in {self.name}; its columns are {self.names}.")
        return self.columns[name]

    def has_text(self, name: str) -> bool:
        """Return whether a cell of a column is neither a number nor empty."""
        return not all(cell == "" or is_number(cell) for cell in self.column(name))

    def numbers(self, name: str, advice: str = "") -> NDArray[np.float64]:
        """Return a column as numbers; true and false are 1 and 0.

        Raises:
            DataError: a cell is not a number, or is empty; the message names the column and the row, and ends with the
                advice.
        """
        cells = self.column(name)
        try:
            numbers = _floats(cells)
        except ValueError:
            numbers = _floats([cell if is_number(cell) else _TRUTH.get(cell.lower(), "nan") for cell in cells])
        if not (finite := np.isfinite(numbers)).all():
            row = int(np.argmin(finite))
            if is_gap(cells[row]):
                advice = GAP_ADVICE
            raise DataError(
                f"Expected numbers in the column {name!r} of {self.name}, received {shown(cells[row])} in row "
                f"{row + 1}. {advice or 'Fix or remove the row.'}"
            )
        return numbers


def read(path: str | Path) -> Table:
    """Read a CSV file, in UTF-8, with commas, semicolons or tabs between the cells.

    Raises:
        DataFileError: it cannot be read, or is not a table; the message names the first row that is wrong.
    """
    with reading(DataFileError, path):
        if reason := problem(Path(path)):
            raise DataFileError(f"{path} {reason}: expected a CSV file.")
        try:
            with Path(path).open(encoding="utf-8-sig", newline="") as file:
                return _read(str(path), file)
        except UnicodeDecodeError as error:
            raise DataFileError(
                f"{path} is not text in UTF-8 ({error.reason}): save the table as CSV in UTF-8."
            ) from error
        except csv.Error as error:
            raise DataFileError(f"{path} is not a CSV file: {error}.") from error
        except OSError as error:
            raise DataFileError(f"{path} cannot be read ({error.strerror or error}).") from error


def of_row(cells: Sequence[str]) -> Table:
    """Return a table of one row from texts such as "age=42".

    Raises:
        ArgumentError: a text has another form, or a name is given twice.
    """
    columns: dict[str, list[str]] = {}
    for text in cells:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or name.strip() in columns:
            raise ArgumentError(
                f"Expected the cells of a row, each column once, as in age=42 city=Oslo; received {text!r}."
            )
        columns[name.strip()] = [value.strip()]
    return Table("the row", columns)


def is_number(cell: str) -> bool:
    """Return whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def is_gap(cell: str) -> bool:
    """Return whether a cell is empty, or has a name for what is missing, such as NA."""
    return cell.lower() in _GAPS


def shown(cell: str) -> str:
    """Return a cell for messages."""
    return repr(cell[:60]) if cell else "an empty cell"


def listed(names: Any) -> str:
    """Return names in a list of bounded length, for messages."""
    names = list(map(str, names))
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(names[:_MAX_NAMES]) + more


def _floats(cells: Sequence[str]) -> NDArray[np.float64]:
    return np.array(cells, object).astype(np.float64)


def _read(path: str, file: IO[str]) -> Table:
    first = file.readline()
    file.seek(0)
    delimiter = max(_DELIMITERS, key=first.count)
    lines = _lines(csv.reader(file, delimiter=delimiter, skipinitialspace=True))
    names = next(lines, None)
    if names is None:
        raise DataFileError(f"{path} is empty: expected a line of column names, and rows.")
    for name in names:
        if not name or names.count(name) > 1:
            raise DataFileError(
                f"Expected a different name for each column in the first line of {path}, received {name!r}"
                f"{' more than once' if name else ''}."
            )
    rows = list(lines)
    for index, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise DataFileError(f"{path} has {len(names)} columns, and {len(row)} cells in row {index}.")
    if not rows:
        raise DataFileError(f"{path} has names of columns, and no rows.")
    return Table(path, dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def _lines(reader: Any) -> Iterator[list[str]]:
    """Yield the cells of each line that is not empty."""
    for cells in reader:
        if cells:
            yield [cell.strip() for cell in cells]
