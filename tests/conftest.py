"""A Keras home of their own for all tests, and the same seeds for each; nothing here loads a framework."""

import os
import random
import shutil
import tempfile

import pytest

NOT_OURS = (
    # keras.Variable.__array__ takes no `copy`, which NumPy 2 asks for in `variable.numpy()`.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
)


# As this file is read, and not in a hook: pytest reads backend/conftest.py, which imports Keras, before the first hook.
HOME = tempfile.mkdtemp(prefix="keras-home-")
os.environ["KERAS_HOME"] = HOME
# Small matrix products on two threads are many times slower where something else runs beside the tests.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config):
    for line in NOT_OURS:
        config.addinivalue_line("filterwarnings", line)
    config.add_cleanup(lambda: shutil.rmtree(HOME, ignore_errors=True))


@pytest.fixture(autouse=True)
def same_seeds():
    """What a test draws without a seed does not depend on the tests before it."""
    import numpy as np

    random.seed(0)
    np.random.seed(0)
