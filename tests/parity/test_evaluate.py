"""A run trained on one backend makes the same predictions on the others, to the last image."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from kerasbridge import runs
from kerasbridge.runtime import backend

PROGRAM = """
import sys
from kerasbridge.cli import app
for run in sys.argv[2:]:
    app([sys.argv[1], *run.split(), "--json"], standalone_mode=False)
"""


def results(folder, on, command, *arguments):
    """Return the output of a command for each of some arguments, in one process on a backend."""
    line = [sys.executable, "-c", PROGRAM, command, *arguments]
    done = subprocess.run(
        line, cwd=folder, env=backend.child_environment(on), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(printed) for printed in done.stdout.splitlines()]


def on_each(call):
    """Return the result of a function for each backend, computed in parallel."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(backend.BACKENDS, pool.map(call, backend.BACKENDS), strict=True))


@pytest.fixture
def trained(tmp_path):
    """A folder with a run of each backend, named after it."""
    on_each(lambda name: results(tmp_path, name, "train", f"--epochs 1 --run-dir {name}"))
    return tmp_path


def tamper(run, copy):
    """Return a copy of a run with a wrong prediction for one image, the index of the image, and the prediction."""
    shutil.copytree(run, copy)
    config = json.loads((copy / "config.json").read_text())
    index, predicted = next(iter(config["mistakes"].items()))
    config["mistakes"][index] = (predicted + 1) % 10
    (copy / "config.json").write_text(json.dumps(config))
    return int(index), config["mistakes"][index]


def test_a_run_is_as_good_on_the_other_backends_or_the_images_are_named(trained):
    wrong = tamper(trained / "jax", trained / "wrong")
    found = on_each(lambda here: results(trained, here, "evaluate", *backend.BACKENDS, "wrong"))
    for here, (*evaluated, tampered) in found.items():
        for there, result in zip(backend.BACKENDS, evaluated, strict=True):
            differs = result["differs"]
            won = sum((image["now"] == image["label"]) - (image["then"] == image["label"]) for image in differs)
            accuracy = runs.load(trained / there).config.test["accuracy"]
            assert round(1000 * result["accuracy"]) == round(1000 * accuracy) + won, (here, there)
            assert len(differs) <= (here != there)  # which image changes by rounding depends on the processor
        assert wrong in [(image["index"], image["then"]) for image in tampered["differs"]]
