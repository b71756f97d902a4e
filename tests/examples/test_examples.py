"""Every example runs as a script from another folder, on the backend of KERAS_BACKEND."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from kerasbridge.runtime import backend
from tests.paths import EXAMPLES


def run(script, folder):
    """Run a script and return its output."""
    command = [sys.executable, EXAMPLES / script]
    child = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    return child.stdout


@pytest.fixture(scope="module", params=["mnist.py", "own_model.py"])
def ran(request, tmp_path_factory):
    """An example that has run: its output and its folder."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return run(request.param, folder), folder


def test_an_example_learns_the_digits(ran):
    accuracy = re.search(r"test accuracy (\S+)", ran[0])[1]
    assert float(accuracy) > 0.9


def test_an_example_leaves_nothing_behind(ran):
    assert list(ran[1].iterdir()) == []


@pytest.mark.skipif(os.environ.get("KERAS_BACKEND") not in (None, backend.installed()[0]), reason="runs them all")
def test_switching_backends_changes_no_number_beyond_rounding(tmp_path):
    rows = [line.split() for line in run("switch_backends.py", tmp_path).splitlines()[1:]]
    assert tuple(row[0] for row in rows) == backend.installed()
    numbers = np.array([row[1:] for row in rows], float)
    np.testing.assert_allclose(numbers[:, :-1], numbers[:1, :-1].repeat(len(rows), 0), rtol=1e-3)
    assert (numbers[:, -1] > 0.85).all()


OWN_STEPS = {
    "variational_autoencoder.py": (r"untrained (\S+), trained (\S+)", lambda before, after: after < 140 < 400 < before),
    "gan.py": (r"untrained (\S+), trained (\S+)", lambda before, after: after < 0.35 < 0.6 < before),
    "distillation.py": (r"student: (\d+) weights, test accuracy (\S+)", lambda _, accuracy: accuracy > 0.87),
    "sharpness_aware.py": (
        r"sharpness-aware: test loss (\S+)  test accuracy (\S+)",
        lambda loss, accuracy: accuracy > 0.91,
    ),
    "gradient_penalty.py": (
        r"share of points in a cluster (\S+)  clusters reached (\d)",
        lambda share, clusters: share > 0.8 and clusters == 8,
    ),
}


@pytest.mark.once  # tests/parity compares their first losses
@pytest.mark.parametrize("script", OWN_STEPS)
def test_an_example_of_a_custom_step_learns(script, tmp_path):
    pattern, learned = OWN_STEPS[script]
    assert learned(*map(float, re.search(pattern, run(script, tmp_path)).groups()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("script", OWN_STEPS)
def test_an_example_of_a_custom_step_is_under_eighty_lines(script):
    assert len((EXAMPLES / script).read_text().splitlines()) < 80


@pytest.mark.once
def test_the_example_for_several_workers_trains_alone_too(tmp_path):
    losses = [*map(float, re.search(r"^1 workers, .*: (.*)", run("several_workers.py", tmp_path))[1].split())]
    assert losses == sorted(losses, reverse=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.once
def test_a_caffe_net_is_fine_tuned_and_exported_to_onnx(tmp_path):
    printed = run("import_caffe.py", tmp_path)
    before, after = re.findall(r"accuracy .*: (\S+)", printed)
    assert float(before) < 0.3 < 0.85 < float(after)
    assert float(re.search(r"difference +(\S+)", printed)[1]) < 1e-5
    assert (tmp_path / "lenet.onnx").is_file()


def test_every_example_is_tested():
    others = {"import_caffe.py", "mnist.py", "own_model.py", "several_workers.py", "switch_backends.py"}
    assert {path.name for path in EXAMPLES.glob("*.py")} == others | set(OWN_STEPS)


def test_every_example_is_on_the_page_of_examples():
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text()
    included = re.findall(r"literalinclude\} \.\./examples/(\w+\.py)", page)
    assert sorted(included) == sorted(path.name for path in EXAMPLES.glob("*.py"))
