"""The guard of the benchmark finds a ratio below its bound, and a comparison that is missing."""

import runpy

import pytest

from kerasbridge.benchmark.result import Measured
from kerasbridge.benchmark.settings import CONTENDERS
from kerasbridge.benchmark.workloads import WORKLOADS
from kerasbridge.runtime.backend import BACKENDS
from tests.paths import ROOT
from tests.unit.benchmark.test_bench_result import measured, result

GUARD = runpy.run_path(ROOT / "scripts" / "bench_guard.py", run_name="bench_guard")
ROWS = [
    {"workload": "mlp", "contender": "stock", "epoch": 1.0, "predict": 1.0},
    {"workload": "mlp", "contender": "stock", "backend": "jax", "epoch": 2.5},
]


def lines(*contenders, clock="wall"):
    return list(GUARD["missed"](result(*contenders), ROWS, clock))


def test_a_ratio_below_its_bound_is_named():
    ours = measured("kerasbridge", "jax", [1.0, 1.0, 1.0])
    assert lines(ours, measured("stock", "jax", [3.0, 3.0, 2.0])) == []
    assert lines(ours, measured("stock", "jax", [2.0, 2.0, 2.2])) == [
        "mlp, stock on jax, epoch: expected at least 2.5, received 2.00 (to 2.10)"
    ]


def test_a_comparison_that_is_missing_is_named():
    ours = measured("kerasbridge", "torch", [1.0], predict=[1.0])
    failed = Measured("stock", "torch", failure="the process ended with code 7")
    assert lines(ours, failed) == [
        f"mlp, stock on torch, {name}: expected at least 1, not compared. the process ended with code 7"
        for name in ("epoch", "predict")
    ]
    other_loss = measured("stock", "torch", [1.0], loss=9.0, predict=[1.0])
    assert len(lines(ours, other_loss)) == 2


def test_contenders_without_bounds_are_left_alone():
    assert lines(measured("kerasbridge", "jax", [1.0]), measured("by-hand", "jax", [0.1])) == []


@pytest.mark.parametrize("row", GUARD["read_bounds"](), ids=lambda row: f"{row['workload']}-{row.get('backend')}")
def test_every_row_of_the_file_names_something(row):
    quantities = set(row) - {"workload", "contender", "backend"}
    assert row["workload"] in WORKLOADS
    assert row["contender"] in CONTENDERS
    assert row.get("backend", "jax") in BACKENDS
    assert quantities
    assert quantities <= {"first epoch", "first fit", "epoch", "evaluate", "predict", "from shell"}
