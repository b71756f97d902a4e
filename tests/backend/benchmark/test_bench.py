"""`kerasbridge bench` measures contenders in processes of their own: a workload, and a model of the user's."""

import json
import re
import textwrap

import pytest
from PIL import Image

from kerasbridge.keras_compat import keras
from tests.backend.cli.commands import run

SCRIPT = """
    import os
    import keras
    import numpy as np

    def build():
        rng = np.random.default_rng(0)
        x = rng.random((64, 4), "float32")
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return {"model": model, "x": x, "y": x.sum(1, keepdims=True), "batch_size": 16}

    def colours():
        layers = [keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
        model = keras.Sequential([keras.Input((4, 4, 3)), *layers])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    def crash():
        if model_is_stock():
            os._exit(7)
        return build()

    def model_is_stock():
        import sys
        return "kerasbridge.engines" not in sys.modules
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(textwrap.dedent(SCRIPT))
    return path


@pytest.mark.once
def test_a_workload_is_measured_and_written(tmp_path, backend):
    options = ["--backend", backend, "--contender", "stock", "--contender", "by-hand", "--quick", "--rows", 64]
    code, out, err = run(
        tmp_path, "bench", "--workload", "autoencoder", *options, "--threads", 1, "--json", "b.json", "--plot", "b.svg"
    )
    assert code == 0
    assert re.search(rf"(?m)^autoencoder: by-hand on {backend}, round 2 of 2: done in [0-9.]+ s$", err)
    assert len(err.splitlines()) == 9  # a start and two rounds of three contenders
    assert out.startswith("autoencoder: batch 32, 64 rows\n")
    written = json.loads((tmp_path / "b.json").read_text())
    contenders = written["workloads"][0]["contenders"]
    assert [one["contender"] for one in contenders] == ["kerasbridge", "stock", "by-hand"]
    for one in contenders:
        counts = {name: len(clocks["wall"]["samples"]) for name, clocks in one["quantities"].items()}
        assert counts == {
            "import": 1, "first epoch": 1, "first fit": 1, "first evaluate": 1, "first predict": 1,
            "epoch": 4, "evaluate": 2, "predict": 2,
        }  # fmt: skip
        assert one["peak_bytes"] > 10_000_000
        assert one["comparable"]
    assert contenders[0]["runs"]["execution"]
    assert (tmp_path / "b.svg").read_text().startswith("<?xml")


@pytest.mark.once
def test_a_crash_is_named_and_the_others_are_shown(tmp_path, script, backend):
    options = ["--script", f"{script}:crash", "--backend", backend, "--contender", "stock", "--quick"]
    code, out, err = run(tmp_path, "bench", *options)
    assert code == 1
    assert f"stock on {backend}, start 1 of 1: failed" in err
    assert "mine.py:crash: batch 16, 64 rows" in out
    assert f"stock on {backend}: the process ended with code 7" in out
    assert re.search(rf"\| {backend} +\| kerasbridge +\| 0\.", out)
    assert re.search(rf"\| {backend} +\| stock +\| +\|", out)


@pytest.mark.once
def test_a_model_in_a_file_is_measured_on_a_table(tmp_path, backend):
    inputs = [keras.Input((1,), name=name) for name in ("a", "b")]
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(inputs)))
    model.compile("sgd", "mse")
    model.save(tmp_path / "sum.keras")
    (tmp_path / "sums.csv").write_text("sum,b,a\n" + "3,1,2\n" * 64)
    options = ["--model", "sum.keras", "--data", "sums.csv", "--target", "sum", "--contender", "stock", "--quick"]
    assert run(tmp_path, "bench", *options, "--backend", backend, "--json", "b.json", "--quiet") == (0, "", "")
    workload = json.loads((tmp_path / "b.json").read_text())["workloads"][0]
    assert (workload["name"], workload["rows"], workload["batch_size"]) == ("sum.keras", 64, 32)
    ours, stock = workload["contenders"]
    assert ours["loss"] == pytest.approx(stock["loss"], rel=1e-5)
    assert run(tmp_path, "bench", "--model", "sum.keras")[2].startswith("kerasbridge: Expected data for sum.keras")


@pytest.mark.once
def test_a_model_of_a_script_is_measured_on_a_folder_of_images(tmp_path, script, backend):
    for index, colour in enumerate(("blue", "red")):
        (tmp_path / "paint" / colour).mkdir(parents=True)
        for count in range(8):
            picture = Image.new("RGB", (4, 4), (255 * index, count, 255 - 255 * index))
            picture.save(tmp_path / "paint" / colour / f"{count}.png")
    options = ["--backend", backend, "--contender", "stock", "--quick", "--rounds", 1, "--json", "b.json", "--quiet"]
    assert run(tmp_path, "bench", "--script", f"{script}:colours", "--data", "paint", *options) == (0, "", "")
    workload = json.loads((tmp_path / "b.json").read_text())["workloads"][0]
    assert (workload["rows"], workload["batch_size"]) == (16, 32)
    ours, stock = workload["contenders"]
    assert ours["loss"] == pytest.approx(stock["loss"], rel=1e-5)  # one batch, in any order


def test_options_that_exclude_each_other_are_refused(tmp_path, script):
    for options, message in (
        (["--script", f"{script}:build", "--workload", "mlp"], "Expected --workload or --script, received both."),
        (["--clock", "sun"], "Expected --clock wall or cpu, received 'sun'."),
        (["--json", "missing/b.json"], "Expected --json to be a file in an existing folder"),
    ):
        code, out, err = run(tmp_path, "bench", *options)
        assert (code, out) == (2, "")
        assert err.startswith(f"kerasbridge: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]
