"""Child processes of several backends: one that crashes, hangs or is refused does not hide results of the others."""

import os
import signal
import threading
import time

import pytest

from kerasbridge.checks import check_timeout
from kerasbridge.errors import ArgumentError, ParityError
from kerasbridge.parity import workers
from kerasbridge.parity.jobs import Job
from kerasbridge.runtime import backend, signals
from tests.paths import ROOT

WORKER = """
import os, pathlib, sys, time

print("a hint", file=sys.stderr, flush=True)
backend = os.environ["KERAS_BACKEND"]
if backend in {killed!r}:
    os.kill(os.getpid(), 9)
if backend in {hanging!r}:
    pathlib.Path(sys.argv[2] + ".begun").touch()
    time.sleep(600)
if backend in {refused!r}:
    print("Expected another model.", file=sys.stderr)
    sys.exit(2)
pathlib.Path(sys.argv[2]).write_text(backend)
"""


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Write a worker that fails on some backends, and return what its runs leave: outputs, and the error."""
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    monkeypatch.setattr(backend, "child_environment", lambda name, **_: {"KERAS_BACKEND": name, "PYTHONPATH": path})

    def write_and_run(killed=(), hanging=(), refused=(), timeout=60):
        (tmp_path / "worker.py").write_text(WORKER.format(killed=killed, hanging=hanging, refused=refused))
        with workers.run_on_each("worker", Job(), backend.BACKENDS, timeout) as outcome:
            outputs = {name: path.read_text() for name, path in outcome.outputs.items()}
        return outputs, workers.failed(outcome.failures, outputs)

    return write_and_run


def test_the_others_are_kept_and_each_failure_is_named(run):
    outputs, error = run(killed=["torch"], refused=["jax"])
    assert outputs == {"tensorflow": "tensorflow"}
    assert str(error) == (
        "jax: Expected another model.\ntorch: the process was ended by SIGKILL, often for lack of memory:\na hint"
    )
    assert (error.exit_code, error.result) == (1, outputs)


def test_one_that_hangs_is_ended(run):
    outputs, error = run(hanging=["jax"], timeout=5)
    assert outputs.keys() == {"tensorflow", "torch"}
    assert str(error) == "jax: the process did not end in time and was ended:\na hint"


@pytest.mark.parametrize(("killed", "exit_code"), [((), 2), (["jax"], 1)])
def test_an_error_is_raised_if_all_fail_and_equal_messages_are_one(run, killed, exit_code):
    with pytest.raises(ParityError, match=r"tensorflow, torch: Expected another model\.") as caught:
        run(killed=killed, refused=["jax", "tensorflow", "torch"])
    assert (caught.value.exit_code, caught.value.result) == (exit_code, None)


def test_a_signal_ends_the_children(run, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt():
        while len([*tmp_path.rglob("*.begun")]) < min(3, os.cpu_count()):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    start = time.monotonic()
    thread.start()
    with signals.note_signals(), pytest.raises(KeyboardInterrupt):
        run(hanging=backend.BACKENDS, timeout=600)
    thread.join()
    signal.signal(signal.SIGINT, before)
    assert time.monotonic() - start < 100


@pytest.mark.parametrize("timeout", [0, "soon", True])
def test_a_time_out_is_a_number_of_seconds(timeout):
    with pytest.raises(ArgumentError, match="Expected timeout to be a number of seconds above 0"):
        check_timeout(timeout)
