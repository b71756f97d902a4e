"""What surrounds every run, whichever function starts it."""

import contextlib
from collections.abc import Iterator

from kerasbridge.engines.base import Engine
from kerasbridge.keras_compat.by_name import match_by_name


@contextlib.contextmanager
def run_scope(engine: Engine) -> Iterator[None]:
    """Match data by name, and let the losses of Keras answer alike on every backend."""
    with match_by_name(), engine.loss_scope():
        yield
