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
    "jax": "kerasbridge.engines.jax.engine:JaxEngine",
    "tensorflow": "kerasbridge.engines.tensorflow.engine:TensorFlowEngine",
    "torch": "kerasbridge.engines.torch.engine:TorchEngine",
}


def use_backend(name: str | None = None, device: str | None = None) -> backend.BackendConfig:
    """Choose the backend and the device of this process, and imports Keras on it, without its framework's notices.

    Args:
        name: "jax", "tensorflow" or "torch". Without it KERAS_BACKEND decides, then keras.json where it names
            something other than tensorflow, then the first that is installed.
        device: "cpu", "gpu", "gpu:1", "mps", "tpu" or "auto". Without it KERASBRIDGE_DEVICE decides, then "auto".

    Returns:
        The backend, the device, and what chose the backend.

    Raises:
        BackendError: the backend is unknown, or the process already runs on another.
        BackendNotInstalled: the backend is not installed.
        DeviceError: the device is unknown, not there, or not the one the process runs on.

    Example:
        >>> import kerasbridge as kb
        >>> choice = kb.use_backend(device="cpu")
    """
    choice = backend.configure(name, device)
    current()
    return choice


def current() -> "Engine":
    """The engine of this process's backend, on this process's device."""
    choice = backend.configure()
    return _load(choice.backend, str(choice.device))


@functools.cache
def _load(name: str, device: str) -> "Engine":
    # Keras first, quietly: an engine's own import of its framework would let that introduce itself.
    bits = importlib.import_module("kerasbridge.random.bits")
    engine: Engine = _entry_point(name).load()()
    engine.set_device(backend.Device.parse(device))
    bits.use_engine_bits(engine.random_bits)
    return engine


def _entry_point(name: str) -> metadata.EntryPoint:
    if name in _OWN:
        return metadata.EntryPoint(name, _OWN[name], GROUP)
    found = list(metadata.entry_points(group=GROUP, name=name))
    if not found:
        raise BackendError(f"Expected a backend with an engine ({', '.join(_OWN)}), received {name!r}.")
    return found[0]
