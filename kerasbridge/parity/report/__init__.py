"""The report of `kb.compare`: a single HTML page that needs neither network nor scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasbridge._version import __version__
from kerasbridge.errors import ArgumentError
from kerasbridge.parity import verdict
from kerasbridge.parity.record import Numbers
from kerasbridge.parity.report import summary_text, tables
from kerasbridge.parity.report.charts import Chart, Line, draw
from kerasbridge.parity.verdict import DISAGREE, IDENTICAL, ROUNDED
from kerasbridge.runs import palette
from kerasbridge.runtime.files import atomic_write, check_output

if TYPE_CHECKING:  # compare.py imports this package
    from kerasbridge.parity.compare import Comparison

_SIGNS = {IDENTICAL: "=", ROUNDED: "≈", DISAGREE: "≠"}
_FOOTER = "<footer>Written by kerasbridge"
_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write(comparison: Comparison, path: Path) -> None:
    """Write the page of a comparison.

    Args:
        comparison: the result of `kb.compare`.
        path: the .html file; an existing file is replaced.
    """
    with atomic_write(path) as part:
        part.write_text(page(comparison), encoding="utf-8", errors="backslashreplace")


def check_replaceable(path: Path) -> None:
    """Refuse a path that the page cannot be written to: what is there may only be an earlier report.

    Raises:
        ArgumentError: the folder does not exist, or something else is at the path.
    """
    check_output(path, overwrite=True, expected="--report to be a file")
    if path.exists() and _FOOTER.encode() not in _last_bytes(path):
        raise ArgumentError(f"{path} is not a report of kerasbridge, so it is not replaced: choose another --report.")


def _last_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1000))
        return file.read()


def page(comparison: Comparison) -> str:
    """Return the page of a comparison, which depends on nothing but the comparison.

    Args:
        comparison: the result of `kb.compare`.

    Returns:
        HTML5 that loads nothing and runs no scripts.
    """
    subject = comparison.records[0].job.subject
    labels = summary_text.enumerate_words([record.label for record in comparison.records])
    title = f"{summary_text.headline(comparison)}: {subject} on {labels}"
    sections = [_summary(comparison, labels), *_charts(comparison), _how_to_read(comparison)]
    sections += [tables.pairs(comparison), tables.digests(comparison)]
    sections += [tables.runs(comparison.records), tables.settings(comparison)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_SECURITY_POLICY}">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>\n{_css()}</style>\n</head>\n'
        f'<body>\n<main class="{escape(comparison.verdict)}">\n' + "\n".join(sections) + "\n"
        f"{_FOOTER} {escape(__version__)}, kerasbridge compare.</footer>\n"
        "</main>\n</body>\n</html>\n"
    )


def _css() -> str:
    rules = resources.files("kerasbridge.parity.report").joinpath("page.css").read_text(encoding="utf-8")
    return palette.css() + rules


def _summary(comparison: Comparison, labels: str) -> str:
    job = comparison.records[0].job
    return (
        f'<p class="subject"><code>{escape(job.subject)}</code> trained on {escape(labels)}</p>\n'
        f'<div class="verdict"><div class="sign" aria-hidden="true">{_SIGNS[comparison.verdict]}</div>\n'
        f"<div><h1>{escape(summary_text.headline(comparison))}</h1>\n"
        f"<p>{escape(summary_text.meaning(comparison))}</p></div></div>\n"
        f'<p class="first"><strong>Where the first difference arises:</strong> '
        f"{escape(summary_text.first_difference(comparison))}</p>"
    )


def _charts(comparison: Comparison) -> list[str]:
    records, judgement = comparison.records, comparison.judgement
    lines = [Line(record.label, record.run.losses, _style(k) + " under") for k, record in enumerate(records)]
    losses = Chart("loss", "Loss of every step", _describe(lines, "from {first} to {last}"), lines)
    loss_differences = _difference_chart(
        "loss-difference",
        "Difference of the losses",
        comparison,
        [pair.losses for pair in judgement.pairs],
        judgement.nudged,
        judgement.loss_bound,
    )
    norm_differences = _difference_chart(
        "norm-difference",
        "Difference of the gradient norms",
        comparison,
        [pair.gradient_norms for pair in judgement.pairs],
        judgement.nudged_norms,
        judgement.norm_bound,
    )
    return [
        _figure("Loss", "The loss of each backend in every step. Where curves coincide, the wider is below.", losses),
        _figure(
            "How far the losses differ",
            "Relative difference of each pair of backends, |a − b| / max(|a|, |b|). In the tinted area it is larger "
            "than rounding explains.",
            loss_differences,
        ),
        _figure(
            "How far the gradient norms differ",
            "The same for the norm of the gradient, in which a fault of the backward pass shows a step earlier.",
            norm_differences,
            "small",
        ),
    ]


def _difference_chart(
    name: str, title: str, comparison: Comparison, differences: Sequence[Numbers], nudged: Numbers, bound: Numbers
) -> Chart:
    lines = [
        Line(f"{pair.first} – {pair.second}", values, _style(k + len(comparison.records)))
        for k, (pair, values) in enumerate(zip(comparison.judgement.pairs, differences, strict=True))
    ]
    lines = [Line("nudged run, largest so far", nudged, "nudged"), *lines]
    description = f"{_describe(lines, 'largest {max}')} The bound ends at {summary_text.short(float(bound[-1]))}."
    exceeded = [int(np.argmax(over)) + 1 for part in differences if (over := part > bound[: len(part)]).any()]
    first = min(exceeded, default=None)
    if first:
        description += f" Step {first} is the first beyond the bound."
    limit = Line("bound of what rounding explains", bound, "bound")
    return Chart(name, title, description, lines, logarithmic=True, bound=limit, mark=first)


def _figure(heading: str, caption: str, chart: Chart, size: str = "") -> str:
    notes = []
    values = np.concatenate([line.floats for line in chart.lines])
    if chart.logarithmic and (values == 0).any():
        notes.append("Marks at the bottom, next to 0: steps without any difference.")
    if not np.isfinite(values).all():
        notes.append("Marks at the top: steps whose number is not finite.")
    note = f'\n<p class="note">{" ".join(notes)}</p>' if notes else ""
    return (
        f'<section class="{size}" aria-labelledby="{chart.name}-heading">\n'
        f'<h2 id="{chart.name}-heading">{escape(heading)}</h2>\n<p>{escape(caption)}</p>\n{draw(chart)}{note}\n'
        "</section>"
    )


def _describe(lines: Iterable[Line], template: str) -> str:
    """Return a description of the curves for screen readers."""
    sentences = []
    for line in lines:
        numbers = {"first": line.values[0], "last": line.values[-1], "max": np.max(line.values)}
        shown = {name: f"{float(value):.4g}" for name, value in numbers.items()}
        sentences.append(f"{line.label}: {template.format(**shown)} in {len(line.values)} steps.")
    return " ".join(sentences)


def _style(index: int) -> str:
    return f"c{index % len(palette.LIGHT.curves)}"


def _how_to_read(comparison: Comparison) -> str:
    unit = float(np.finfo(comparison.records[0].job.precision).eps)
    return tables.section(
        "How to read this",
        "<p>Rounding differs between backends in every step, and training may amplify it; so each backend ran twice, "
        "the second time <em>nudged</em>: every initial weight moved by one unit in its last place. "
        f"The <em>bound</em> of step t is {verdict.ROUNDING} √t units in the last place "
        f"({summary_text.short(verdict.ROUNDING * unit)} √t), or, after step 1, {verdict.MARGIN} times the largest "
        f"difference of any nudged run up to step 2 t + {verdict.HEAD_START}, if that is more. "
        f"One gradient norm after step 1 may exceed it up to {verdict.KINK} times if no loss and no final weight does: "
        "a ReLU or a maximum that the last digit decides. Below the bound the backends do the same training run; above "
        "it something computes a different number, and "
        "the first such step and quantity show where to look.</p>",
    )
