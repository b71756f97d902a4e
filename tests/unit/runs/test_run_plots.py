"""Plots of a run show its data; without Matplotlib one line explains how to get them."""

import sys

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import PackageNotInstalled
from kerasbridge.evaluation import confusion_plot
from kerasbridge.evaluation.classification_report import Scores
from kerasbridge.runs import curves, plotting
from tests.unit.runs.test_runs import config, files, write_run

NAN = float("nan")
HISTORY = {
    "epoch": [1, 2, 3],
    "seconds": [1.0, 1.0, 1.0],
    "accuracy": [0.5, 0.75, NAN],
    "loss": [3.0, 2.0, 1.0],
    "val_loss": [NAN, 2.5, NAN],
    "learning_rate": [1e-3, 1e-3, 1e-4],
    "f_$1{": [0.0, 0.5, 1.0],
}


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draw and return the figure."""
    pytest.importorskip("matplotlib")
    saved = []
    save = plotting.save
    monkeypatch.setattr(plotting, "save", lambda figure, path: saved.append(figure) or save(figure, path))

    def draw(function, *arguments):
        function(*arguments)
        return saved[-1]

    return draw


def lines(axes):
    return {line.get_label(): [list(values) for values in line.get_data()] for line in axes.lines}


def is_png(path):
    return path.read_bytes().startswith(b"\x89PNG\r\n")


def test_there_is_a_panel_for_each_metric_the_loss_first_and_the_learning_rate_last(drawn, tmp_path):
    figure = drawn(curves.draw, tmp_path / "curves.png", HISTORY, {"accuracy": 0.625}, "숫자 on jax")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["loss", "accuracy", "f $1{", "learning rate"]
    assert lines(figure.axes[0]) == {"training": [[1, 2, 3], [3, 2, 1]], "validation": [[2], [2.5]]}
    assert lines(figure.axes[1]) == {"training": [[1, 2], [0.5, 0.75]], "test, 0.625": [[3], [0.625]]}
    assert is_png(tmp_path / "curves.png")


@pytest.mark.parametrize("epochs", [1, 2, 200])
def test_epochs_are_whole_numbers_on_the_axis(drawn, tmp_path, epochs):
    history = {"epoch": list(range(1, epochs + 1)), "loss": [1.0] * epochs}
    (axes,) = drawn(curves.draw, tmp_path / "curves.png", history, {}, "").axes
    ticks = [tick for tick in axes.get_xticks() if 1 <= tick <= epochs]
    assert ticks
    assert all(float(tick).is_integer() for tick in ticks)


def test_a_loss_that_was_never_finite_is_an_empty_panel(drawn, tmp_path):
    (axes,) = drawn(curves.draw, tmp_path / "curves.png", {"epoch": [1, 2], "loss": [NAN, NAN]}, {}, "").axes
    assert lines(axes) == {}


def test_the_evaluation_shows_the_confusion_and_the_worst_mistakes(drawn, tmp_path):
    predicted = np.array([0, 1, 3, 3])
    scores = Scores(np.array([0, 1, 2, 8]), np.eye(10)[predicted] * [[0.9], [0.9], [0.8], [0.7]])
    images = np.arange(4 * 28 * 28).reshape(4, 28, 28, 1).astype(np.uint8)
    confusion, *wrong = drawn(confusion_plot.draw, tmp_path, scores, images, "run on jax").axes
    assert sorted(text.get_text() for text in confusion.texts).count("1") == 4
    assert [axes.get_title() for axes in wrong] == ["2 taken for 3", "8 taken for 3"]
    assert [axes.get_xlabel() for axes in wrong] == ["image 2, 80%", "image 3, 70%"]
    np.testing.assert_array_equal(wrong[1].images[0].get_array(), images[3, :, :, 0])
    assert files(tmp_path) == ["evaluation.png"]


def test_an_evaluation_without_mistakes_is_drawn_too(drawn, tmp_path):
    scores = Scores(np.arange(10), np.eye(10))
    (confusion,) = drawn(confusion_plot.draw, tmp_path, scores, np.zeros((10, 28, 28), np.uint8), "").axes
    assert [text.get_text() for text in confusion.texts] == ["1"] * 10


def test_a_finished_run_has_curves_and_pyplot_is_not_touched(tmp_path):
    pytest.importorskip("matplotlib")
    write_run(tmp_path, epochs=2)
    assert is_png(tmp_path / "curves.png")
    assert "matplotlib.pyplot" not in sys.modules


def test_without_matplotlib_a_run_is_complete_and_prints_how_to_get_plots(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with kb.runs.create(tmp_path, config()) as run:
        run.add_epoch(1, 0.5, {"loss": 0.25})
        run.finish(lambda path: path.touch())
    assert files(tmp_path) == ["config.json", "history.csv", "history.jsonl", "model.keras"]
    assert run.without_curves.endswith('Type: pip install "kerasbridge[plots]"')
    with pytest.raises(PackageNotInstalled):
        confusion_plot.draw(tmp_path, Scores(np.arange(10), np.eye(10)), np.zeros((10, 28, 28), np.uint8), "")
