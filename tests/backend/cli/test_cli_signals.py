"""Ctrl-C and SIGTERM of a command: none is lost, and `kerasbridge train` names the command that continues exactly."""

import os
import shlex
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.checkpoint import files
from kerasbridge.keras_compat import keras
from kerasbridge.runtime import backend, signals
from kerasbridge.training import epoch_loop
from kerasbridge.training.step_loop import Runner
from tests.backend.cli.commands import run
from tests.paths import ROOT

TRAIN = ["train", "--epochs", "3", "--batch-size", "50", "--checkpoint-every", "30 steps", "--quiet"]
IMPORT = """
import importlib.abc, os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
MODULE, NUMBER = sys.argv.pop(1), int(sys.argv.pop(1))

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name == MODULE:
            os.kill(os.getpid(), NUMBER)

sys.meta_path.insert(0, Interrupt())
from kerasbridge.__main__ import main
main()
"""

SHUTDOWN = """
import os, signal, time

signal.signal(signal.SIGINT, signal.default_int_handler)

class Slow:
    write, sleep = staticmethod(os.write), staticmethod(time.sleep)

    def __del__(self):
        self.write(1, b"shutting down\\n")
        self.sleep(1)

slow = Slow()
from kerasbridge.__main__ import main
main()
"""


@pytest.fixture(autouse=True)
def default_handlers():
    """Let signals of the tests arrive: a background job of a shell ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler), signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a run without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    code, _, err = run(folder, *TRAIN, "--run-dir", "run")
    assert code == 0, err
    return folder


def signal_at(monkeypatch, owner, name, number, call):
    """Send a signal to this process at the beginning of a call of a function, counted from 1."""
    function, calls = getattr(owner, name), []

    def replaced(*arguments, **named):
        calls.append(1)
        if len(calls) == call:
            os.kill(os.getpid(), number)
        return function(*arguments, **named)

    monkeypatch.setattr(owner, name, replaced)


POINTS = {
    "first block": (Runner, "_run_block", 1, "after 0 of 3 epochs: a checkpoint is in my  run."),
    "second epoch": (Runner, "_run_block", 7, "after 1 of 3 epochs: the history and a checkpoint are in my  run."),
    "save": (files, "_write_arrays", 2, "epochs: "),
    "evaluation": (
        epoch_loop,
        "predict_blocks",
        1,
        "after 3 of 3 epochs: the history and a checkpoint are in my  run.",
    ),
}


@pytest.mark.once
@pytest.mark.parametrize("point", POINTS)
def test_an_interrupted_training_names_the_command_that_continues_it_exactly(whole, tmp_path, monkeypatch, point):
    owner, name, call, words = POINTS[point]
    number, code = (signal.SIGTERM, 143) if point in ("save", "second epoch") else (signal.SIGINT, 130)
    with monkeypatch.context() as patch:
        signal_at(patch, owner, name, number, call)
        stopped = run(tmp_path, *TRAIN, "--run-dir", "my  run")
    message, command = stopped[2].split(" To continue, type: ")
    assert stopped[:2] == (code, "")
    assert message.startswith("kerasbridge: interrupted after ")
    assert words in message
    program, *arguments = shlex.split(command)
    assert program == "kerasbridge"
    assert "--resume" in arguments
    assert run(tmp_path, *arguments) == (0, "", "")
    before, after = (kb.runs.load(folder) for folder in (whole / "run", tmp_path / "my  run"))
    assert after.config.test == before.config.test
    assert after.history["loss"] == before.history["loss"]
    for one, other in zip(after.load_model().get_weights(), before.load_model().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.once
def test_a_finished_run_trains_nothing_and_may_get_more_epochs(whole, tmp_path, monkeypatch):
    shutil.copytree(whole / "run", tmp_path / "run")
    config = (tmp_path / "run" / "config.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Runner, "_run_block", None)
        code, out, err = run(tmp_path, *TRAIN[:-1], "--run-dir", "run", "--resume")
    accuracy = kb.runs.load(tmp_path / "run").config.test["accuracy"]
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith(f"Test: accuracy {accuracy:.4f}, ")
    assert (tmp_path / "run" / "config.json").read_bytes() == config
    more = ["4" if word == "3" else word for word in TRAIN]
    assert run(tmp_path, *more, "--run-dir", "run", "--resume") == (0, "", "")
    assert kb.runs.load(tmp_path / "run").history["epoch"] == [1, 2, 3, 4]


@pytest.mark.once
def test_other_settings_than_at_the_start_are_one_error_and_change_nothing(whole):
    before = {path: path.read_bytes() for path in (whole / "run").rglob("*") if path.is_file()}
    changed = ["49" if word == "50" else word for word in TRAIN]
    code, _, err = run(whole, *changed, "--run-dir", "run", "--resume", "--seed", 1, "--model", "cnn")
    assert (code, err.count("\n")) == (2, 1)
    for words in ("batch_size was 50, is 49", "seed was 0, is 1", "model was ", "choose another folder"):
        assert words in err
    assert {path: path.read_bytes() for path in (whole / "run").rglob("*") if path.is_file()} == before


@pytest.mark.once
def test_an_interrupted_replacement_leaves_the_earlier_run(whole, tmp_path, monkeypatch):
    shutil.copytree(whole / "run", tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with monkeypatch.context() as patch:
        signal_at(patch, Runner, "_run_block", signal.SIGINT, 2)
        code, _, err = run(tmp_path, *TRAIN, "--run-dir", "run", "--overwrite")
    assert (code, err) == (130, "kerasbridge: interrupted: the earlier run in run is unchanged.\n")
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--resume"], "Expected --run-dir with --resume"),
        (["--resume", "--overwrite", "--run-dir", "run"], "Expected --resume or --overwrite, received both"),
        (["--checkpoint-every", "often"], "received 'often'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, options, words):
    code, out, err = run(tmp_path, "train", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not list(tmp_path.iterdir())


@pytest.mark.once
def test_an_evaluation_ends_between_blocks(whole, monkeypatch):
    with monkeypatch.context() as patch:
        signal_at(patch, epoch_loop, "predict_blocks", signal.SIGTERM, 1)
        assert run(whole, "evaluate", "run") == (143, "", "kerasbridge: interrupted, nothing was saved.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_framework_is_imported_is_not_lost(tmp_path, number):
    name = keras.config.backend()
    module = {"jax": "jax.numpy", "tensorflow": "tensorflow.python.ops", "torch": "torch.nn"}[name]
    code, out, err = interrupted_import(tmp_path, module, number)
    assert (code, out, err) == (128 + number, "", "kerasbridge: interrupted, nothing was saved.\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.once
def test_a_signal_while_the_command_line_is_imported_is_not_lost(tmp_path):
    code, out, err = interrupted_import(tmp_path, "typer", signal.SIGINT)
    assert (code, out, err) == (130, "", "kerasbridge: interrupted, nothing was saved.\n")


@pytest.mark.once
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_python_shuts_down_does_not_make_a_finished_command_fail(number):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SHUTDOWN, "--version"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while process.stdout.readline() != b"shutting down\n":
            pass
        process.send_signal(number)
        assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == 0


def interrupted_import(folder, module, number):
    environment = {**backend.child_environment(keras.config.backend()), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", IMPORT, module, str(int(number)), "train", "--run-dir", "run"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.once
def test_signals_that_are_noted_within_others_are_the_same(monkeypatch):
    left = []
    with signals.note_signals() as outer, signals.note_signals(left.append) as inner:
        assert inner is outer
        signal.raise_signal(signal.SIGTERM)
        assert outer.number == signal.SIGTERM
        with pytest.raises(SystemExit) as ended, signals.taking_effect():
            pytest.fail("not reached")
        assert ended.value.code == 143
        signal.raise_signal(signal.SIGINT)
        assert left == [signal.SIGINT]
    with signals.note_signals(), pytest.raises(KeyboardInterrupt), signals.taking_effect():
        signal.raise_signal(signal.SIGINT)
    with signals.note_signals() as noted:
        signal.raise_signal(signal.SIGINT)
        assert noted.number == signal.SIGINT
        signal.raise_signal(signal.SIGINT)  # as `timeout` does, which is no second one
        monkeypatch.setattr(signals, "_TOGETHER", 0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
