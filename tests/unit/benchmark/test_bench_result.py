"""Medians, quartiles and ratios of a benchmark, its table, its JSON and its picture, of made-up samples."""

import json
from pathlib import Path

import pytest

from kerasbridge.benchmark import picture
from kerasbridge.benchmark.result import BenchResult, Measured, Spread, WorkloadResult
from kerasbridge.benchmark.timing import Lap
from kerasbridge.errors import ArgumentError

MACHINE = {"a processor": "2 cores", "on": "Linux", "keras": "3.15.1"}


def measured(name, backend, seconds, loss=0.5, **more):
    """Return a contender with these seconds per epoch, and half of them as processor time."""
    one = Measured(name, backend)
    quantities = {"epoch": seconds, **more}
    one.add({"laps": {quantity: [(value, value / 2) for value in values] for quantity, values in quantities.items()}})
    one.add({"laps": {}, "loss": loss, "peak_bytes": 5_000_000})
    return one


def result(*contenders):
    workload = WorkloadResult("mlp", 20_000, 32, list(contenders))
    return BenchResult(MACHINE, {"rounds": 3}, "2026-11-30T12:00:00+00:00", [0.5, 1.0], [workload])


@pytest.mark.parametrize(
    ("samples", "expected"),
    [([], None), ([2.0], Spread(2.0, 2.0, 2.0)), ([4.0, 1.0, 3.0, 2.0, 5.0], Spread(3.0, 2.0, 4.0))],
)
def test_a_spread_is_the_median_and_the_quartiles(samples, expected):
    assert Spread.of(samples) == expected


def test_ratios_are_those_of_a_round():
    ours, stock = measured("kerasbridge", "jax", [1.0, 10.0, 2.0]), measured("stock", "jax", [3.0, 30.0, 6.0])
    workload = result(ours, stock).workloads[0]
    assert workload.ratio(stock, "epoch") == Spread(3.0, 3.0, 3.0)
    assert workload.ratio(ours, "epoch") == Spread(1.0, 1.0, 1.0)
    assert workload.ratio(stock, "predict") is None


def test_an_interrupted_round_is_left_out():
    ours, stock = measured("kerasbridge", "jax", [1.0, 2.0]), measured("stock", "jax", [4.0])
    assert result(ours, stock).workloads[0].ratio(stock, "epoch") == Spread(4.0, 4.0, 4.0)


def test_another_loss_is_not_compared_and_is_named():
    ours, stock = measured("kerasbridge", "jax", [1.0], loss=0.3), measured("stock", "jax", [3.0], loss=2.3)
    one = result(ours, stock)
    assert one.workloads[0].ratio(stock, "epoch") is None
    assert "stock on jax: not compared, its loss of 2.3 differs from the 0.3 of kerasbridge" in str(one)
    assert not one.failed
    nan = measured("stock", "jax", [3.0], loss=float("nan"))
    assert result(ours, nan).workloads[0].ratio(nan, "epoch") is None


def test_kerasbridge_on_another_backend_is_no_reference():
    ours, stock = measured("kerasbridge", "torch", [1.0]), measured("stock", "jax", [3.0])
    assert result(ours, stock).workloads[0].ratio(stock, "epoch") is None


def test_the_table_has_a_row_for_each_contender_and_the_origin():
    ours = measured("kerasbridge", "jax", [0.1, 0.2, 0.3], predict=[0.02], **{"from shell": [4.0]})
    stock = measured("stock", "jax", [0.4, 0.8, 1.2], predict=[0.01], **{"from shell": [8.0]})
    torch = measured("kerasbridge", "torch", [0.3, 0.5, 0.7])
    failed = Measured("by-hand", "torch", failure="the process ended with code 7")
    text = str(result(ours, stock, torch, failed))
    lines = text.splitlines()
    assert lines[0] == "mlp: batch 32, 20,000 rows"
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert cells[2][:5] == ["jax", "kerasbridge", "0.2 (0.15-0.25)", "1", ""]
    assert cells[3][:7] == ["jax", "stock", "0.8 (0.6-1)", "4.00 (4.00-4.00)", "", "", "0.01 ×0.50"]
    assert cells[5][:3] == ["torch", "by-hand", ""]
    assert len({len(line) for line in lines if line.startswith("|")}) == 1, "the columns are aligned"
    assert "kerasbridge is fastest on jax; torch takes 2.50 times as long." in lines
    assert "by-hand on torch: the process ended with code 7" in lines
    assert "from the shell to a saved model, s: kerasbridge on jax 4, stock on jax 8 ×2.00" in lines
    assert lines[-1] == "a processor 2 cores, on Linux, keras 3.15.1, 2026-11-30, load 0.5 to 1.0."


def test_the_table_by_the_other_clock():
    one = result(measured("kerasbridge", "jax", [0.1]))
    one.clock = "cpu"
    assert "processor seconds" in str(one)
    assert "| 0.05 (0.05-0.05) |" in str(one)


def test_a_result_without_samples_is_shown_too():
    text = str(result(Measured("kerasbridge", "jax")))
    assert text.startswith("mlp: batch 32")


def test_json_has_all_samples_by_both_clocks():
    ours, stock = measured("kerasbridge", "jax", [1.0, 2.0]), measured("stock", "jax", [2.0, 4.0])
    written = json.loads(json.dumps(result(ours, stock, Measured("by-hand", "jax", failure="gone")).as_dict()))
    theirs = written["workloads"][0]["contenders"][1]
    assert theirs["quantities"]["epoch"]["wall"]["samples"] == [2.0, 4.0]
    assert theirs["quantities"]["epoch"]["cpu"]["seconds"] == [1.25, 1.5, 1.75]
    assert theirs["quantities"]["epoch"]["wall"]["compared_with_kerasbridge"] == [2.0, 2.0, 2.0]
    assert written["workloads"][0]["contenders"][2]["failure"] == "gone"
    assert written["machine"] == MACHINE


def test_later_answers_add_laps_and_keep_the_loss():
    one = measured("stock", "jax", [1.0])
    one.add({"laps": {"epoch": [(2.0, 1.5)]}, "peak_bytes": 6_000_000})
    assert one.laps["epoch"] == [Lap(1.0, 0.5), Lap(2.0, 1.5)]
    assert (one.loss, one.peak_bytes) == (0.5, 6_000_000)


@pytest.mark.parametrize("name", ["bench.svg", "bench.png"])
def test_the_picture_has_a_bar_for_each_contender(tmp_path, name):
    pytest.importorskip("matplotlib")
    path = tmp_path / name
    picture.check_path(path)
    one = result(
        measured("kerasbridge", "jax", [1.0, 2.0]), measured("stock", "jax", [3.0]), Measured("by-hand", "jax")
    )
    picture.draw(path, one)
    assert path.stat().st_size > 1000
    picture.draw(path, result(Measured("kerasbridge", "jax")))


@pytest.mark.parametrize("name", ["bench.pdf", "missing/bench.svg"])
def test_a_picture_that_cannot_be_written_is_refused(tmp_path, name):
    with pytest.raises(ArgumentError, match=r"^Expected a file in an existing folder that ends in .svg or .png"):
        picture.check_path(tmp_path / Path(name))
