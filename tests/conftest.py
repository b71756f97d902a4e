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


def pytest_configure(config):
    """Before Keras is imported: it reads its home, and writes keras.json there, when it is."""
    for line in NOT_OURS:
        config.addinivalue_line("filterwarnings", line)
    # Small matrix products on two threads are many times slower where something else runs beside the tests.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    home = tempfile.mkdtemp(prefix="keras-home-")
    os.environ["KERAS_HOME"] = home
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))


@pytest.fixture(autouse=True)
def same_seeds():
    """What a test draws without a seed does not depend on the tests before it."""
    import numpy as np

    random.seed(0)
    np.random.seed(0)
