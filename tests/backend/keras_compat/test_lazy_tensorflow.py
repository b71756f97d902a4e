"""TensorFlow as a library of Keras on every backend: imported late, then seeded, and used by layers that need it."""

import json
import subprocess
import sys

import pytest

from tests.paths import ROOT

pytest.importorskip("tensorflow")

START = """
import importlib.util, json, sys
from pathlib import Path
import numpy as np
import kerasbridge as kb
from kerasbridge.keras_compat import keras
deferred = keras.config.backend() != "tensorflow"
"""

ORDER = """
kb.seed_everything(0)
importlib.util.find_spec("tensorflow")  # as libraries do to see whether it is installed
assert deferred != ("tensorflow" in sys.modules)
for k in range(8):
    folder = Path(sys.argv[1], "ab"[k % 2])
    folder.mkdir(exist_ok=True)
    keras.utils.save_img(folder / f"{k}.png", np.full((4, 4, 3), 20.0 * k), scale=False)
seeds = {"seed": 1, "image_size": (4, 4), "batch_size": 1, "verbose": False}
images = keras.utils.image_dataset_from_directory(sys.argv[1], **seeds)
import tensorflow as tf

def orders():
    rows = [int(k) for k in tf.data.Dataset.range(12).shuffle(12)]
    return [int(image[0, 0, 0, 0]) for image, _ in images], rows

first = orders()
tf.random.set_seed(0)
images = keras.utils.image_dataset_from_directory(sys.argv[1], **seeds)
print(json.dumps([first, orders()]))
"""

LAYERS = """
layers = keras.layers
words = layers.StringLookup(vocabulary=["a", "b"])(["b", "a", "z"])
text = layers.TextVectorization(vocabulary=["a", "b"])(["b a z"])
numbers = layers.IntegerLookup(vocabulary=[3, 5])([5, 3, 9])
hashed = layers.Hashing(num_bins=1)([[1], [2]])
crossed = layers.HashedCrossing(num_bins=1)((np.array([1, 2]), np.array([1, 2])))
found = [words, text, numbers, hashed, crossed]
print(json.dumps([keras.ops.convert_to_numpy(each).ravel().tolist() for each in found]))
"""


def run(script, *arguments):
    """Return what a script prints as JSON in a process of its own, with the backend of this one."""
    command = [sys.executable, "-c", START + script, *map(str, arguments)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_tensorflow_is_seeded_when_it_is_imported_after_seed_everything(tmp_path):
    first, seeded = run(ORDER, tmp_path)
    assert first == seeded
    assert len(set(first[0])) == 8


def test_layers_that_look_up_with_tensorflow_use_it_where_it_is_installed():
    assert run(LAYERS) == [[2, 1, 0], [3, 2, 1], [2, 1, 0], [0, 0], [0, 0]]
