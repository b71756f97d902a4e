"""`kerasbridge compare` and `evaluate` on a table and on images of the user's: the same on three backends."""

import csv
import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

import kerasbridge as kb
from kerasbridge.runtime.backend import BACKENDS, child_environment
from tests.paths import ROOT

SCRIPT = """
    import keras
    from keras import layers


    def kinds():
        age, city = keras.Input((1,), name="age"), keras.Input((1,), dtype="int32", name="city")
        parts = layers.Concatenate()([layers.Rescaling(0.01)(age), layers.Flatten()(layers.Embedding(4, 2)(city))])
        model = keras.Model([age, city], layers.Dense(3, activation="softmax")(parts))
        model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model


    def colours():
        model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2, activation="softmax")])
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return model
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a script, a table and images."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(textwrap.dedent(SCRIPT))
    rng = np.random.default_rng(0)
    with (folder / "houses.csv").open("w", newline="") as file:
        rows = ((int(rng.integers(20, 80)), city, kind) for city, kind in ("Ax", "By", "Cz") * 40)
        csv.writer(file).writerows([("age", "city", "kind"), *rows])
    for index, colour in enumerate(("blue", "red")):
        (folder / "paint" / colour).mkdir(parents=True)
        for name in range(8):
            levels = np.array([160 * index, 0, 160 * (1 - index)]) + rng.integers(0, 80, (9, 11, 3))
            Image.fromarray(levels.astype("uint8")).save(folder / "paint" / colour / f"{name}.png")
    return folder


def program(folder, backend, *arguments):
    """Return what `kerasbridge` prints on a backend."""
    environment = {**child_environment(backend, threads=1), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "kerasbridge", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_table_and_images_train_alike_on_every_backend(place):
    found = kb.compare(script=f"{place / 'mine.py'}:kinds", data=place / "houses.csv", target="kind")
    assert found.agree
    assert all(check.equal for check in found.judgement.digests)
    assert len(found.records[0].run.losses) == 4
    assert kb.compare(script=f"{place / 'mine.py'}:colours", data=place / "paint", backends=["jax", "torch"]).agree


def test_a_run_on_a_table_scores_the_same_on_the_other_backends(place):
    options = ["--script", "mine.py:kinds", "--data", "houses.csv", "--target", "kind", "--epochs", 5]
    program(place, BACKENDS[0], "train", *options, "--quiet", "--run-dir", "run")
    for backend in BACKENDS[1:]:
        result = json.loads(program(place, backend, "evaluate", "run", "--json"))
        assert result["loss"] == pytest.approx(kb.runs.load(place / "run").config.validation["loss"], rel=1e-4)
        assert (result["rows"], len(result["differs"]) <= 1) == (24, True)
