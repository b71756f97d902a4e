"""`keras.ops` as the random functions use it: on the backend of the process, or on TensorFlow in a tf.data pipeline."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.private_api import private_api

_in_pipeline: ContextVar[bool] = ContextVar("in_pipeline", default=False)


class _Ops:
    """The functions of `keras.ops` by name."""

    def __getattr__(self, name: str) -> Any:
        if not _in_pipeline.get():
            return getattr(keras.ops, name)
        tensorflow = private_api("TensorFlow functions")
        modules = (tensorflow, tensorflow.numpy, tensorflow.nn)
        return getattr(next(module for module in modules if hasattr(module, name)), name)


ops: Any = _Ops()


@contextlib.contextmanager
def pipeline_scope() -> Iterator[None]:
    """Compute with TensorFlow inside the context, whatever the backend: layers in a tf.data pipeline do."""
    token = _in_pipeline.set(True)
    try:
        yield
    finally:
        _in_pipeline.reset(token)


def is_in_pipeline() -> bool:
    """Return whether a `pipeline_scope` is open."""
    return _in_pipeline.get()
