"""`kerasbridge predict`: its prediction, its output, and one line for each wrong input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge import mnist
from kerasbridge.cli.demo import worker
from kerasbridge.keras_compat import keras
from kerasbridge.runtime import backend as choice
from tests.backend.cli.commands import run
from tests.paths import ROOT

DIGITS = ROOT / "examples" / "digits"
THREE = DIGITS / "3-photo.jpg"


def run_in_child(folder, *arguments):
    """Run a command in a folder and a separate process: return the exit code, stdout and stderr."""
    environment = choice.child_environment(keras.config.backend())
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "kerasbridge", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=300)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a run on the sample, in `run`."""
    folder = tmp_path_factory.mktemp("shell")
    code, _, err = run(folder, "train", "--epochs", 3, "--quiet", "--run-dir", "run")
    assert code == 0, err
    return folder


def test_json_has_the_model_s_own_probabilities_and_the_pixels_that_it_saw(folder):
    code, out, err = run_in_child(folder, "predict", "run", THREE, DIGITS / "0-ballpoint.png", "--json", "--show")
    assert (code, err) == (0, "")
    answers = json.loads(out)
    assert [answer["image"] for answer in answers] == [str(THREE), str(DIGITS / "0-ballpoint.png")]
    assert [answer["digit"] for answer in answers] == [3, 0]
    seen = np.stack([mnist.read(answer["image"]) for answer in answers])
    np.testing.assert_array_equal([answer["pixels"] for answer in answers], seen)
    model = keras.saving.load_model(folder / "run" / "model.keras")
    expected = kb.predict(model, seen / 255, verbose=0)
    np.testing.assert_allclose([answer["probabilities"] for answer in answers], expected, atol=1e-5)


@pytest.mark.once
def test_json_without_show_has_no_pixels(folder):
    (answer,) = json.loads(run(folder, "predict", "run", THREE, "--json")[1])
    assert set(answer) == {"image", "digit", "probabilities"}


def test_most_of_the_drawn_digits_are_recognised_after_three_epochs_of_the_sample(folder):
    images = sorted(DIGITS.glob("*.*g"))
    code, out, err = run(folder, "predict", "run", *images, "--quiet")
    assert (code, err) == (0, "")
    right = [digit == image.name[0] for digit, image in zip(out.split(), images, strict=True)]
    assert sum(right) >= 10


@pytest.mark.once
def test_bars_are_plain_text_of_at_most_eighty_columns(folder):
    code, out, err = run(folder, "predict", "run", THREE)
    name, *bars, _ = out.splitlines()
    assert (code, err, name) == (0, "", f"{THREE}: 3")
    assert max(map(len, bars)) <= 80
    assert "\x1b" not in out
    assert [line[:3] for line in bars] == ["  0", "  1", "  2", "> 3", "  4"]
    assert bars[3].split()[2].startswith("█")


@pytest.mark.once
def test_show_draws_the_input_of_the_model_even_without_block_characters(folder):
    drawn = run(folder, "predict", "run", THREE, "--show")[1].splitlines()
    assert len(drawn) == 1 + 14 + 1
    assert max(map(len, drawn[1:])) <= 80
    assert "▄██▀" in "".join(drawn)
    plain = run(folder, "predict", "run", THREE, "--show", charset="ascii")[1]
    assert plain.isascii()
    assert "@" in plain
    assert "####" in plain


@pytest.mark.once
def test_colours_are_only_used_in_terminals_that_support_them(folder, monkeypatch):
    for name, value in {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    out = run(folder, "predict", "run", THREE, "--show")[1]
    assert "\x1b[38;2;255;255;255;48;2;" in out


@pytest.mark.once
def test_unreadable_pictures_are_named_and_the_others_predicted(folder):
    code, out, err = run(folder, "predict", "run", "no.png", THREE, "run", "--quiet")
    assert (code, out) == (2, "3\n")
    assert err.splitlines() == [
        "kerasbridge: There is no file no.png: expected a picture, such as digit.png.",
        "kerasbridge: run is a folder: expected a picture; type run/*.png for those in it.",
    ]


@pytest.mark.once
def test_a_folder_without_a_run_prints_one_line(folder):
    code, out, err = run(folder, "predict", DIGITS, THREE)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("kerasbridge: ")
    assert str(DIGITS) in err


@pytest.fixture
def other_run(folder, tmp_path):
    """Replace the model of the run by a custom one."""

    def put(model):
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "config.json").write_bytes((folder / "run" / "config.json").read_bytes())
        model.save(tmp_path / "other" / "model.keras")
        return tmp_path

    return put


@pytest.mark.once
def test_a_model_that_takes_no_digits_prints_one_line(other_run):
    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    code, out, err = run(other_run(model), "predict", "other", THREE)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "32, 32, 3" in err


def test_a_model_that_diverged_prints_one_line(other_run):
    model = kb.models.mlp()
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    code, out, err = run(other_run(model), "predict", "other", THREE)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "not finite: its training diverged" in err


def test_the_process_of_the_demo_answers_as_predict_does(folder, other_run):
    (shown,) = json.loads(run(folder, "predict", "run", THREE, "--json", "--show")[1])
    request = {"run": str(folder / "run"), "pixels": shown["pixels"]}
    assert worker.answer(request | {"pixels": None}) == {}
    assert worker.answer(request) == {"probabilities": shown["probabilities"]}
    model = kb.models.mlp()
    other = request | {"run": str(other_run(model) / "other")}
    first = worker.answer(other)["probabilities"]
    model.set_weights([2 * weight for weight in model.get_weights()])
    path = Path(other["run"]) / "model.keras"
    before = path.stat().st_mtime_ns
    model.save(path)
    os.utime(path, ns=(before + 1, before + 1))
    assert worker.answer(other)["probabilities"] != first
    path.write_bytes(b"no zip")
    assert str(path) in worker.answer(other)["error"]
