"""The order of a benchmark, failures and interruptions, with processes that answer at once."""

import pytest

from kerasbridge.benchmark import bench as benchmark
from kerasbridge.benchmark import worker
from kerasbridge.benchmark.workloads import Workload
from kerasbridge.errors import ArgumentError
from kerasbridge.runtime.conversation import ChildEnded
from kerasbridge.runtime.subprocesses import ChildResult
from kerasbridge.subjects.source import Source
from tests.unit.benchmark.test_bench_plan import plan, two_backends  # noqa: F401

LAPS = {
    "start": {"import": [(1.0, 1.0)]},
    "first": {"first epoch": [(2.0, 2.0)]},
    "round": {"epoch": [(0.5, 0.5)]},
    "reach": {"to accuracy": [(9.0, 9.0)]},
}
TWO = {"backends": ["torch"], "contenders": ["stock"]}


class Children:
    """All processes that were started; `fail` contains "name of the process: request" with how the process ends."""

    def __init__(self):
        self.asked, self.open, self.fail = [], 0, {}

    def __call__(self, module, path, *, environment):
        name = path.stem
        children = self

        class Child:
            def __enter__(self):
                children.open += 1
                return self

            def __exit__(self, *_):
                children.open -= 1

            def ask(self, request, timeout):
                asked = f"{name}: {request['do']}"
                children.asked.append(asked)
                if asked in children.fail:
                    raise ChildEnded(children.fail[asked])
                if request["do"] == "prepare":
                    return {"rows": 64, "batch_size": 32}
                return {"laps": LAPS[request["do"]], "loss": 0.5, "peak_bytes": 10}

        return Child()


@pytest.fixture
def children(monkeypatch):
    children = Children()
    monkeypatch.setattr(benchmark, "Conversation", children)
    yield children
    assert children.open == 0


def measured(made, *report):
    result = benchmark.empty_result(made)
    benchmark.measure(made, result, *report)
    return result


def test_contenders_take_turns(children):
    result = measured(plan(**TWO, quick=True, rounds=3))
    ours, stock = "kerasbridge-torch", "stock-torch"
    assert children.asked == [
        f"{ours}: prepare",
        *(f"{one}: {request}" for one in (ours, stock) for request in ("start", "first")),
        *[f"{ours}: round", f"{stock}: round"] * 3,
    ]
    assert [len(one.laps["epoch"]) for one in result.workloads[0].contenders] == [3, 3]
    assert (result.workloads[0].rows, len(result.load)) == (64, 2)


def test_the_start_is_measured_in_several_processes(children):
    result = measured(plan(["cnn"], **TWO))
    assert [len(one.laps["import"]) for one in result.workloads[0].contenders] == [3, 3]


def test_the_time_to_an_accuracy_needs_digits(children, tmp_path):
    path = tmp_path / "digits.npz"
    path.touch()
    result = measured(plan(**TWO, quick=True, data=path))
    assert "training until 97.5%, s: kerasbridge on torch 9, stock on torch 9 ×1.00" in str(result)
    result.workloads[0].contenders[0].laps["to accuracy"] = []
    assert "97.5%, s: kerasbridge on torch not within 12 epochs, stock on torch 9\n" in str(result)


def test_each_measurement_is_reported_before_and_after_it(children):
    before, after = [], []
    children.fail["stock-torch: round"] = ChildResult(7, b"", "out of luck")
    measured(plan(**TWO, quick=True, rounds=1), before.append, after.append)
    ours, stock = "mlp: kerasbridge on torch", "mlp: stock on torch"
    titles = [f"{one}, {title} of 1" for title in ("start 1", "round 1") for one in (ours, stock)]
    assert before == ["mlp: preparing the data", *titles]
    assert after == [
        *(f"{title}: done in 0.0 s" for title in titles[:-1]),
        f"{titles[-1]}: failed in 0.0 s",
    ]


@pytest.mark.parametrize("request_name", ["start", "first", "round"])
def test_a_contender_that_fails_is_asked_nothing_more(children, request_name):
    children.fail[f"stock-torch: {request_name}"] = ChildResult(7, b"", "out of luck")
    result = measured(plan(**TWO, quick=True))
    assert children.asked.count(f"stock-torch: {request_name}") == 1
    assert result.failed
    ours, stock = result.workloads[0].contenders
    assert stock.failure == "the process ended with code 7:\nout of luck"
    assert len(ours.laps["epoch"]) == 2


def test_wrong_input_is_an_error_and_a_crash_while_preparing_is_named(children):
    children.fail["kerasbridge-torch: prepare"] = ChildResult(2, b"", "Expected a model.")
    with pytest.raises(ArgumentError, match=r"^Expected a model\.$"):
        measured(plan(**TWO))
    children.fail["kerasbridge-torch: prepare"] = ChildResult(-9, b"", "")
    result = measured(plan(**TWO))
    assert {one.failure.partition(",")[0] for one in result.workloads[0].contenders} == {
        "the process was ended by SIGKILL"
    }


def test_an_interruption_keeps_what_was_measured(children):
    made = plan(**TWO, quick=True)
    result = benchmark.empty_result(made)

    def interrupt(text):
        if len(children.asked) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        benchmark.measure(made, result, interrupt)
    assert [len(one.laps.get("epoch", ())) for one in result.workloads[0].contenders] == [1, 0]
    assert "| kerasbridge " in str(result)


class Model:
    """Stands for the class of Keras models."""

    compiled = True


@pytest.mark.parametrize("result", ["a model", Model, (1, 2, 3), {"x": 1}])
def test_a_function_of_the_users_returns_a_compiled_model(tmp_path, result):
    source = Source(script="mine.py:build")
    task = worker.Task("stock", "torch", Workload("mine.py:build"), source, "", "missing.npz", 1, None)
    with pytest.raises(ArgumentError, match=r"^Expected mine.py:build to return a compiled Keras model"):
        worker._as_parts(task, result, Model)
    with pytest.raises(ArgumentError, match="there is no data to train on"):
        worker._as_parts(task, Model(), Model)
    model = Model()
    assert worker._as_parts(task, (model, [1], [2]), Model) == (model, [1], [2], 32)
    assert worker._as_parts(task, {"model": model, "x": [1], "batch_size": 8}, Model) == (model, [1], None, 8)
