"""The engines, one a backend; others may add theirs through the entry point group ``kerasbridge.engines``."""

import functools
import importlib
from importlib import metadata
from typing import TYPE_CHECKING

from kerasbridge.errors import BackendError
from kerasbridge.runtime import backend

if TYPE_CHECKING:
    from kerasbridge.engines.base import Engine

GROUP = "kerasbridge.engines"
_OWN = {
    "jax": "kerasbridge.engines.jax:JaxEngine",
    "tensorflow": "kerasbridge.engines.tensorflow:TensorFlowEngine",
    "torch": "kerasbridge.engines.torch:TorchEngine",
}


def current() -> "Engine":
    """The engine of this process's backend, on this process's device."""
    choice = backend.choose()
    return _load(choice.backend, str(choice.device))


@functools.cache
def _load(name: str, device: str) -> "Engine":
    # Keras first, quietly: an engine's own import of its framework would let that introduce itself.
    importlib.import_module("kerasbridge.keras_compat")
    engine = _entry_point(name).load()()
    engine.settle(backend.Device.parse(device))
    loaded: Engine = engine
    return loaded


def _entry_point(name: str) -> metadata.EntryPoint:
    if name in _OWN:
        return metadata.EntryPoint(name, _OWN[name], GROUP)
    found = list(metadata.entry_points(group=GROUP, name=name))
    if not found:
        raise BackendError(f"Expected a backend with an engine ({', '.join(_OWN)}), received {name!r}.")
    return found[0]
