"""The cost of several workers: the model, and the tables of made-up points."""

import pytest

from kerasbridge.benchmark import scaling
from kerasbridge.benchmark.cost_model import Network, Training, cost, rows_that_pay
from kerasbridge.benchmark.scaling import Point
from kerasbridge.runtime import subprocesses
from kerasbridge.runtime.subprocesses import ChildResult

NETWORK = Network(1e-3, 1e9)
TRAINING = Training("a model", 250_000, 1e6, 100, 1000)  # a million bytes, a million operations a row


def test_a_ring_sends_each_byte_to_all_others():
    assert NETWORK.all_reduce(2, 1e6) == pytest.approx(2e-3 + 1e-3)
    assert NETWORK.all_reduce(4, 1e6) == pytest.approx(6e-3 + 1.5e-3)
    assert Network(1e-3, 1e9, in_ring=False).all_reduce(1024, 0) == pytest.approx(20e-3)


def test_a_network_is_found_from_the_times_of_its_sums():
    sizes = [(2, 1e5), (2, 1e6), (4, 1e7)]
    found = Network.fitted([(n, size, NETWORK.all_reduce(n, size)) for n, size in sizes])
    assert (found.latency, found.bandwidth) == pytest.approx((1e-3, 1e9))
    no_latency = Network.fitted([(2, 1e6, 1e-3), (2, 1e7, 11e-3)])
    assert no_latency.latency == 0
    assert no_latency.bandwidth == pytest.approx(1e9, rel=0.1)


def test_the_efficiency_grows_with_the_rows_up_to_what_was_asked_for():
    few = cost(TRAINING, NETWORK, 2, rows=1, speed=1e9)
    assert (few.compute, few.communicate) == pytest.approx((1e-3, 3e-3))
    assert few.efficiency == pytest.approx(0.25)
    assert cost(TRAINING, NETWORK, 1, 1, 1e9).efficiency == 1
    rows = rows_that_pay(TRAINING, NETWORK, 2, speed=1e9)
    assert cost(TRAINING, NETWORK, 2, rows, 1e9).efficiency == pytest.approx(0.8)


def test_the_table_compares_with_one_worker_and_with_the_model(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    points = [
        Point("jax", n, size, 0.01 + NETWORK.all_reduce(n, 1e6 * size) * (n > 1)) for n in (1, 2) for size in (1, 10)
    ]
    points.append(Point("jax", 4, 1, 0.03))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in scaling.as_text(points).splitlines()[2:]]
    assert rows[0] == ["jax", "1", "1", "10", "1.00", ""]
    assert rows[2] == ["jax", "2", "1", "13", "1.30", "13"]
    assert rows[4] == ["jax", "4", "1", "30", "3.00", "27.5"]  # two workers share a core
    assert rows[5][1:3] == ["fitted", "1000 µs, 1 GB/s"]


def test_the_computed_tables_have_every_model_and_network():
    text = scaling.computed()
    assert all(text.count(training.name) == len(scaling.NETWORKS) + 1 for training in scaling.TRAININGS)


def test_each_process_is_announced_to_the_others(monkeypatch):
    asked = []

    def run(_, *arguments, environment, timeout):
        asked.append(environment)
        return ChildResult(0, b"notice\n[0.5]", "")

    monkeypatch.setattr(subprocesses.ProcessGroup, "run", run)
    assert scaling.measured("torch", 2, [1.0], steps=1, rounds=1) == [Point("torch", 2, 1.0, 0.5)]
    assert sorted(each["RANK"] for each in asked) == ["0", "1"]
    assert {each["WORLD_SIZE"] for each in asked} == {"2"}
    assert len(set(asked[0]["KERASBRIDGE_PEERS"].split(","))) == 2


def test_the_process_that_failed_first_is_named(monkeypatch):
    answers = iter([ChildResult(2, b"", "no such model"), ChildResult(-9, b"", "")])
    monkeypatch.setattr(subprocesses.ProcessGroup, "run", lambda *_, **__: next(answers))
    with pytest.raises(SystemExit, match=r"^torch, 2 workers: no such model$"):
        scaling.measured("torch", 2, [1.0], steps=1, rounds=1)
