"""Results as a text for `print`, a table in a notebook, and one line in a list or a failed assertion."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_ROWS = 50


@dataclass(frozen=True)
class Summary:
    """The content of a result.

    Attributes:
        title: one line; it may be all that is shown.
        header: the titles of the columns; without them, the first column has the titles of the rows.
        rows: the cells of the table, of which the first `MAX_ROWS` are shown.
        notes: further lines.
    """

    title: str
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    notes: Sequence[str] = ()

    @property
    def shown(self) -> Sequence[Sequence[str]]:
        """The rows that are shown."""
        return self.rows[:MAX_ROWS]

    def as_text(self) -> str:
        """Return the title, the table with aligned columns, and the notes."""
        return "\n".join([self.title, *self._lines(), *self.notes])

    def as_html(self) -> str:
        """Return the same as HTML."""
        head = f"<thead><tr>{_cells('th', self.header)}</tr></thead>" if self.header else ""
        rows = "".join(f"<tr>{_cells('td', row)}</tr>" for row in self.shown)
        table = f"<table>{head}<tbody>{rows}</tbody></table>" if rows else ""
        notes = "".join(f"<p>{html.escape(line)}</p>" for line in self._left_out() + list(self.notes))
        return f"<p><b>{html.escape(self.title)}</b></p>{table}{notes}"

    def _lines(self) -> Iterator[str]:
        cells = [*filter(None, [self.header]), *self.shown]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        yield from self._left_out()

    def _left_out(self) -> list[str]:
        count = len(self.rows) - len(self.shown)
        return [f"{count} more rows are not shown."] if count else []


class Result:
    """Base class of results: they differ in `_summary` only."""

    def _summary(self) -> Summary:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._summary().title}>"

    def __str__(self) -> str:
        return self._summary().as_text()

    def _repr_html_(self) -> str:
        return self._summary().as_html()


def _cells(tag: str, row: Sequence[str]) -> str:
    return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
