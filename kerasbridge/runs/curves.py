"""`curves.png`: how loss and metrics went from epoch to epoch."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasbridge.runs import plotting

VALIDATION = "val_"
_NO_METRICS = ("epoch", "seconds")
_COLUMNS = 3
_MARKED_UP_TO = 30  # epochs; on longer curves marks run into each other


def draw(path: Path, history: Mapping[str, Sequence[float]], test: Mapping[str, float], title: str) -> None:
    """Draw a panel for the loss and for each metric, with training, validation and the score on the test data.

    Args:
        path: the PNG file to write.
        history: by name, a number per epoch, `epoch` among them; NaN where there is none.
        test: numbers on the test data, by name.
        title: what was trained where.

    Raises:
        PackageNotInstalled: Matplotlib is missing.
    """
    names = panels(history)
    columns = min(len(names), _COLUMNS)
    rows = math.ceil(len(names) / columns)
    drawn = plotting.figure(1.2 + 4.2 * columns, 0.5 + 3.1 * rows, "A picture of the curves")
    drawn.suptitle(title, x=0.01, ha="left", fontsize=11, color=plotting.INK, parse_math=False)
    for place, name in enumerate(names, start=1):
        _panel(drawn.add_subplot(rows, columns, place), name, history, test.get(name))
    plotting.save(drawn, path)


def panels(history: Mapping[str, Sequence[float]]) -> list[str]:
    """What there is to draw, without the names of validation: the loss, then metrics, then the learning rate.

    >>> panels({"epoch": [1], "accuracy": [0.5], "loss": [1.0], "val_loss": [1.1]})
    ['loss', 'accuracy']
    """
    names = dict.fromkeys(name.removeprefix(VALIDATION) for name in history if name not in _NO_METRICS)
    return sorted(names, key=lambda name: (name != "loss", name == "learning_rate")) or ["loss"]


def _panel(axes: Any, name: str, history: Mapping[str, Sequence[float]], test: float | None) -> None:
    epochs = history["epoch"]
    series = (("training", name), ("validation", VALIDATION + name))
    for colour, (label, column) in zip(plotting.COLOURS, series, strict=False):
        if column in history:
            _line(axes, epochs, history[column], label, colour)
    if test is not None and math.isfinite(test):
        colour = plotting.COLOURS[2]
        axes.plot(epochs[-1:], [test], "D", color=colour, label=f"test, {test:.4g}", clip_on=False, zorder=3)
    plotting.style_axes(axes)
    axes.set_title(name.replace("_", " "), loc="left", fontsize=10, color=plotting.INK, parse_math=False)
    axes.set_xlabel("epoch", fontsize=9, color=plotting.SOFT)
    _whole_epochs(axes, epochs)
    if axes.lines:
        axes.legend(frameon=False, fontsize=9, labelcolor=plotting.INK)


def _line(axes: Any, epochs: Sequence[float], values: Sequence[float], label: str, colour: str) -> None:
    known = [(epoch, value) for epoch, value in zip(epochs, values, strict=True) if math.isfinite(value)]
    if known:
        mark = "o" if len(known) <= _MARKED_UP_TO else None
        axes.plot(*zip(*known, strict=True), marker=mark, markersize=4, color=colour, label=label, linewidth=1.7)


def _whole_epochs(axes: Any, epochs: Sequence[float]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlim(min(epochs) - 0.3, max(epochs) + 0.3)
