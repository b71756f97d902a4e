"""A custom step gives the same losses on every backend, compiled on each."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from kerasbridge.runtime import backend

CHILD = Path(__file__).parent / "custom_steps.py"
EXAMPLES = ("variational_autoencoder", "gan", "distillation", "sharpness_aware", "gradient_penalty")
STEPS = 20
COMPILED = {"jax": "looped", "tensorflow": "looped", "torch": "traced"}


def run(name):
    """Run the examples in a process of one backend: by example, the logs of each step and the execution."""
    command = [sys.executable, CHILD, str(STEPS), *EXAMPLES]
    environment = backend.child_environment(name)
    child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout.splitlines()[-1])


def test_the_first_losses_and_every_named_value_agree_and_each_runs_compiled():
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(COMPILED, pool.map(run, COMPILED), strict=True))
    for example in EXAMPLES:
        found = {name: result[example] for name, result in results.items()}
        assert {name: result["execution"] for name, result in found.items()} == COMPILED, example
        table = {name: [step["loss"] for step in result["logs"]] for name, result in found.items()}
        assert len(set(table["jax"])) == STEPS, example
        for name in ("tensorflow", "torch"):
            np.testing.assert_allclose(table[name], table["jax"], rtol=1e-5, err_msg=f"{example} on {name}")
            for step, expected in zip(found[name]["logs"], found["jax"]["logs"], strict=True):
                assert step.keys() == expected.keys()
                close = {"rtol": 1e-4, "atol": 1e-4, "err_msg": f"{example} on {name}"}
                np.testing.assert_allclose([*step.values()], [*expected.values()], **close)
