"""The only package that uses Keras's private modules; `tests/backend/keras_compat` checks each name it uses.

Importing it settles the backend and imports Keras. Every other module takes Keras from here:
``from kerasbridge.keras_compat import keras``.
"""

import contextlib

from kerasbridge.errors import BackendNotInstalled
from kerasbridge.keras_compat.deferred_imports import deferred_imports
from kerasbridge.runtime import backend
from kerasbridge.runtime.collector import paused_collector
from kerasbridge.runtime.stderr import suppress_stderr

_config = backend.configure()
try:
    with contextlib.ExitStack() as _stack:
        _stack.enter_context(paused_collector())
        _stack.enter_context(deferred_imports(_config.backend))
        if _config.backend == "tensorflow":
            _stack.enter_context(suppress_stderr())
        import keras as keras
except Exception as error:
    raise BackendNotInstalled(
        f"Keras does not import with the {_config.backend} backend: {type(error).__name__}: {error}. "
        f"`kerasbridge backends` shows what works here; to reinstall: {backend.install_command(_config.backend)}"
    ) from error

from kerasbridge.keras_compat.lazy_tensorflow import defer_tensorflow_import  # noqa: E402 - it needs `keras`

defer_tensorflow_import()
