"""A step of one's own gives the same losses on every backend, compiled on each."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kerasbridge.runtime import backend

CHILD = Path(__file__).parent / "custom_steps.py"
EXAMPLES = ("variational_autoencoder", "gan", "distillation", "sharpness_aware", "gradient_penalty")
STEPS = 20
COMPILED = {"jax": "looped", "tensorflow": "looped", "torch": "traced"}


@pytest.fixture(scope="module", params=EXAMPLES)
def results(request):
    """What an example's step logged on each backend."""
    return {name: run(name, request.param) for name in backend.BACKENDS}


def run(name, example):
    command = [sys.executable, CHILD, example, str(STEPS)]
    environment = backend.child_environment(name)
    child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout.splitlines()[-1])


def test_the_first_losses_agree(results):
    table = {name: [step["loss"] for step in result["logs"]] for name, result in results.items()}
    assert len(set(table["jax"])) == STEPS
    for name in ("tensorflow", "torch"):
        np.testing.assert_allclose(table[name], table["jax"], rtol=1e-5, err_msg=name)


def test_every_named_value_agrees(results):
    for name in ("tensorflow", "torch"):
        for step, expected in zip(results[name]["logs"], results["jax"]["logs"], strict=True):
            assert step.keys() == expected.keys()
            np.testing.assert_allclose([*step.values()], [*expected.values()], rtol=1e-4, atol=1e-4, err_msg=name)


def test_it_runs_compiled(results):
    assert {name: result["execution"] for name, result in results.items()} == COMPILED
