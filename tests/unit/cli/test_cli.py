"""The command line before a framework is loaded: help, version, the table of backends, wrong options."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rich.console  # noqa: F401, reads COLUMNS in the environment that is there when it is imported
from typer.testing import CliRunner

import kerasbridge
from kerasbridge.cli import app
from kerasbridge.runtime import backend, backend_status
from kerasbridge.runtime.backend_status import BackendStatus
from tests.paths import ROOT

COMMANDS = (
    "train", "evaluate", "predict", "demo", "runs", "backends", "bench", "compare", "diagnose", "import", "export",
)  # fmt: skip
JAX = BackendStatus("jax", True, "0.10.2", ("cpu", "gpu:0"), None, None, default=True)
TORCH = BackendStatus("torch", False, None, (), None, 'pip install "kerasbridge[torch]"', default=False)
BROKEN = BackendStatus("jax", True, "0.10.2", (), "ImportError: no [jaxlib]", "pip install jax", default=True)


@pytest.fixture(autouse=True)
def new_process(monkeypatch, tmp_path):
    """JAX looks installed and chosen, no backend is configured, and the current folder is empty."""
    monkeypatch.setattr(backend, "_settled", None)
    monkeypatch.setattr(backend, "_is_installed", lambda name: name == "jax")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(os, "environ", {**os.environ, "KERAS_BACKEND": "jax"})
    os.environ.pop("KERASBRIDGE_DEVICE", None)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="kerasbridge")


def refused(*arguments):
    """Return the one line that `kerasbridge train` prints for an error, before it loads Keras or writes a file."""
    before = set(Path().iterdir())
    result = run("train", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert set(Path().iterdir()) == before
    assert "keras" not in sys.modules
    assert result.stderr.startswith("kerasbridge: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("kerasbridge: ").strip()


@pytest.fixture
def save(tmp_path):
    def save(**changes):
        arrays = {
            "x_train": np.zeros((40, 28, 28), np.uint8),
            "y_train": np.arange(40) % 10,
            "x_test": np.zeros((10, 28, 28), np.uint8),
            "y_test": np.arange(10),
        }
        path = tmp_path / "digits.npz"
        np.savez(path, **{name: array for name, array in (arrays | changes).items() if array is not None})
        return path

    return save


LOADED = """
import json, sys
from kerasbridge.cli import app
heavy = {"keras", "numpy", "rich", "jax", "tensorflow", "torch"}
results = []
for arguments in json.loads(sys.argv[1]):
    try:
        app(arguments, prog_name="kerasbridge")
    except SystemExit as ending:
        results.append([arguments, ending.code, sorted(heavy & set(sys.modules))])
print(json.dumps(results), file=sys.stderr)
"""


def loaded_by(*commands):
    """Return each command with its exit code and the heavy packages loaded so far, in one child process."""
    child = [sys.executable, "-c", LOADED, json.dumps(commands)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(child, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stderr.splitlines()[-1])


def test_help_and_version_load_nothing_heavy():
    commands = [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]
    assert loaded_by(*commands) == [[command, 0, []] for command in commands]


def test_a_wrong_option_loads_no_framework():
    command = ["train", "--batch-size", "0"]
    assert loaded_by(command) == [[command, 2, ["numpy"]]]


def test_python_dash_m_is_the_command():
    command = [sys.executable, "-m", "kerasbridge", "--version"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout == f"kerasbridge {kerasbridge.__version__}\n"


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_every_help_is_plain_and_ends_with_an_example(command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert re.findall(r"<(?:int|float|str|path)>|list\[|\w\.\.\.|None", result.stdout) == []
    assert result.stdout.strip().splitlines()[-1].startswith("  Example: kerasbridge ")


def test_an_unknown_option_is_wrong_usage():
    assert run("train", "--epoch", "1").exit_code == 2


WRONG_OPTIONS = {
    "model": (["--model", "vgg"], "Expected a model mlp, cnn or the path of a .keras file, received 'vgg'"),
    "batch size 0": (["--batch-size", 0], "batch_size must be a whole number of 1 or more; received 0."),
    "epochs": (["--epochs", -1], "epochs must be a whole number of 0 or more; received -1."),
    "seed": (["--seed", -1], "seed must be a whole number from 0 to 4294967295; received -1."),
    "batch size": (["--batch-size", 4001], "batch_size is 4001 but the data has 4000 rows"),
    "no file": (["--data", "no.npz"], 'There is no file no.npz: expected "sample", "full" or the path'),
    "folder of a run": (["--run-dir", f"{os.devnull}/run"], "cannot be written (Not a directory)"),
    "folder": (["--data", "."], "Expected a model for .: mlp and cnn take digits. Type --model FILE.keras"),
    "backend": (["--backend", "numpy"], "received 'numpy' (--backend)"),
    "absent": (["--backend", "torch"], 'Type: pip install "kerasbridge[torch]"'),
    "device": (["--device", "quantum"], "received 'quantum'"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "words"), WRONG_OPTIONS.values(), ids=WRONG_OPTIONS)
def test_a_wrong_option_prints_one_line_before_anything_happens(arguments, words):
    assert words in refused(*arguments)


WRONG_DATA = {
    "other images": (
        {"x_train": np.zeros((40, 32, 32), np.uint8), "x_test": np.zeros((10, 32, 32), np.uint8)},
        "x_train contains images of shape (32, 32), the models take grey images of 28x28 pixels: "
        "convert them to shape (samples, 28, 28).",
    ),
    "colour": (
        {"x_train": np.zeros((40, 28, 28, 3), np.uint8), "x_test": np.zeros((10, 28, 28, 3), np.uint8)},
        "x_train contains images of shape (28, 28, 3)",
    ),
    "labels": ({"y_test": np.arange(1, 11)}, "y_test contains the label 10 in row 9"),
    "NaN": ({"x_train": np.full((40, 28, 28), np.nan)}, "x_train contains 31360 NaN"),
    "lengths": ({"y_train": np.arange(9)}, "x_train has 40 rows but y_train has 9"),
    "many labels": ({"y_train": np.arange(40)}, "y_train contains the label 10 in row 10, and 29 more like it"),
    "missing array": ({"y_test": None}, "the array y_test is missing"),
    "wrong shape": ({"x_train": np.zeros((40, 784), np.uint8)}, "x_train has the shape (40, 784)"),
    "empty": ({"x_train": np.zeros((0, 28, 28), np.uint8), "y_train": np.zeros(0, int)}, "x_train has 0 rows"),
}


@pytest.mark.parametrize(("changes", "words"), WRONG_DATA.values(), ids=WRONG_DATA)
def test_wrong_data_prints_one_line_that_names_the_file_before_anything_happens(save, changes, words):
    path = save(**changes)
    assert refused("--data", path).startswith(f"{path}: {words}")


def test_an_invalid_npz_file_prints_one_line():
    Path("digits.npz").write_text("no zip")
    assert "expected an .npz file" in refused("--data", "digits.npz")


def test_a_folder_that_is_not_empty_is_rejected_before_anything_happens():
    Path("mine").mkdir()
    Path("mine", "thesis.tex").touch()
    assert "mine is not empty" in refused("--run-dir", "mine")
    assert "contains no run" in refused("--run-dir", "mine", "--overwrite")


def test_an_error_of_several_lines_becomes_one(monkeypatch):
    def fail(*_):
        raise kerasbridge.errors.DataError("first\n  second")

    monkeypatch.setattr("kerasbridge.datasets.mnist", fail)
    assert refused() == "first second"


def test_an_unexpected_exception_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("kerasbridge.datasets.mnist", lambda _: 1 / 0)
    result = run("train")
    assert result.exit_code == 1
    assert isinstance(result.exception, ZeroDivisionError)


def test_ctrl_c_ends_with_one_line_and_130(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("kerasbridge.datasets.mnist", interrupt)
    result = run("train")
    assert (result.exit_code, result.stderr) == (130, "kerasbridge: interrupted, nothing was saved.\n")


@pytest.fixture
def found(monkeypatch):
    return lambda *statuses: monkeypatch.setattr(backend_status, "backends", lambda: statuses)


def test_backends_are_shown_as_a_table(found):
    found(JAX, TORCH)
    result = run("backends")
    assert result.exit_code == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert rows == [
        ["jax", "0.10.2", "cpu, gpu:0", "yes", ""],
        ["torch", "", "", "", "not installed"],
    ]


def test_the_command_that_installs_a_backend_stays_on_one_line_of_a_narrow_terminal(found, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    found(JAX, TORCH)
    assert run("backends").stdout.splitlines()[-1] == 'For torch, type: pip install "kerasbridge[torch]"'


def test_backends_are_printed_as_json(found):
    found(JAX, TORCH)
    first, second = json.loads(run("backends", "--json").stdout)
    assert (first["name"], first["devices"], second["remedy"]) == ("jax", ["cpu", "gpu:0"], TORCH.remedy)


def test_a_broken_default_backend_is_exit_code_1_and_shown_as_it_is(found):
    found(BROKEN)
    result = run("backends")
    assert result.exit_code == 1
    assert "ImportError: no [jaxlib]" in result.stdout


def test_a_backend_whose_process_crashed_is_exit_code_1_and_the_others_are_shown(found):
    crashed = BackendStatus("torch", True, None, (), "the process was ended by SIGSEGV: torch", None, False, False)
    found(JAX, crashed)
    result = run("backends")
    assert result.exit_code == 1
    assert "cpu, gpu:0" in result.stdout
    assert "ended by SIGSEGV: torch" in result.stdout


def test_an_unavailable_default_backend_is_explained(found, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    found(TORCH)
    result = run("backends", "--quiet")
    assert (result.exit_code, result.stdout) == (1, "")
    assert 'Type: pip install "kerasbridge[torch]"' in result.stderr
