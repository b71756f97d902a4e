"""The arguments of `kb.bench` are checked before a process starts."""

import dataclasses

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.benchmark import bench as benchmark
from kerasbridge.benchmark.plan import make_plan
from kerasbridge.benchmark.settings import CONTENDERS
from kerasbridge.benchmark.workloads import WORKLOADS, load_data
from kerasbridge.errors import ArgumentError, BackendNotInstalled
from kerasbridge.runtime import backend

DEFAULTS = {
    "backends": None, "contenders": None, "batch_size": 32, "data": "", "rows": None, "rounds": None, "threads": None,
    "quick": False, "timeout": 60.0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def two_backends(monkeypatch):
    monkeypatch.setattr(backend, "_is_installed", lambda name: name != "tensorflow")


def plan(workload="mlp", x=None, y=None, **changes):
    return make_plan(workload, x, y, **DEFAULTS | changes)


def a_model():
    """A function that another process can import."""


def test_every_contender_of_the_installed_backends_is_measured():
    assert list(plan().pairs()) == [
        ("kerasbridge", "jax"), ("stock", "jax"), ("stock-in-steps", "jax"), ("by-hand", "jax"),
        ("kerasbridge", "torch"), ("stock", "torch"), ("by-hand", "torch"), ("by-hand-compiled", "torch"),
    ]  # fmt: skip


def test_kerasbridge_is_always_measured():
    assert list(plan(contenders=["stock"], backends=["torch"]).pairs()) == [
        ("kerasbridge", "torch"),
        ("stock", "torch"),
    ]


def test_a_model_of_the_users_is_compared_with_stock_keras():
    made = plan(a_model, np.zeros((4, 2)), np.zeros(4), batch_size=2)
    assert {name for name, _ in made.pairs()} == {"kerasbridge", "stock", "stock-in-steps"}
    assert made.source.script == f"{__file__}:a_model"
    assert made.workloads[0].name == "test_bench_plan.py:a_model"
    assert made.workloads[0].batch_size == 2
    assert set(made.arrays) == {"x", "y", "x_test", "y_test"}
    assert plan(f"{__file__}:a_model").source == made.source


def test_quick_and_rows_make_the_workload_smaller():
    assert plan(quick=True).workloads[0].rows == 3200
    assert plan(quick=True).effort.rounds < plan().effort.rounds == 5
    assert plan(rows=64).workloads[0].test_rows == 64
    assert [workload.name for workload in plan("all").workloads] == list(WORKLOADS)
    assert plan(["cnn", "lstm"], rounds=2).effort.rounds == 2


def test_a_file_of_digits_is_used_whole(tmp_path):
    path = tmp_path / "digits.npz"
    path.touch()
    made = plan(["mlp", "lstm"], data=path)
    assert [workload.rows for workload in made.workloads] == [0, WORKLOADS["lstm"].rows]
    assert made.digits == str(path)
    assert plan(data=path, rows=100).workloads[0].rows == 100


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workload": "vgg"}, "Expected a workload of mlp, mlp-128, .*received 'vgg'"),
        ({"workload": []}, "Expected at least one workload"),
        ({"workload": "missing.py:build"}, "missing.py is not a file"),
        ({"workload": "train.py"}, "Expected a script and a function in it"),
        ({"workload": lambda: 1}, "Expected a function defined with def at the top level"),
        ({"x": np.zeros(3)}, "Expected x and y with a model of yours only"),
        ({"workload": a_model, "x": [np.zeros(3), "a"]}, "Expected x and y to be arrays"),
        ({"contenders": ["by-foot"]}, "Expected contenders of kerasbridge, stock, .*'by-foot'"),
        ({"rounds": 0}, "Expected rounds to be at least 1, received 0"),
        ({"threads": 1.5}, "Expected threads to be at least 1, received 1.5"),
        ({"rows": -1}, "Expected rows to be at least 1"),
        ({"batch_size": 0}, "Expected batch_size to be at least 1"),
        ({"data": "missing.npz"}, "Expected data to be an .npz file of digits, received 'missing.npz'"),
        ({"timeout": 0}, "timeout"),
    ],
)
def test_wrong_arguments_are_refused(changes, message):
    with pytest.raises(ArgumentError, match=message):
        plan(**changes)


def test_a_backend_that_is_not_installed_is_refused():
    with pytest.raises(BackendNotInstalled, match="tensorflow is not installed"):
        kb.bench(backends=["tensorflow"])


def test_the_empty_result_names_machine_and_versions():
    result = benchmark.empty_result(plan())
    assert {"kerasbridge", "keras", "Python", "jax", "torch"} <= set(result.machine)
    assert result.workloads == []


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_the_data_of_a_workload_fits_its_sizes(workload):
    data = load_data(dataclasses.replace(workload, rows=4100, test_rows=30))
    assert (len(data.x), len(data.x_test)) == (4100, 30)
    assert (data.y is None) == (workload.model == "autoencoder")
    assert data.x.dtype == "float32"
    if data.y is not None:
        assert set(np.unique(data.y)) == set(range(10))


def test_every_contender_names_an_existing_file():
    folder = benchmark.Path(benchmark.__file__).parent / "contenders"
    places = {place.partition(":")[0] for contender in CONTENDERS.values() for place in contender.module.values()}
    assert {f"{place}.py" for place in places} <= {path.name for path in folder.iterdir()}
