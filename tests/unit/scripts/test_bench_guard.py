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


def test_a_row_for_another_number_of_rows_is_left_alone():
    rows = [*ROWS, {**ROWS[1], "rows": 60_000, "epoch": 9.0}]
    assert GUARD["bounds_of"](rows, "mlp", "stock", "jax", 20_000) == {"epoch": 2.5}
    assert GUARD["bounds_of"](rows, "mlp", "stock", "jax", 60_000) == {"epoch": 9.0}
    ours = measured("kerasbridge", "jax", [1.0])
    assert list(GUARD["missed"](result(ours), rows[-1:], "wall")) == ["mlp: no bounds for 20000 rows"]


def test_bounds_follow_from_a_result_and_are_read_again(tmp_path):
    ours = measured("kerasbridge", "jax", [1.0, 1.0], predict=[1.0], **{"first epoch": [1.0]})
    stock = measured("stock", "jax", [2.0, 2.0], predict=[0.9], **{"first epoch": [1.1]})
    rows = list(GUARD["proposed"](result(ours, stock).as_dict()))
    (row,) = rows
    assert {name: row[name] for name in GUARD["KEYS"]} == {
        "workload": "mlp", "contender": "stock", "backend": "jax", "rows": 20_000,
    }  # fmt: skip
    assert (row["epoch"], row["first epoch"]) == (1.6, 0.88)
    assert row["predict"] == pytest.approx(0.855, abs=0.006)  # slower than stock Keras: it may lose a twentieth only
    (tmp_path / "bounds.toml").write_text(GUARD["as_toml"](rows))
    assert GUARD["read_bounds"](tmp_path / "bounds.toml") == rows


@pytest.mark.parametrize("row", GUARD["read_bounds"](), ids=lambda row: " ".join(map(str, map(row.get, GUARD["KEYS"]))))
def test_every_row_of_the_file_names_something(row):
    quantities = set(row) - set(GUARD["KEYS"])
    assert row["workload"] in WORKLOADS
    assert row["contender"] in CONTENDERS
    assert row.get("backend", "jax") in BACKENDS
    assert quantities
    assert quantities <= set(GUARD["QUANTITIES"])
    assert row.get("rows") in (None, WORKLOADS[row["workload"]].rows, 60_000)
