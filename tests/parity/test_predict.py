"""One run predicts the twelve drawn digits on three backends: equal probabilities, and at least eleven correct."""

import json
import subprocess
import sys

import numpy as np
import pytest

from kerasbridge.runtime.backend import BACKENDS, child_environment
from tests.paths import ROOT

DIGITS = sorted((ROOT / "examples" / "digits").glob("*.*g"))
FULL = next(
    (path for path in (ROOT / "shared/data/mnist.npz", ROOT.parent / "shared/data/mnist.npz") if path.is_file()), None
)


def program(backend, *arguments):
    """Return the output of `kerasbridge` on a backend."""
    environment = {**child_environment(backend, threads=1), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "kerasbridge", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(backend, run):
    """Return the digits, shape (12,), and their probabilities, shape (12, 10)."""
    found = json.loads(program(backend, "predict", run, *DIGITS, "--json"))
    return np.array([one["digit"] for one in found]), np.array([one["probabilities"] for one in found])


@pytest.mark.parametrize("data", ["sample", pytest.param("full", marks=pytest.mark.long)])
def test_a_run_gives_equal_probabilities_on_every_backend(tmp_path, data):
    if data == "full" and FULL is None:
        pytest.skip("needs the full set in shared/data/mnist.npz next to the checkout")
    source = FULL if data == "full" else data
    program(
        "jax",
        "train",
        "--data",
        source,
        "--epochs",
        2 if data == "full" else 5,
        "--quiet",
        "--run-dir",
        tmp_path / "run",
    )
    found = {backend: answers(backend, tmp_path / "run") for backend in BACKENDS}
    for backend, (digits, probabilities) in found.items():
        np.testing.assert_allclose(probabilities, found["jax"][1], rtol=0, atol=1e-5, err_msg=backend)
        right = digits == [int(path.name[0]) for path in DIGITS]
        assert right.sum() >= (11 if data == "full" else 10), (backend, [*zip(DIGITS, digits, strict=True)])
