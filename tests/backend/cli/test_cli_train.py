"""`kerasbridge train` and `evaluate`: the run folder, the output; wrong input costs one line and leaves no files."""

import importlib.util
import json
import signal
import subprocess
import sys

import numpy as np
import pytest

import kerasbridge
from kerasbridge.keras_compat import keras
from kerasbridge.runtime import backend as choice
from tests.backend.cli.commands import run
from tests.events import read
from tests.paths import ROOT

PROGRAM = """
import atexit, signal, sys
from kerasbridge.runtime import backend

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
if "ONLY" in __import__("os").environ:
    backend._is_installed = __import__("os").environ["ONLY"].__eq__
if "WITHOUT" in __import__("os").environ:
    sys.modules[__import__("os").environ["WITHOUT"]] = None
if "SHOW_LOADED" in __import__("os").environ:
    atexit.register(lambda: print(*sorted(set(backend.BACKENDS) & set(sys.modules)), file=sys.stderr))
from kerasbridge.cli import main
main()
"""


def start(folder, *arguments, command="train", **variables):
    """Start a command in a folder and a separate process, on the backend of this one."""
    environment = {**choice.child_environment(keras.config.backend()), "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-c", PROGRAM, command, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment, **pipes)


def finish(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@pytest.fixture
def no_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A run on the sample: its folder, and the output of the program."""
    folder = tmp_path_factory.mktemp("shell")
    code, out, err = finish(start(folder, "--epochs", 1, "--json", "--run-dir", "runs/first", SHOW_LOADED="1"))
    assert code == 0, err
    return folder, out, err


def config_of(folder):
    return json.loads((folder / "runs" / "first" / "config.json").read_text())


RUN = [
    "checkpoints",
    "config.json",
    *(["curves.png"] if importlib.util.find_spec("matplotlib") else []),
    "history.csv",
    "history.jsonl",
    "model.keras",
]


def test_a_run_leaves_its_model_its_history_and_its_configuration(done):
    found = [name for name in files(done[0]) if not name.startswith("runs/first/checkpoints/")]
    assert found == ["runs", "runs/first", *(f"runs/first/{name}" for name in sorted(RUN))]
    run = kerasbridge.runs.load(done[0] / "runs" / "first")
    assert (run.history["epoch"], run.history.keys()) == ([1], {"epoch", "seconds", "accuracy", "loss"})


def test_only_json_is_printed_on_stdout(done):
    result = json.loads(done[1])
    assert set(result) == {
        "run_dir",
        "backend",
        "device",
        "accuracy",
        "loss",
        "seconds",
        "execution",
        "execution_reason",
    }
    assert (result["run_dir"], result["backend"]) == ("runs/first", keras.config.backend())
    assert result["accuracy"] > 0.8


def test_nothing_is_printed_on_stderr_and_no_other_framework_is_loaded(done):
    (loaded,) = done[2].splitlines()
    assert set(loaded.split()) | {"jax"} == {keras.config.backend(), "jax"}  # Keras 3.15 imports JAX on every backend


def test_the_configuration_describes_the_run(done):
    config, result = config_of(done[0]), json.loads(done[1])
    assert set(config) == {
        "arguments",
        "versions",
        "backend",
        "device",
        "devices",
        "workers",
        "seed",
        "rng",
        "data",
        "started",
        "model",
        "epochs",
        "execution",
        "execution_reason",
        "fast_paths",
        "test",
        "validation",
        "mistakes",
        "seconds",
        "finished",
    }
    assert config["arguments"]["run_dir"] == "runs/first"
    assert config["versions"]["keras"] == keras.__version__
    assert config["versions"][keras.config.backend()]
    assert config["data"]["checksum"] == kerasbridge.datasets.mnist().checksum
    assert (config["model"], config["epochs"], config["seed"], config["rng"]) == ("mlp", 1, 0, "portable")
    assert config["device"].startswith(("cpu", "gpu", "mps"))
    assert (config["workers"], config["devices"]) == (1, [config["device"]])
    assert (config["test"]["accuracy"], config["execution"]) == (result["accuracy"], result["execution"])


def test_the_saved_model_has_the_accuracy_and_loss_that_were_printed(done):
    model = kerasbridge.runs.load(done[0] / "runs" / "first").load_model()
    digits, printed = kerasbridge.datasets.mnist(), json.loads(done[1])
    scores = kerasbridge.evaluate(model, digits.x_test / 255, digits.y_test, verbose=0, return_dict=True)
    assert scores["accuracy"] == pytest.approx(printed["accuracy"], abs=0.002)
    assert scores["loss"] == pytest.approx(printed["loss"], rel=1e-4)
    assert len(config_of(done[0])["mistakes"]) == round(1000 * (1 - printed["accuracy"]))


@pytest.mark.once
def test_quiet_prints_nothing_and_overwrite_replaces_the_run(done, tmp_path):
    (tmp_path / "run").mkdir()
    old = (done[0] / "runs" / "first" / "config.json").read_text()
    (tmp_path / "run" / "config.json").write_text(old)
    code, out, err = run(tmp_path, "train", "--epochs", 0, "--quiet", "--run-dir", "run", "--overwrite")
    assert (code, out, err) == (0, "", "")
    assert (tmp_path / "run" / "config.json").read_text() != old
    assert files(tmp_path) == ["run", "run/config.json", "run/model.keras"]


@pytest.mark.once
def test_tensorboard_files_are_next_to_the_model_and_the_command_is_printed(tmp_path):
    code, out, err = finish(start(tmp_path, "--epochs", 2, "--tensorboard", "--run-dir", "a run", SHOW_LOADED="1"))
    first, *_, last = out.splitlines()
    assert first == "To watch the training: tensorboard --logdir 'a run/tensorboard'"
    assert (code, last) == (0, "To view the logs: tensorboard --logdir 'a run/tensorboard'"), err
    assert set(err.split()) | {"jax"} == {keras.config.backend(), "jax"}
    assert {path.name for path in (tmp_path / "a run").iterdir()} == {*RUN, "tensorboard"}
    history = kerasbridge.runs.load(tmp_path / "a run").history
    events = read(tmp_path / "a run" / "tensorboard" / "train")
    for name in ("loss", "accuracy"):
        assert [step for step, _ in events["scalars", f"epoch_{name}"]] == [0, 1]
        np.testing.assert_allclose([value for _, value in events["scalars", f"epoch_{name}"]], history[name], 1e-6)
    assert {plugin for plugin, _ in events} == {"scalars", "histograms", "graph_keras_model", "text"}


@pytest.mark.once
def test_json_names_the_folder_for_tensorboard(tmp_path):
    code, out, err = run(tmp_path, "train", "--epochs", 0, "--tensorboard", "--json", "--run-dir", "run")
    assert (code, err) == (0, "")
    assert json.loads(out)["tensorboard"] == "run/tensorboard"
    assert (tmp_path / "run" / "tensorboard" / "train").is_dir()


def test_a_missing_package_is_reported_before_training_with_the_install_command(tmp_path):
    message = refused(tmp_path, "--tensorboard", WITHOUT="tensorboard")
    assert message.endswith('Type: pip install "kerasbridge[tensorboard]"')


def test_ctrl_c_ends_with_one_line_and_keeps_the_history(tmp_path):
    process = start(tmp_path, "--epochs", 100_000, "--run-dir", "run")
    assert process.stdout.readline().startswith("Epoch 1/100000")
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    run = kerasbridge.runs.load(tmp_path / "run")
    assert code == 130
    assert err == (
        f"kerasbridge: interrupted after {len(run.history['epoch'])} of 100000 epochs: "
        "the history and a checkpoint are in run. To continue, type: "
        f"kerasbridge train --backend {keras.config.backend()} --epochs 100000 --run-dir run --resume\n"
    )
    kept = {path.name for path in (tmp_path / "run").iterdir()}
    assert kept == {"config.json", "history.csv", "history.jsonl", "checkpoints"}
    assert run.config.finished is None


@pytest.mark.once
def test_a_loss_that_is_not_finite_ends_the_training_with_one_line(tmp_path, monkeypatch):
    def diverging():
        layers = [keras.layers.Flatten(), keras.layers.Dense(10, keras.ops.log)]
        return keras.Sequential([keras.Input((28, 28)), *layers])

    monkeypatch.setattr(kerasbridge.models, "mlp", diverging)
    code, _, stderr = run(tmp_path, "train", "--run-dir", "run", "--epochs", 1)
    assert code == 2
    assert "kerasbridge: Expected a finite loss" in stderr
    assert "in step 1 of epoch 1: the output of the layer" in stderr


@pytest.mark.once
@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_one_line_explains_how_to_get_plots(tmp_path):
    code, out, err = run(tmp_path, "train", "--epochs", 1, "--run-dir", "run")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].endswith('Type: pip install "kerasbridge[plots]"')
    assert "curves.png" not in {path.name for path in (tmp_path / "run").iterdir()}


def test_a_run_is_evaluated_with_the_accuracy_that_was_printed(done):
    code, out, err = finish(start(done[0], "runs/first", "--json", command="evaluate", SHOW_LOADED="1"))
    assert code == 0, err
    assert set(err.split()) | {"jax"} == {keras.config.backend(), "jax"}
    result, printed = json.loads(out), json.loads(done[1])
    assert (result["accuracy"], result["loss"]) == (printed["accuracy"], pytest.approx(printed["loss"], rel=1e-6))
    assert (result["backend"], result["images"], result["differs"]) == (keras.config.backend(), 1000, [])
    assert sum(map(sum, result["confusion"])) == 1000
    assert len(result["mistakes"]) == 1000 - sum(row[digit] for digit, row in enumerate(result["confusion"]))
    if importlib.util.find_spec("matplotlib"):
        assert (done[0] / result["picture"]).stat().st_size > 10_000


@pytest.mark.once
@pytest.mark.usefixtures("no_matplotlib")
def test_an_evaluation_reports_equal_predictions_and_how_to_get_plots(done):
    code, out, err = run(done[0], "evaluate", "runs/first")
    assert (code, err) == (0, "")
    *_, same, picture = out.splitlines()
    assert same == "The same 1,000 predictions as where it was trained."
    assert picture.endswith('Type: pip install "kerasbridge[plots]"')


@pytest.mark.once
def test_other_digits_are_evaluated_and_not_compared(done, tmp_path):
    digits = kerasbridge.datasets.mnist()
    np.savez(
        tmp_path / "few.npz",
        x_train=digits.x_train[:9],
        y_train=digits.y_train[:9],
        x_test=digits.x_test[:50],
        y_test=digits.y_test[:50],
    )
    _, out, err = run(done[0], "evaluate", "runs/first", "--data", tmp_path / "few.npz", "--json")
    assert (json.loads(out)["images"], json.loads(out)["differs"], err) == (50, None, "")


@pytest.mark.once
def test_an_unknown_device_prints_one_line_and_leaves_nothing(tmp_path):
    assert "received 'gpu:99', which is " in refused(tmp_path, "--device", "gpu:99")


def test_a_missing_backend_prints_the_install_command(tmp_path):
    here = keras.config.backend()
    absent = next(name for name in choice.BACKENDS if name != here)
    message = refused(tmp_path, "--backend", absent, ONLY=here)
    assert f"Expected an installed backend ({here})" in message
    assert message.endswith(f'Type: pip install "kerasbridge[{absent}]"')


def refused(folder, *arguments, **variables):
    """Return the one line of a run that exits with 2 and leaves its folder empty."""
    code, out, err = finish(start(folder, *arguments, **variables))
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert files(folder) == []
    assert err.startswith("kerasbridge: ")
    return err.removeprefix("kerasbridge: ").strip()
