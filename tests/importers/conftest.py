"""Files of the original frameworks with their outputs, in a folder next to the checkout; and nets created here."""

import pytest

from kerasbridge.runtime import backend as choice
from tests.paths import SHARED


def pytest_report_header():
    return f"backend: {choice.configure().backend}"


@pytest.fixture(autouse=True)
def native_seed(same_seeds):
    """Seed the Keras generator, so that layers built outside kerasbridge draw the same in every test."""
    from kerasbridge.keras_compat import keras

    keras.utils.set_random_seed(0)


@pytest.fixture
def drawn_on_the_host():
    """Draw initial weights on the host, which is faster than compiling each draw on JAX."""
    from kerasbridge.random.keras_patch import portable_random

    with portable_random():
        yield


@pytest.fixture
def legacy():
    """The folder with files of the original frameworks."""
    folder = SHARED / "legacy"
    if not folder.is_dir():
        pytest.skip("the files of the original frameworks are not next to the checkout, in ../shared/legacy")
    return folder
