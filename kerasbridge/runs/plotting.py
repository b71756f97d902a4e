"""Pictures with Matplotlib, without its global state: figures by themselves, in the colours of the report."""

import warnings
from pathlib import Path
from typing import Any

from kerasbridge.errors import PackageNotInstalled

INK, SOFT, GRID = "#1d2329", "#5a646e", "#eaecee"
COLOURS = ("#0b63b0", "#c4500c", "#00805e")


def figure(width: float, height: float, picture: str) -> Any:
    """An empty figure, so many inches wide and high.

    Args:
        picture: what is to be drawn, for the error.

    Raises:
        PackageNotInstalled: Matplotlib does not import; the error says what to type.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise PackageNotInstalled.needed(f"{picture} needs", "matplotlib", "plots", missing) from missing
    return Figure((width, height), dpi=120, layout="constrained", facecolor="white")


def save(drawn: Any, path: Path) -> None:
    """Write a figure as PNG, also where the font lacks a letter of a name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        drawn.savefig(path, format="png")


def style_axes(axes: Any) -> None:
    """Two thin lines, a light grid, and words that do not shout."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelsize=9)
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
