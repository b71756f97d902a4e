"""The report of `kb.compare`: one HTML page that needs nothing but itself, neither network nor script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasbridge._version import __version__
from kerasbridge.parity import verdict
from kerasbridge.parity.record import Numbers
from kerasbridge.parity.report import summary_text, tables
from kerasbridge.parity.report.charts import Chart, Line, draw
from kerasbridge.parity.verdict import DISAGREE, IDENTICAL, ROUNDED

if TYPE_CHECKING:  # which imports this file
    from kerasbridge.parity.compare import Comparison

_COLOURS = 6
_SIGNS = {IDENTICAL: "=", ROUNDED: "≈", DISAGREE: "≠"}
_NOTHING_LOADED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write(comparison: Comparison, path: Path) -> None:
    """Write the page of a comparison.

    Args:
        comparison: what `kb.compare` returned.
        path: the .html file; what is there is replaced.
    """
    path.write_text(page(comparison), encoding="utf-8")


def page(comparison: Comparison) -> str:
    """The whole page, the same for the same comparison.

    Args:
        comparison: what `kb.compare` returned.

    Returns:
        HTML5 that loads nothing and runs no script.
    """
    style = resources.files("kerasbridge.parity.report").joinpath("page.css").read_text(encoding="utf-8")
    subject = comparison.records[0].job.subject
    labels = summary_text.listed([record.label for record in comparison.records])
    title = f"{summary_text.headline(comparison)}: {subject} on {labels}"
    sections = [_verdict(comparison, labels), _charts(comparison), _how_to_read(comparison)]
    sections += [tables.pairs(comparison), tables.digests(comparison)]
    sections += [tables.runs(comparison.records), tables.settings(comparison)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_NOTHING_LOADED}">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n'
        f'<body>\n<main class="{escape(comparison.verdict)}">\n' + "\n".join(sections) + "\n"
        f"<footer>Written by kerasbridge {escape(__version__)}, kerasbridge compare.</footer>\n"
        "</main>\n</body>\n</html>\n"
    )


def _verdict(comparison: Comparison, labels: str) -> str:
    job = comparison.records[0].job
    return (
        f'<p class="subject"><code>{escape(job.subject)}</code> trained on {escape(labels)}</p>\n'
        f'<div class="verdict"><div class="sign" aria-hidden="true">{_SIGNS[comparison.verdict]}</div>\n'
        f"<div><h1>{escape(summary_text.headline(comparison))}</h1>\n<p>{escape(summary_text.meaning(comparison))}</p></div></div>\n"
        f'<p class="first"><strong>Where the first difference arises:</strong> '
        f"{escape(summary_text.first_difference(comparison))}</p>"
    )


def _charts(comparison: Comparison) -> str:
    records, judged = comparison.records, comparison.judgement
    losses = [Line(record.label, record.run.losses, _style(k) + " under") for k, record in enumerate(records)]
    norms = judged.nudged_norms
    loss_differences = [pair.losses for pair in judged.pairs]
    norm_differences = [pair.gradient_norms for pair in judged.pairs]
    first = Chart("loss", "Loss of every step", _told(losses, "from {first} to {last}"), losses)
    return "\n".join(
        [
            _figure("Loss", "Each backend's loss in every step. Where curves coincide, the wider show beneath.", first),
            _figure(
                "How far the losses differ",
                "Relative difference of each two backends, |a − b| / max(|a|, |b|). In the tinted area rounding no "
                "longer explains it.",
                _differences(
                    "loss-difference",
                    "Difference of the losses",
                    comparison,
                    loss_differences,
                    judged.nudged,
                    judged.loss_bound,
                ),
            ),
            _figure(
                "How far the gradient norms differ",
                "The same for the length of the gradient, which shows a fault in the backward pass a step earlier.",
                _differences(
                    "norm-difference",
                    "Difference of the gradient norms",
                    comparison,
                    norm_differences,
                    norms,
                    judged.norm_bound,
                ),
                "small",
            ),
        ]
    )


def _differences(
    name: str, title: str, comparison: Comparison, values: Sequence[Numbers], nudged: Numbers, bound: Numbers
) -> Chart:
    pairs = comparison.judgement.pairs
    lines = [
        Line(f"{pair.first} – {pair.second}", part, _style(k + len(comparison.records)))
        for k, (pair, part) in enumerate(zip(pairs, values, strict=True))
    ]
    beyond = [int(np.argmax(over)) + 1 for part in values if (over := part > bound[: len(part)]).any()]
    nudge = Line("nudged run, largest so far", nudged, "nudged")
    limit = Line("bound of what rounding explains", bound, "bound")
    words = _told([nudge, *lines], "largest {most}") + f" The bound ends at {summary_text.short(float(bound[-1]))}."
    mark = min(beyond, default=None)
    if mark:
        words += f" Step {mark} is the first beyond the bound."
    return Chart(name, title, words, [nudge, *lines], logarithmic=True, bound=limit, mark=mark)


def _figure(heading: str, words: str, chart: Chart, size: str = "") -> str:
    notes = []
    values = np.concatenate([np.asarray(line.values, "float64") for line in chart.lines])
    if chart.logarithmic and (values == 0).any():
        notes.append("Marks at the bottom, beside 0: steps in which there is no difference at all.")
    if not np.isfinite(values).all():
        notes.append("Marks at the top: steps whose number is not finite.")
    note = f'\n<p class="note">{" ".join(notes)}</p>' if notes else ""
    return (
        f'<section class="{size}" aria-labelledby="{chart.name}-heading">\n'
        f'<h2 id="{chart.name}-heading">{escape(heading)}</h2>\n<p>{escape(words)}</p>\n{draw(chart)}{note}\n</section>'
    )


def _told(lines: Iterable[Line], words: str) -> str:
    """The curves in words, for those who do not see them."""
    parts = []
    for line in lines:
        numbers = {"first": line.values[0], "last": line.values[-1], "most": np.max(line.values)}
        told = {name: f"{float(value):.4g}" for name, value in numbers.items()}
        parts.append(f"{line.label}: {words.format(**told)} in {len(line.values)} steps.")
    return " ".join(parts)


def _style(place: int) -> str:
    return f"c{place % _COLOURS}"


def _how_to_read(comparison: Comparison) -> str:
    unit = float(np.finfo(comparison.records[0].job.precision).eps)
    return tables.section(
        "How to read this",
        "<p>Rounding differs between backends in every step, and training may amplify it; so each backend ran twice, "
        "the second time <em>nudged</em>: every initial weight moved by one unit in its last place. "
        f"The <em>bound</em> of step t is {verdict.ROUNDING} √t units in the last place "
        f"({summary_text.short(verdict.ROUNDING * unit)} √t), or, after step 1, {verdict.MARGIN} times the largest "
        f"difference that any nudged run shows up to step 2 t + {verdict.HEAD_START}, if that is more. "
        "Below the bound the backends do the same training run; above it something computes a different number, and "
        "the first such step and quantity say where to look.</p>",
    )
