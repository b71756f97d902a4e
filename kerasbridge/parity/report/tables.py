"""The tables of the report: pairs, digests, runs and settings, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasbridge.parity.record import DIGESTS, Record
from kerasbridge.parity.report import summary_text
from kerasbridge.parity.verdict import DISAGREE, IDENTICAL, ROUNDED, DigestCheck, Pair

if TYPE_CHECKING:  # compare.py imports this package
    from kerasbridge.parity.compare import Comparison

Row = list[str]
"""The cells of a row, as HTML."""

_STYLES = {IDENTICAL: "yes", ROUNDED: "near", DISAGREE: "no"}


def pairs(comparison: Comparison) -> str:
    """Return the table of pairs: verdict, differences at steps 1, 10, 100 and the end, final weights."""
    pairs = comparison.judgement.pairs
    columns = list(dict.fromkeys(name for pair in pairs for name in pair.shown()))
    head = ["backends", "verdict", *columns, "largest", "final weights", "bound of the weights"]
    rows = [_pair_row(pair, columns) for pair in pairs]
    return _table("Every two backends", "Relative differences of the losses, and of the final weights.", head, [rows])


def _pair_row(pair: Pair, columns: Sequence[str]) -> Row:
    shown = pair.shown()
    where = "" if pair.step is None else f", step {pair.step:,}: {pair.quantity}"
    numbers = [summary_text.short(shown[name]) if name in shown else "–" for name in columns]
    numbers += [summary_text.short(value) for value in (float(np.max(pair.losses)), pair.weights, pair.weights_bound)]
    return [
        _head_cell(f"{pair.first} – {pair.second}"),
        _cell(f"{pair.verdict}{where}", _STYLES[pair.verdict]),
        *(_cell(text, "number") for text in numbers),
    ]


def digests(comparison: Comparison) -> str:
    """Return the table of digests, which must be equal bit for bit."""
    rows = [_digest_row(comparison, check) for check in comparison.judgement.digests]
    head = ["what", "how many", "equal", "where"]
    return _table("What every backend starts from", "All of this must be equal bit for bit.", head, [rows])


def _digest_row(comparison: Comparison, check: DigestCheck) -> Row:
    field = next((name for name, title in DIGESTS.items() if title == check.name), "")
    records = comparison.records
    missing = [record for record in records if field == "masks" and record.masks_missing is not None]
    count = max((len(getattr(record, field, ())) for record in records), default=0)
    where = "" if check.equal else summary_text.sides(comparison, check) or str(check.where)
    where += " ".join(f"Not recorded on {record.label}: {record.masks_missing}" for record in missing)
    compared = len(records) - len(missing) > 1
    equal, style = ("not compared", "") if not compared else ("equal", "yes") if check.equal else ("not equal", "no")
    return [
        _head_cell(check.name),
        _cell(count or "none", "number"),
        _cell(equal, f"number {style}".strip()),
        _cell(where, "wide"),
    ]


def runs(records: Sequence[Record]) -> str:
    """Return the table of the records' devices, times, last metrics and versions."""
    groups: dict[str, list[dict[str, Any]]] = {
        "run": [
            {
                "backend": record.backend,
                "device": record.device,
                "execution": record.execution,
                "recorded": record.made.replace("T", " ").replace("+00:00", " UTC"),
                "seconds of training": f"{record.seconds:.1f}",
                "loss, first step": f"{float(record.run.losses[0]):.9g}",
                "loss, last step": f"{float(record.run.losses[-1]):.9g}",
            }
            for record in records
        ],
        "last epoch": [
            {name: f"{value:.9g}" for name, value in (record.metrics[-1] if record.metrics else {}).items()}
            for record in records
        ],
        "versions": [record.versions for record in records],
    }
    rows: list[list[Row]] = []
    for group, values in groups.items():
        rows.append([[f'<th scope="rowgroup" class="group" colspan="{len(records) + 1}">{escape(group)}</th>']])
        for name in dict.fromkeys(name for part in values for name in part):
            rows[-1].append([_head_cell(name), *(_cell(part.get(name) or "–") for part in values)])
    head = ["", *(record.label for record in records)]
    return _table("Runs and versions", "The seconds include one compilation, but not the nudged run.", head, rows)


def settings(comparison: Comparison) -> str:
    """Return the settings of the job as a list."""
    job = comparison.records[0].job
    values = {
        "model": job.subject,
        "data": job.data or "the model's default",
        "rows": job.rows or "all",
        "dtype": job.dtype,
        "seed": job.seed,
        "epochs": job.epochs,
        "batch size": job.batch_size,
        "steps": len(comparison.judgement.nudged),
    }
    if job.dtype == "float64":
        values["float32 leaks of Keras"] = "corrected" if job.correct_leaks else "not corrected"
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>" for name, value in values.items()
    )
    return section("Settings", f"<dl>{items}</dl>")


def section(heading: str, content: str) -> str:
    """Return a section of HTML with a heading."""
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>"


def _table(heading: str, caption: str, head: Sequence[str], groups: Iterable[Sequence[Row]]) -> str:
    """Return a section with a table, which scrolls on its own if it is wider than the page."""
    name = heading.lower().replace(" ", "-")
    heads = "".join(f'<th scope="col">{escape(title)}</th>' if title else "<td></td>" for title in head)
    bodies = ("".join(f"<tr>{''.join(row)}</tr>\n" for row in rows) for rows in groups)
    body = "".join(f"<tbody>\n{rows}</tbody>" for rows in bodies)
    return (
        f'<section>\n<h2 id="{name}">{escape(heading)}</h2>\n<p>{escape(caption)}</p>\n'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}"><table aria-labelledby="{name}">\n'
        f"<thead><tr>{heads}</tr></thead>\n{body}</table></div>\n</section>"
    )


def _cell(content: Any, style: str = "") -> str:
    attribute = f' class="{style}"' if style else ""
    return f"<td{attribute}>{escape(str(content))}</td>"


def _head_cell(content: str) -> str:
    return f'<th scope="row">{escape(content)}</th>'
