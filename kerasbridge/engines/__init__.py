"""The engines, one per backend; other packages add theirs through the entry point group ``kerasbridge.engines``."""

import functools
import importlib
import multiprocessing
from importlib import metadata
from typing import TYPE_CHECKING

from kerasbridge.errors import BackendError
from kerasbridge.runtime import backend, signals, world

if TYPE_CHECKING:
    from kerasbridge.engines.base import Engine

GROUP = "kerasbridge.engines"
_OWN = {
    "jax": "kerasbridge.engines.jax.engine:JaxEngine",
    "tensorflow": "kerasbridge.engines.tensorflow.engine:TensorFlowEngine",
    "torch": "kerasbridge.engines.torch.engine:TorchEngine",
}


def use_backend(name: str | None = None, device: str | None = None) -> backend.BackendConfig:
    """Choose the backend and the device of this process and import Keras, without the notices its framework prints.

    Args:
        name: "jax", "tensorflow" or "torch". By default KERAS_BACKEND, then keras.json if it names a backend
            other than tensorflow, then the first that is installed.
        device: "cpu", "gpu", "gpu:1", "mps", "tpu", "all" or "auto". By default KERASBRIDGE_DEVICE, then "auto".
            "all": distribute each batch over all devices of this process, on JAX.

    Returns:
        The backend, the device, and what chose the backend.

    Raises:
        BackendError: the backend is unknown, or the process already uses another.
        BackendNotInstalled: the backend is not installed.
        DeviceError: the device is unknown, absent, or not the one that the process already uses.

    Example:
        >>> import kerasbridge as kb
        >>> choice = kb.use_backend(device="cpu")
    """
    choice = backend.configure(name, device)
    current()
    return choice


def current() -> "Engine":
    """Return the engine of the backend and device of this process."""
    choice = backend.configure()
    return _load(choice.backend, str(choice.device))


def join_early() -> None:
    """Meet the other workers of a launcher at once on a backend that must do so before it computes, if it is known."""
    choice = backend.requested()
    is_spawned = multiprocessing.parent_process() is not None  # a reader of data, for example, that a worker started
    if choice in ("jax", "tensorflow") and not is_spawned and world.current().size > 1:
        current()


@functools.cache
def _load(name: str, device: str) -> "Engine":
    # Keras first, with stderr suppressed: an engine imports its framework, which prints notices.
    bits = importlib.import_module("kerasbridge.random.bits")
    engine: Engine = _entry_point(name).load()()
    if world.current().size > 1:
        engine.join(world.current())
    engine.set_device(backend.Device.parse(device))
    bits.use_engine_bits(engine.random_bits)
    signals.check()  # one that arrived during the import
    return engine


def _entry_point(name: str) -> metadata.EntryPoint:
    if name in _OWN:
        return metadata.EntryPoint(name, _OWN[name], GROUP)
    found = list(metadata.entry_points(group=GROUP, name=name))
    if not found:
        raise BackendError(f"Expected a backend with an engine ({', '.join(_OWN)}), received {name!r}.")
    return found[0]
