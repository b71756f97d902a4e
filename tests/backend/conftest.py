"""The backend of this process, and child processes that run on it."""

import subprocess
import sys
import textwrap

import pytest

from kerasbridge.keras_compat import keras
from kerasbridge.random import keras_patch
from kerasbridge.runtime import backend as choice
from tests.paths import ROOT


def pytest_report_header():
    return f"backend: {choice.configure().backend}"


@pytest.fixture
def backend():
    """The backend of this process."""
    return keras.config.backend()


@pytest.fixture(autouse=True)
def native_seed(same_seeds):
    """Seed the Keras generator, so that layers built outside kerasbridge draw the same in every test."""
    keras.utils.set_random_seed(0)
    yield
    assert not keras_patch.is_random_portable(), "the random numbers were not given back"


@pytest.fixture
def child(backend):
    """Run a script in a separate process on this backend, and return the finished process."""

    def run(script, device=None, **variables):
        environment = {**choice.child_environment(backend, device), **variables}
        command = [sys.executable, "-c", textwrap.dedent(script)]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)

    return run
