"""`kerasbridge runs`, and the errors of `kerasbridge evaluate` before it loads a framework."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rich.console  # noqa: F401, reads COLUMNS in the environment that is there when it is imported
from typer.testing import CliRunner

import kerasbridge as kb
from kerasbridge.cli import app
from kerasbridge.cli.evaluation_result import EvaluationResult, show
from kerasbridge.evaluation.classification_report import Scores
from kerasbridge.runs import lock
from tests.unit.runs.test_runs import config

DIGITS = {"name": "sample", "checksum": "none of ours"}


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # plots are slow


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="kerasbridge")


def refused(*arguments):
    result = run(*arguments)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "keras" not in sys.modules
    return result.stderr.removeprefix("kerasbridge: ").strip()


def save(name, epochs=1, logs=None, finish=True, age=timedelta(minutes=5), **changes):
    """Write a run to runs/, trained for this number of epochs and scored."""
    started = (datetime.now(UTC) - age).isoformat()
    test = changes.pop("test", {})
    try:
        with kb.runs.create(Path("runs", name), config(started=started, **changes)) as new:
            for epoch in range(epochs):
                new.add_epoch(epoch + 1, 0.5, logs or {"loss": 0.5})
            if not finish:
                raise KeyboardInterrupt
            new.finish(lambda path: path.touch(), test=test, seconds=2.5)
    except KeyboardInterrupt:
        pass


@pytest.fixture
def four():
    save("good", test={"accuracy": 0.9, "loss": 0.25}, age=timedelta(days=2))
    save("better", 3, test={"accuracy": 0.95, "loss": 0.5}, backend="torch", device="gpu:0", age=timedelta(hours=3))
    save("own", 2, {"loss": 0.5, "val_accuracy": 0.92, "val_loss": 0.125})
    save("broken off", 2, finish=False)


def rows(*arguments):
    return [line.split("  ") for line in run("runs", *arguments).stdout.splitlines()]


def names(*arguments):
    return [line["name"] for line in json.loads(run("runs", "--json", *arguments).stdout)]


@pytest.mark.usefixtures("four")
def test_runs_are_listed_with_their_results_the_best_first():
    heading, *found, note = [[cell.strip() for cell in row if cell.strip()] for row in rows()]
    assert heading == ["run", "model", "backend", "device", "epochs", "accuracy", "loss", "seconds", "started"]
    assert found == [
        ["better", "mlp", "torch", "gpu:0", "3", "0.9500", "0.5000", "2.5", "3 h ago"],
        ["own", "mlp", "jax", "cpu", "2", "0.9200 val", "0.1250 val", "2.5", "5 min ago"],
        ["good", "mlp", "jax", "cpu", "1", "0.9000", "0.2500", "2.5", "2 d ago"],
        ["broken off", "mlp", "jax", "cpu", "2 of 5", "–", "–", "–", "5 min ago"],
    ]
    assert note == ["broken off: interrupted; it has no checkpoint: train it again."]


ARGUMENTS = {"model": "cnn", "epochs": 9, "batch_size": None, "run_dir": None, "as_json": False, "resume": False}


@pytest.mark.usefixtures("four")
def test_runs_that_train_and_those_that_were_interrupted_are_told_apart():
    save("by command", 1, finish=False, arguments=ARGUMENTS, backend="torch")
    save("by fit", 1, finish=False)
    for name in ("by command", "by fit"):
        Path("runs", name, "checkpoints", "000001-epoch-1-step-0").mkdir(parents=True)
    with lock.lock(Path("runs", "broken off")):
        lines = json.loads(run("runs", "--json").stdout)
        assert "broken off: training." in run("runs").stdout.splitlines()
    command = "kerasbridge train --backend torch --model cnn --epochs 9 --run-dir 'runs/by command' --resume"
    assert {line["name"]: (line["state"], line["to_continue"]) for line in lines} == {
        "good": ("finished", None),
        "better": ("finished", None),
        "own": ("finished", None),
        "broken off": ("training", None),
        "by command": ("interrupted", f"to continue, type: {command}"),
        "by fit": ("interrupted", "to continue, pass resume=True to kb.fit."),
    }
    assert "keras" not in sys.modules


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("loss", ["own", "good", "better", "broken off"]),
        ("name", ["better", "broken off", "good", "own"]),
        ("backend", ["good", "own", "broken off", "better"]),
    ],
)
def test_runs_are_sorted_as_requested_and_those_without_the_number_are_last(by, expected):
    assert names("--sort", by) == expected


@pytest.mark.usefixtures("four")
def test_the_latest_run_comes_first_by_when_it_was_started():
    assert names("--sort", "started")[2:] == ["better", "good"]


@pytest.mark.usefixtures("four")
def test_json_contains_all_of_a_run():
    found = {line["name"]: line for line in json.loads(run("runs", "--json").stdout)}
    assert found["own"]["scored_on"] == "validation"
    assert (found["better"]["scored_on"], found["better"]["run_dir"]) == ("test", "runs/better")
    unfinished = found["broken off"]
    assert (unfinished["finished"], unfinished["epochs_done"], unfinished["epochs"]) == (None, 2, 5)
    assert "keras" not in sys.modules


@pytest.mark.usefixtures("four")
def test_a_narrow_terminal_shows_the_names_whole(monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    save("20260101-120000-cnn-tensorflow")
    output = run("runs").stdout
    assert "20260101-120000-cnn-tensorflow" in output
    assert "accuracy" in output
    assert "device" not in output


def test_control_characters_in_a_file_are_escaped():
    save("odd", model="\x1b[2J[bold]mlp")
    assert "?[2J[bold]mlp" in run("runs").stdout


def test_a_corrupt_history_hides_no_other_run():
    save("damaged")
    save("whole")
    Path("runs", "damaged", "history.jsonl").write_text("{}}\n")
    result = run("runs", "--json")
    assert {line["name"]: line["epochs_done"] for line in json.loads(result.stdout)} == {"damaged": 0, "whole": 1}
    assert "history.jsonl is damaged: line 1" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["runs"], ["."]])
def test_a_folder_without_runs_prints_what_to_type(arguments):
    result = run("runs", *arguments)
    assert result.exit_code == 0
    assert result.stdout == f"There is no run in {(arguments or ['runs'])[0]}. To create one, type: kerasbridge train\n"
    assert run("runs", *arguments, "--json").stdout == "[]\n"


def test_a_wrong_order_or_folder_prints_one_line():
    assert refused("runs", "--sort", "beauty").startswith("Expected --sort to be one of accuracy, loss")
    assert refused("runs", "nowhere") == "nowhere is not a folder: expected one that contains runs, such as runs/."


def test_evaluating_another_folder_prints_one_line():
    assert refused("evaluate", "nowhere").startswith("nowhere does not exist: expected a folder with a config.json")


def test_evaluating_a_model_of_something_else_prints_one_line():
    save("texts", data={"x": {"shape": [640, 20], "dtype": "int32"}})
    assert refused("evaluate", "runs/texts").startswith("runs/texts was not trained on digits")


def test_evaluating_a_run_without_data_requires_data():
    save("own", data={"x": {"shape": [640, 28, 28], "dtype": "float32"}})
    assert refused("evaluate", "runs/own") == (
        "runs/own does not name the digits to score it on. Type for example --data sample"
    )


def shown(capsys, right=None, **changes):
    """Return the output for ten digits, some of them misclassified."""
    predicted = np.arange(10) if right is None else np.where(right, np.arange(10), 0)
    scores = Scores(np.arange(10), np.eye(10)[predicted])
    found = {"backend": "torch", "device": "cpu", "differs": scores.changed_since({}), "why_unknown": ""} | changes
    save("run")
    show(EvaluationResult(kb.runs.load("runs/run"), None, scores, **found))
    return capsys.readouterr().out.splitlines()


def test_equal_predictions_are_reported_as_equal(capsys):
    first, *_, last = shown(capsys)
    assert first == "10 images on torch, cpu: accuracy 1.0000, loss 0.0000"
    assert last == "The same 10 predictions as on jax, where it was trained."


@pytest.mark.parametrize(
    ("here", "words"),
    [
        ({"backend": "jax"}, "as where it was trained."),
        ({"backend": "jax", "device": "gpu:0"}, "as on cpu, where it was trained."),
    ],
)
def test_the_backend_of_the_training_is_named_if_it_is_another(capsys, here, words):
    assert shown(capsys, **here)[-1].endswith(words)


def test_images_that_differ_are_named(capsys):
    assert shown(capsys, np.arange(10) != 4)[-2:] == [
        "1 of 10 predictions differ from those on jax, where it was trained:",
        "  image 4, label 4: then 4, now 0",
    ]


def test_the_confusion_is_a_row_for_each_digit(capsys):
    lines = [line.split() for line in shown(capsys, np.arange(10) != 4)]
    (four,) = [line for line in lines if line[:1] == ["4"]]
    assert four == ["4", "1", *"·" * 9]


def test_what_cannot_be_compared_is_reported(capsys):
    assert shown(capsys, differs=None, why_unknown="Other digits.")[-1] == "Other digits."
