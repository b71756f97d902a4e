"""The error for a step that calls another framework than the backend names the line, on every backend."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kerasbridge.runtime import backend

CHILD = Path(__file__).parent / "foreign_functions.py"
CALLS = {
    "a_function_of_torch": ("torch", "return torch.mean(model(batch.x))"),
    "a_function_of_jax": ("jax", "return jnp.mean(model(batch.x))"),
    "a_function_of_tensorflow": ("tensorflow", "return tf.reduce_mean(model(batch.x))"),
}


@pytest.mark.parametrize("own", backend.BACKENDS)
def test_another_frameworks_function_is_named_with_its_line_also_in_a_helper(own):
    environment = backend.child_environment(own)
    child = subprocess.run([sys.executable, CHILD], env=environment, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    errors = json.loads(child.stdout.splitlines()[-1])
    assert errors.pop(f"a_function_of_{own}") is None
    assert 'foreign_functions.py, "return jax.nn.relu(x) if' in errors.pop("a_module_in_a_helper")[1]
    for name, error in errors.items():
        framework, line = CALLS[name]
        number = CHILD.read_text().splitlines().index(f"    {line}") + 1
        assert error == [
            "StepError",
            f"Expected functions of keras.ops, which run on every backend, found one of {framework} in line {number} "
            f'of foreign_functions.py, "{line}", on the {own} backend. Write it with keras.ops.',
        ]
