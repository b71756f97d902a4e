"""A run trained on one backend makes the same predictions on the others, to the last image."""

import json
import shutil
import subprocess
import sys

import pytest

from kerasbridge import backend, runs

PROGRAM = """
import sys
from kerasbridge.cli import app
for run in sys.argv[2:]:
    app([sys.argv[1], *run.split(), "--json"], standalone_mode=False)
"""


def results(folder, on, command, *arguments):
    """What a command prints for each of some arguments, in one process on a backend."""
    line = [sys.executable, "-c", PROGRAM, command, *arguments]
    done = subprocess.run(
        line, cwd=folder, env=backend.child_environment(on), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(printed) for printed in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a run of each backend, named after it, and a copy of JAX's that says something wrong of an image.

    Also which image that is, and what the copy says of it.
    """
    folder = tmp_path_factory.mktemp("runs")
    for name in backend.BACKENDS:
        results(folder, name, "train", f"--epochs 1 --run-dir {name}")
    shutil.copytree(folder / "jax", folder / "wrong")
    config = json.loads((folder / "wrong" / "config.json").read_text())
    index, predicted = next(iter(config["mistakes"].items()))
    config["mistakes"][index] = (predicted + 1) % 10
    (folder / "wrong" / "config.json").write_text(json.dumps(config))
    return folder, int(index), config["mistakes"][index]


@pytest.mark.parametrize("here", backend.BACKENDS)
def test_runs_of_the_other_backends_are_as_good_or_the_images_are_named(trained, here):
    folder, index, wrong = trained
    others = [name for name in backend.BACKENDS if name != here]
    *found, tampered = results(folder, here, "evaluate", *others, "wrong")
    for name, result in zip(others, found, strict=True):
        assert result["backend"] == here
        accuracy, differs = runs.load(folder / name).config.test["accuracy"], result["differs"]
        won = sum((image["now"] == image["label"]) - (image["then"] == image["label"]) for image in differs)
        assert round(1000 * result["accuracy"]) == round(1000 * accuracy) + won
        assert len(differs) <= 1  # which image a rounding turns over depends on the processor
    assert (index, wrong) in [(image["index"], image["then"]) for image in tampered["differs"]]
