"""`evaluation.png`: the confusion matrix, and the most confident mistakes."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.evaluation.classification_report import Mistake, Scores
from kerasbridge.runs import plotting
from kerasbridge.runs.contents import EVALUATION
from kerasbridge.runs.folder import locked_run
from kerasbridge.runtime.files import atomic_write

_ROWS, _COLUMNS = 3, 4  # of images with wrong predictions


def draw(folder: Path, scores: Scores, images: NDArray[Any], title: str) -> Path:
    """Draw the confusion matrix, and the most confident mistakes to the right of it.

    Args:
        folder: the folder to write `evaluation.png` to.
        scores: the model's predictions for the images.
        images: uint8, shape (images, 28, 28) or (images, 28, 28, 1).
        title: the model and the dataset.

    Returns:
        The path of the file.

    Raises:
        PackageNotInstalled: Matplotlib is missing.
    """
    figure = plotting.figure(11.5, 5.4, "A plot of the mistakes")
    left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=plotting.INK, parse_math=False)
    _draw_confusion(left.add_subplot(), scores.confusion)
    _draw_mistakes(right, scores.mistakes[: _ROWS * _COLUMNS], images)
    with locked_run(folder), atomic_write(folder / EVALUATION) as path:
        plotting.save(figure, path)
    return folder / EVALUATION


def _draw_confusion(axes: Any, confusion: NDArray[np.int64]) -> None:
    mistakes = np.where(np.eye(len(confusion), dtype=bool), 0, confusion)
    axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(1, int(mistakes.max())) * 1.4)
    for (label, predicted), count in np.ndenumerate(confusion):
        correct = label == predicted
        if correct or count:
            weight = "bold" if correct else "normal"
            axes.text(predicted, label, count, ha="center", va="center", fontsize=8.5, fontweight=weight)
    axes.set_xticks(range(len(confusion)))
    axes.set_yticks(range(len(confusion)))
    axes.tick_params(length=0, colors=plotting.SOFT, labelsize=9)
    axes.set_xlabel("taken for", fontsize=9, color=plotting.SOFT)
    axes.set_ylabel("digit", fontsize=9, color=plotting.SOFT)
    axes.spines[:].set_color(plotting.GRID)


def _draw_mistakes(panel: Any, mistakes: list[Mistake], images: NDArray[Any]) -> None:
    if not mistakes:
        panel.text(0.5, 0.5, "no mistakes", ha="center", color=plotting.SOFT)
        return
    for index, mistake in enumerate(mistakes, start=1):
        axes = panel.add_subplot(_ROWS, _COLUMNS, index)
        axes.imshow(images[mistake.index].reshape(images.shape[1:3]), cmap="gray_r", vmin=0, vmax=255)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color(plotting.GRID)
        axes.set_title(f"{mistake.label} taken for {mistake.predicted}", fontsize=8.5, color=plotting.INK, pad=4)
        axes.set_xlabel(f"image {mistake.index}, {mistake.probability:.0%}", fontsize=8, color=plotting.SOFT)
