"""Child processes: how they end, and the message that their parent makes of a failure."""

import os
import signal
import threading
import time

import pytest

from kerasbridge.errors import DataError, KerasbridgeError
from kerasbridge.runtime import signals, subprocesses
from kerasbridge.runtime.subprocesses import ChildResult, ProcessGroup, exit_with_message, one_line
from tests.paths import ROOT


@pytest.fixture
def worker(tmp_path):
    """Write a module `worker` and return the environment in which a child finds it."""

    def write(source):
        (tmp_path / "worker.py").write_text(source)
        return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}

    return write


def test_a_child_receives_its_arguments_and_environment(worker, tmp_path):
    environment = worker("import os, sys; print(sys.argv[1:], os.environ['NAME'])") | {"NAME": "value"}
    result = subprocesses.run("worker", tmp_path, 3, environment=environment)
    assert result == ChildResult(0, f"{[str(tmp_path), '3']} value{os.linesep}".encode(), "")
    assert not result.failed


def test_a_module_in_the_current_folder_is_not_imported(worker, tmp_path, monkeypatch):
    environment = worker("import calendar; calendar.isleap")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "calendar.py").write_text("")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert subprocesses.run("worker", environment=environment).code == 0


def test_an_expected_error_becomes_the_message(worker):
    source = """
import sys
from kerasbridge.runtime.subprocesses import exit_with_message
print("a warning", file=sys.stderr)
with exit_with_message():
    raise ValueError("two\\n  lines")
"""
    result = subprocesses.run("worker", environment=worker(source))
    assert (result.code, result.failure_message()) == (2, "ValueError: two lines")


def test_another_error_shows_the_exit_code_and_the_end_of_the_traceback(worker):
    result = subprocesses.run("worker", environment=worker("raise ValueError('out of luck')"))
    assert result.failure_message().startswith("the process ended with code 1:\nTraceback")
    assert result.failure_message().endswith("ValueError: out of luck")


def test_a_long_traceback_is_cut_and_an_empty_one_is_named():
    assert ChildResult(1, b"", "line\n" * 100).failure_message().count("line") == 12
    assert ChildResult(-11, b"", "").failure_message() == "the process was ended by SIGSEGV:\nit printed nothing"
    assert "lack of memory" in ChildResult(-9, b"", "").failure_message()
    assert ChildResult(None, b"", "last").failure_message() == "the process did not end in time and was ended:\nlast"


def test_only_errors_of_the_expected_class_end_the_process(capsys):
    with pytest.raises(ValueError, match="a bug"), exit_with_message(KerasbridgeError):
        raise ValueError("a bug")
    with pytest.raises(SystemExit) as ended, exit_with_message(KerasbridgeError):
        raise DataError("wrong " * 100)
    assert ended.value.code == 2
    assert capsys.readouterr().err == ("wrong " * 100).strip() + "\n"


def test_one_line_names_the_type_of_foreign_errors_and_cuts_long_ones():
    assert one_line(DataError("is\n  empty")) == "is empty"
    assert one_line(ValueError("x" * 500)) == f"ValueError: {'x' * 300} …"


def test_a_time_out_ends_the_child_and_keeps_what_it_printed(worker):
    environment = worker("import threading; print('begun', flush=True); threading.Event().wait()")
    result = subprocesses.run("worker", environment=environment, timeout=2)
    assert (result.timed_out, result.failed) == (True, True)
    assert result.stdout.strip() == b"begun"


def test_leaving_a_group_ends_its_children_and_starts_no_other(worker, tmp_path):
    begun, results = tmp_path / "begun", []
    environment = worker(f"import pathlib, threading; pathlib.Path({str(begun)!r}).touch(); threading.Event().wait()")
    with ProcessGroup() as group:
        thread = threading.Thread(target=lambda: results.append(group.run("worker", environment=environment)))
        thread.start()
        while not begun.exists():
            time.sleep(0.01)
    thread.join(timeout=60)
    assert results[0].failed
    assert group.run("worker", environment=environment) == ChildResult(1, b"", "not started")


def test_a_noted_signal_ends_the_children_that_are_waited_for(worker, tmp_path):
    begun = tmp_path / "begun"
    environment = worker(f"import pathlib, threading; pathlib.Path({str(begun)!r}).touch(); threading.Event().wait()")

    def interrupt():
        while not begun.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    with signals.note_signals():
        thread.start()
        with pytest.raises(SystemExit) as ended:
            subprocesses.run("worker", environment=environment)
    thread.join()
    assert ended.value.code == 143
