"""The verdict of a diagnosis, the blamed backend and the message; the steps are handmade."""

import importlib
import json

import numpy as np
import pytest

from kerasbridge.errors import ArgumentError, DataError, ParityError
from kerasbridge.parity.diagnose import diagnose, make_diagnosis
from kerasbridge.parity.error_metrics import Row
from kerasbridge.parity.explanations import explain
from kerasbridge.parity.jobs import Job
from kerasbridge.parity.step_trace import StepTrace
from kerasbridge.parity.tolerances import TABLE
from kerasbridge.runtime.subprocesses import ChildResult
from tests.unit.parity.inspected import UNIT32, reference, step

BACKENDS = ("jax", "tensorflow", "torch")


def found(backend="torch", dtype="float32", correct_leaks=False, names=BACKENDS, faults_in_reference=True, **changed):
    """Return the diagnosis of steps of which one is changed, in float64 too by default."""
    steps = [step(name, dtype, correct_leaks, **(changed if name == backend else {})) for name in names]
    references = [reference(name, **(changed if name == backend and faults_in_reference else {})) for name in names]
    return make_diagnosis(steps, steps if correct_leaks else references)


@pytest.fixture(autouse=True)
def exact(monkeypatch):
    """Handmade steps contain decimals, which are not exact in float32."""
    for kind in ("input", "weights"):
        monkeypatch.setitem(TABLE, kind, TABLE["output"])


def failing_in_float64(job, backends, timeout):
    """Trace each step in float32; of the references, one fails."""
    dtype, correct = job.dtype, job.correct_leaks
    steps = {name: step(name, dtype, correct) for name in backends}
    failed = {"torch": ChildResult(2, b"", "RuntimeError: expected double, received float")} if correct else {}
    return {name: each for name, each in steps.items() if name not in failed}, failed


def test_a_failure_in_float64_states_that_the_reference_is_computed_in_it(monkeypatch):
    module = importlib.import_module("kerasbridge.parity.diagnose")
    monkeypatch.setattr(module, "check_backends", lambda names, **_: tuple(names))
    monkeypatch.setattr(module, "_trace", failing_in_float64)
    with pytest.raises(ParityError, match=r"(?s)received float.*in float64, which .* write x\.dtype or") as caught:
        diagnose(backends=BACKENDS)
    assert caught.value.result.backends == ("jax", "tensorflow")
    with pytest.raises(ParityError) as caught:
        diagnose(backends=BACKENDS, dtype="float64", correct_leaks=False)
    assert "float64" not in str(caught.value)


def test_equal_steps_agree():
    healthy = found()
    assert healthy.agree
    assert healthy.first_mismatch is None
    assert not any(row.beyond for row in healthy.rows)


def test_the_noise_of_a_theoretically_zero_gradient_is_not_an_error():
    assert found(faults_in_reference=False, **{"gradient: attention/key/bias": [3e-9, -8e-9]}).agree


def test_a_fault_in_a_theoretically_zero_gradient_is_an_error():
    wrong = found(**{"gradient: attention/key/bias": [1e-4, 0.0]})
    assert (wrong.first_mismatch.name, wrong.first_mismatch.backend) == ("attention/key/bias", "torch")


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_first_row_beyond_is_named_with_the_backend_that_is_wrong(backend):
    wrong = found(backend, **{"output: second": [0.21, 0.8], "loss: loss": 1.6, "compiled loss: loss": 1.6})
    first = wrong.first_mismatch
    assert (first.kind, first.name, first.backend) == ("output", "second", backend)
    assert first.error == pytest.approx(0.01 / 0.8, rel=1e-4)
    assert "look at this layer's call" in first.explanation
    assert len(wrong.findings) == 1


def test_of_two_backends_neither_is_blamed():
    wrong = found(names=("jax", "torch"), **{"output: second": [0.21, 0.8]})
    assert {finding.backend for finding in wrong.findings} == {"jax", "torch"}
    assert "name a third with --backends" in wrong.first_mismatch.explanation


def test_a_wrong_gradient_is_blamed_on_the_layer_between_a_right_one_and_a_wrong_one():
    first = found(**{"gradient by output: first": [0.021, 0.03]}).first_mismatch
    assert (first.kind, first.name) == ("gradient by output", "first")
    assert first.explanation.endswith("look at the gradient of second.")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"input: x": [1.0, 0.6]}, "same data"),
        ({"weights: first/kernel": [0.1, 0.2]}, "same weights"),
        ({"output: first": [0.3, 0.7, 0.1]}, "It has another shape on this backend"),
        ({"output: first": [np.nan, 0.7]}, "another shape on this backend, or contains numbers that are not finite"),
        ({"loss: loss": 1.6}, "look at the loss"),
        ({"gradient: first/kernel": [0.3, 0.4]}, "the layer that owns this variable"),
        ({"optimizer: adam": [2e-3, 1e-3]}, "look at the optimizer"),
        ({"slot: adam/momentum": [0.0, 0.04]}, "look at the optimizer"),
        ({"update: first/kernel": [-2e-3, -1e-3]}, "look at the optimizer"),
        ({"compiled update: first/kernel": [-2e-3, -1e-3]}, "compare with run_eagerly=True"),
    ],
)
def test_the_probable_cause_is_given_in_a_sentence(changed, words):
    assert words in found(**changed).first_mismatch.explanation


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (Job(script="train.py:build"), "does the script generate it without a seed?"),
        (Job("model.keras"), "a fault of kerasbridge: pass data of your own"),
        (Job("model.keras", data="digits.npz"), "was digits.npz written meanwhile?"),
    ],
)
def test_a_script_is_only_mentioned_where_there_is_one(job, words):
    row = Row("input", "x", dict.fromkeys(BACKENDS, 1.0), 0.0, 1.0, ("torch",), dict.fromkeys(BACKENDS, "float32"))
    explanation = explain([row], 0, "torch", job)
    assert words in explanation
    assert ("script" in explanation) == bool(job.script)


@pytest.mark.parametrize(
    ("backend", "changed", "words"),
    [
        ("torch", {"output: first": [0.3 + 2e-8, 0.7]}, "Keras promotes float64 and float64 to float32"),
        ("tensorflow", {"optimizer: adam": [1e-3 + 7e-9, 1e-3]}, "such as Adam's betas"),
        ("tensorflow", {"update: first/kernel": [-1e-3 - 1e-9, -1e-3]}, "Keras first converts a Python number"),
    ],
)
def test_in_float64_a_float32_error_is_reported_as_such(backend, changed, words):
    leak = found(backend, dtype="float64", faults_in_reference=False, **changed).first_mismatch
    assert leak.backend == backend
    assert words in leak.explanation
    assert leak.explanation.endswith("Add --correct-leaks.")
    own = found(backend, dtype="float64", correct_leaks=True, **changed).first_mismatch
    assert "look for a float32 constant" in own.explanation


def test_the_table_marks_what_is_beyond():
    header, *rows = found(**{"output: second": [0.21, 0.8]}).table_rows()
    assert header == ["", "layer or variable", "jax", "tensorflow", "torch", "tolerance", ""]
    assert all(len(row) == len(header) for row in rows)
    (marked,) = [row for row in rows if row[-1]]
    assert marked[:2] == ["output", "second"]
    assert marked[4].endswith("*")
    assert not marked[2].endswith("*")
    assert marked[-1] == "first, torch"


def test_its_json_has_only_finite_numbers():
    written = json.dumps(found(**{"output: first": [np.nan, 0.7]}).as_dict(), allow_nan=False)
    assert json.loads(written)["first_mismatch"]["error"] is None


def test_notes_are_printed_once():
    steps = [step(name, notes=["no loss"]) for name in BACKENDS]
    assert make_diagnosis(steps, [reference(name) for name in BACKENDS]).notes == ("no loss",)


def test_a_step_trace_is_read_as_it_was_written(tmp_path):
    before = reference("torch")
    before.write(tmp_path / "torch.out")
    after = StepTrace.read(tmp_path / "torch.out")
    assert (after.job, after.backend, after.execution) == (before.job, "torch", "looped")
    assert list(after.runs) == list(before.runs)
    for name, run in before.runs.items():
        assert list(after.runs[name]) == list(run)
        assert all(np.array_equal(after.runs[name][key], value) for key, value in run.items())


def test_a_file_other_than_a_step_trace_is_rejected(tmp_path):
    (tmp_path / "empty").write_text("")
    with pytest.raises(DataError, match=r"Expected .*empty to be a step trace"):
        StepTrace.read(tmp_path / "empty")


def test_leaks_are_corrected_in_float64_only():
    with pytest.raises(ArgumentError, match=r"Add --dtype float64"):
        diagnose("mlp", correct_leaks=True)


def test_only_differences_beyond_the_tolerance_are_faults():
    for units, agree in ((250, True), (260, False)):
        changed = {"output: first": [0.3, 0.7 * (1 + units * UNIT32)]}
        assert found(faults_in_reference=False, **changed).agree == agree
