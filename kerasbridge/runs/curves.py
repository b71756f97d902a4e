"""`curves.png`: loss and metrics by epoch."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasbridge.runs import plotting

VALIDATION = "val_"
_NO_METRICS = ("epoch", "seconds")
_COLUMNS = 3
_MAX_MARKED_EPOCHS = 30  # epochs; on longer curves the marks overlap


def draw(path: Path, history: Mapping[str, Sequence[float]], test: Mapping[str, float], title: str) -> None:
    """Draw a panel for the loss and for each metric, with training, validation and the score on the test data.

    Args:
        path: the PNG file to write.
        history: a number per epoch by name, including `epoch`; NaN for a missing number.
        test: loss and metrics on the test data, by name.
        title: the model, the backend and the device.

    Raises:
        PackageNotInstalled: Matplotlib is missing.
    """
    names = panels(history)
    columns = min(len(names), _COLUMNS)
    rows = math.ceil(len(names) / columns)
    figure = plotting.figure(1.2 + 4.2 * columns, 0.5 + 3.1 * rows, "A plot of the curves")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=plotting.INK, parse_math=False)
    for position, name in enumerate(names, start=1):
        _draw_panel(figure.add_subplot(rows, columns, position), name, history, test.get(name))
    plotting.save(figure, path)


def panels(history: Mapping[str, Sequence[float]]) -> list[str]:
    """Return the quantities to plot, each with its validation values: the loss, metrics, then the learning rate.

    >>> panels({"epoch": [1], "accuracy": [0.5], "loss": [1.0], "val_loss": [1.1]})
    ['loss', 'accuracy']
    """
    names = dict.fromkeys(name.removeprefix(VALIDATION) for name in history if name not in _NO_METRICS)
    return sorted(names, key=lambda name: (name != "loss", name == "learning_rate")) or ["loss"]


def _draw_panel(axes: Any, name: str, history: Mapping[str, Sequence[float]], test: float | None) -> None:
    epochs = history["epoch"]
    series = (("training", name), ("validation", VALIDATION + name))
    for colour, (label, column) in zip(plotting.COLOURS, series, strict=False):
        if column in history:
            _draw_line(axes, epochs, history[column], label, colour)
    if test is not None and math.isfinite(test):
        colour = plotting.COLOURS[2]
        axes.plot(epochs[-1:], [test], "D", color=colour, label=f"test, {test:.4g}", clip_on=False, zorder=3)
    plotting.style_axes(axes)
    axes.set_title(name.replace("_", " "), loc="left", fontsize=10, color=plotting.INK, parse_math=False)
    axes.set_xlabel("epoch", fontsize=9, color=plotting.SOFT)
    _use_integer_ticks(axes, epochs)
    if axes.lines:
        axes.legend(frameon=False, fontsize=9, labelcolor=plotting.INK)


def _draw_line(axes: Any, epochs: Sequence[float], values: Sequence[float], label: str, colour: str) -> None:
    points = [(epoch, value) for epoch, value in zip(epochs, values, strict=True) if math.isfinite(value)]
    if points:
        mark = "o" if len(points) <= _MAX_MARKED_EPOCHS else None
        axes.plot(*zip(*points, strict=True), marker=mark, markersize=4, color=colour, label=label, linewidth=1.7)


def _use_integer_ticks(axes: Any, epochs: Sequence[float]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlim(min(epochs) - 0.3, max(epochs) + 0.3)
