"""One process, and one training in it, writes into a run folder at a time; the lock of a dead process is free."""

import errno
import json
import os
import platform
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta

import pytest

from kerasbridge import runs
from kerasbridge.errors import RunFolderError
from kerasbridge.runs import lock
from tests.paths import ROOT
from tests.unit.runs.test_runs import config, message_of, write_run

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


def start(folder, script):
    """Start a process in a folder, and return it once it has printed a line."""
    command = [sys.executable, "-c", textwrap.dedent(script)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


TRAINING = """
    import time
    from kerasbridge import runs
    from tests.unit.runs.test_runs import config
    with runs.create(None, config()) as run:
        run.add_epoch(1, 0.5, {"loss": 1.0})
        print(run.folder, flush=True)
        time.sleep(100)
"""


def test_a_folder_in_use_is_rejected_with_process_host_and_time_until_the_process_is_killed(tmp_path):
    process, name = start(tmp_path, TRAINING)
    folder = tmp_path / name
    try:
        message = message_of(runs.check_writable, folder)
        since = message.partition(" since ")[2].partition(": wait")[0]
        assert message == (
            f"{folder} is in use by process {process.pid} on {platform.node()} since {since}: wait until it has ended, "
            "or choose another folder with --run-dir."
        )
        assert timedelta() <= datetime.now(UTC) - datetime.fromisoformat(since) < timedelta(minutes=1)
        assert message_of(write_run, folder, "weights", True) == message
    finally:
        process.kill()
        process.communicate()
    assert "is not empty" in message_of(write_run, folder)
    write_run(folder, overwrite=True)
    assert [path.name for path in folder.glob(".*")] == []


@needs_fork
def test_a_forked_child_does_not_keep_the_lock_of_a_dead_process(tmp_path):
    forking = TRAINING.replace("time.sleep(100)", "print(os.fork() or time.sleep(100), flush=True); time.sleep(100)")
    process, name = start(tmp_path, forking.replace("import time", "import os, time"))
    child = int(process.stdout.readline())
    try:
        assert "is in use by" in message_of(runs.check_writable, tmp_path / name)
        process.kill()
        process.wait()
        assert "is not empty" in message_of(runs.check_writable, tmp_path / name)
        os.kill(child, 0)  # it lives
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate()


def test_a_run_that_was_killed_is_read_without_its_lock(tmp_path):
    process, name = start(tmp_path, TRAINING)
    folder = tmp_path / name
    assert runs.load(folder).history["epoch"] == [1]
    assert (folder / lock.NAME).exists()
    process.kill()
    process.communicate()
    assert [run.history["epoch"] for run in runs.list(tmp_path / "runs")] == [[1]]
    assert not (folder / lock.NAME).exists()


def test_the_disk_is_full_before_the_lock_file_is_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        write_run(tmp_path / "a" / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_training_in_the_same_process_is_rejected(tmp_path):
    with runs.create(tmp_path, config()) as run:
        assert f"process {os.getpid()}, this one, on" in message_of(write_run, tmp_path)
        run.finish(lambda path: path.touch())
    assert not (tmp_path / lock.NAME).exists()


def test_the_lock_ends_with_an_error_of_the_training(tmp_path):
    for _ in range(2):
        with pytest.raises(ValueError, match="no data"):
            write_run(tmp_path, failing_with=ValueError("no data"))
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_its_owner_removes_meanwhile_is_not_used(tmp_path, monkeypatch):
    def try_lock(*_):
        monkeypatch.undo()
        (tmp_path / lock.NAME).unlink()
        return True

    monkeypatch.setattr(lock, "_try_lock", try_lock)
    with lock.lock(tmp_path):
        assert "is in use by" in message_of(take, tmp_path)


def take(folder):
    with lock.lock(folder):
        pass


@pytest.mark.parametrize("text", ["", "[]", "{", '{"process": 1}'])
def test_an_owner_that_cannot_be_read_is_another_process(tmp_path, text):
    with lock.lock(tmp_path):
        (tmp_path / lock.NAME).write_text(text)
        assert "is in use by another process: wait until it has ended." in message_of(take, tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_a_link_is_no_lock_file(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / lock.NAME).symlink_to(tmp_path / "thesis.tex")
    with pytest.raises(RunFolderError, match="cannot be written"):
        write_run(tmp_path / "run")
    assert (tmp_path / "thesis.tex").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="Windows always has locks")
def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, caplog):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    write_run(tmp_path)
    assert set(caplog.messages) == {
        f"kerasbridge: {tmp_path} cannot be locked (No locks available): train in it once at a time."
    }


RACE = """
    import json, os, signal, sys
    from pathlib import Path
    from kerasbridge.errors import RunFolderError
    from tests.unit.runs.test_runs import write_run
    from kerasbridge.runs import curves
    curves.draw = lambda path, *_: path.touch()
    print(flush=True)
    folder, overwrite = {folder}, {overwrite}
    children = []
    ready, go = os.pipe()
    for number in range(20):
        children.append(os.fork())
        if not children[-1]:
            os.close(go)
            os.read(ready, 1)  # until all have started
            try:
                write_run(folder and Path(folder), str(number), overwrite, epochs=3)
            except RunFolderError as error:
                known = "in use by" in str(error) or "not empty" in str(error)
                print(*[] if known else [error], file=sys.stderr)
                os._exit(2 if known else 3)
            os._exit(0)
    os.close(go)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))
"""


@needs_fork
@pytest.mark.parametrize(("folder", "overwrite"), [(None, False), ("run", False), ("run", True)])
def test_of_20_trainings_at_once_as_many_runs_are_left_as_succeeded(tmp_path, folder, overwrite):
    process, _ = start(tmp_path, RACE.format(folder=repr(folder), overwrite=overwrite))
    codes = json.loads(process.communicate()[0])
    if folder is None:
        assert codes == [0] * 20
        assert len(runs.list(tmp_path / "runs")) == 20
        return
    assert sorted(codes)[0] == 0
    assert overwrite or sorted(codes)[1:] == [2] * 19
    assert set(codes) <= {0, 2}
    (left,) = runs.list(tmp_path / "run")
    assert codes[int(left.model_path.read_text())] == 0
    assert left.history["epoch"] == [1, 2, 3]
    assert [path.name for path in left.folder.glob(".*")] == []
