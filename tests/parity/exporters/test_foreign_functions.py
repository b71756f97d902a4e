"""A step that calls another framework than the backend's is told the line, alike on every backend."""

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


@pytest.fixture(scope="module", params=backend.BACKENDS)
def raised(request):
    """The backend, and what each step raised on it."""
    environment = backend.child_environment(request.param)
    child = subprocess.run([sys.executable, CHILD], env=environment, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    return request.param, json.loads(child.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", CALLS)
def test_another_frameworks_function_is_named_with_its_line(raised, name):
    own, errors = raised
    framework, line = CALLS[name]
    if framework == own:
        assert errors[name] is None
    else:
        number = CHILD.read_text().splitlines().index(f"    {line}") + 1
        assert errors[name] == [
            "StepError",
            f"Expected functions of keras.ops, which run on every backend, found one of {framework} in line {number} "
            f'of foreign_functions.py, "{line}", on the {own} backend. Write it with keras.ops.',
        ]


def test_the_line_is_the_one_in_the_helper_that_the_step_calls(raised):
    assert 'foreign_functions.py, "return jax.nn.relu(x) if' in raised[1]["a_module_in_a_helper"][1]
