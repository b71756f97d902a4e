"""Make docs/images/advantage.png: the time of an epoch with model.fit and kb.fit, and the losses of three backends.

    kerasbridge bench --contender stock --json bench.json
    python scripts/make_advantage_picture.py bench.json [PICTURE.png]

Trains on every installed backend for the losses. Needs the extra `plots`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import kerasbridge as kb
from kerasbridge.runs import plotting

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "advantage.png"
NAMES = {"jax": "JAX", "tensorflow": "TensorFlow", "torch": "PyTorch"}
WIDTHS = (6.0, 3.0, 1.0)
"""Of the three lines: all of them are visible although they coincide."""


def main() -> None:
    """Draw both halves and save the picture."""
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    workload = json.loads(Path(sys.argv[1]).read_text("utf-8"))["workloads"][0]
    figure = plotting.figure(9.5, 3.3, "The picture")
    left, right = figure.subplots(1, 2)
    draw_times(left, workload)
    draw_losses(right, kb.compare().records)
    plotting.save(figure, Path(sys.argv[2]) if len(sys.argv) > 2 else PICTURE)


def draw_times(axes: Any, workload: dict[str, Any]) -> None:
    """Draw two bars for each backend, and how many times as fast the shorter one is."""
    epochs = {(one["backend"], one["contender"]): one["quantities"]["epoch"]["wall"] for one in workload["contenders"]}
    names = [name for name in NAMES if (name, "stock") in epochs]
    for place, name in enumerate(names):
        (_, ours, _), (_, stock, _) = (epochs[name, who]["seconds"] for who in ("kerasbridge", "stock"))
        ratio = epochs[name, "stock"]["compared_with_kerasbridge"][1]
        axes.barh(place - 0.2, stock, 0.36, color="#b9bec5", label="model.fit" if not place else None)
        axes.barh(place + 0.2, ours, 0.36, color=plotting.COLOURS[0], label="kb.fit" if not place else None)
        axes.text(ours, place + 0.2, f"  {ratio:.1f} times as fast", va="center", fontsize=9, color=plotting.INK)
    finish(axes, f"Seconds per epoch, MLP, batch {workload['batch_size']}, {workload['rows']:,} digits")
    axes.set_yticks(range(len(names)), [NAMES[name] for name in names], fontsize=10)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")


def draw_losses(axes: Any, records: Any) -> None:
    """Draw the loss of every step on each backend, and the largest difference between two."""
    losses = [np.asarray(record.run.losses) for record in records]
    for record, values, width, colour in zip(records, losses, WIDTHS, plotting.COLOURS, strict=False):
        axes.plot(np.arange(1, len(values) + 1), values, color=colour, lw=width, label=NAMES[record.backend])
    largest = max(np.max(np.abs(one / other - 1)) for one in losses for other in losses)
    finish(axes, f"Loss per step with seed=0: largest difference {largest:.0e}")


def finish(axes: Any, title: str) -> None:
    """Apply the style and the legend."""
    plotting.style_axes(axes)
    axes.set_title(title, loc="left", fontsize=10, color=plotting.INK)
    axes.legend(frameon=False, fontsize=9)


if __name__ == "__main__":
    main()
