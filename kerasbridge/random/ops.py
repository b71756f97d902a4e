"""`keras.ops` as the random functions use it: on the backend of the process, or on TensorFlow in a tf.data pipeline."""

import contextlib
from contextvars import ContextVar
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.private_api import private_api
from kerasbridge.runtime.context import context_value

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


def pipeline_scope() -> contextlib.AbstractContextManager[None]:
    """Compute with TensorFlow inside the context, whatever the backend: layers in a tf.data pipeline do."""
    return context_value(_in_pipeline, True)


def is_in_pipeline() -> bool:
    """Return whether a `pipeline_scope` is open."""
    return _in_pipeline.get()
