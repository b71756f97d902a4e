"""A temporary Keras home and the same seeds for all tests; this file loads no framework."""

import os
import random
import shutil
import tempfile

import pytest

NOT_OURS = (
    # keras.Variable.__array__ has no argument `copy`, which NumPy 2 passes in `variable.numpy()`.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
)


# Not in a hook: pytest imports backend/conftest.py, which imports Keras, before the first hook.
HOME = tempfile.mkdtemp(prefix="keras-home-")
os.environ["KERAS_HOME"] = HOME
# On a busy machine, small matrix products are many times slower on two threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("KERASBRIDGE_TRACE", "always")  # not only where it pays: tests train for a few steps
if os.environ.get("KERAS_BACKEND") == "torch":  # a compiled step that differs from the plain one is an error
    os.environ.setdefault("KERASBRIDGE_CHECK_STEPS", "error")


def pytest_configure(config):
    for line in NOT_OURS:
        config.addinivalue_line("filterwarnings", line)
    config.add_cleanup(lambda: shutil.rmtree(HOME, ignore_errors=True))


@pytest.fixture(autouse=True)
def same_seeds():
    """Make draws without a seed independent of earlier tests."""
    import numpy as np

    random.seed(0)
    np.random.seed(0)
