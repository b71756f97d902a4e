"""Matplotlib figures in the colours of the report, without the global state of pyplot."""

import warnings
from pathlib import Path
from typing import Any

from kerasbridge.errors import PackageNotInstalled
from kerasbridge.runs.palette import LIGHT

INK, SOFT, GRID, COLOURS = LIGHT.ink, LIGHT.soft, LIGHT.grid, LIGHT.curves


def figure(width: float, height: float, purpose: str) -> Any:
    """Return an empty figure of a size in inches.

    Args:
        purpose: the picture to draw, for the error.

    Raises:
        PackageNotInstalled: Matplotlib cannot be imported.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise PackageNotInstalled.needed(f"{purpose} needs", "matplotlib", "plots", missing) from missing
    return Figure((width, height), dpi=120, layout="constrained", facecolor="white")


def save(figure: Any, path: Path) -> None:
    """Write a figure, as SVG if the name ends so, else as PNG, without warnings about characters the font lacks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(path, format="svg" if path.suffix == ".svg" else "png")


def style_axes(axes: Any) -> None:
    """Apply the minimal axis style of the report."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelsize=9)
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
