"""Settle which backend and which device this process runs on, before Keras is imported.

The only module that reads or writes environment variables. It loads no framework: whether a device is there is
the engine's to say, what is wrong with an installation `probing`'s.
"""

import builtins
import importlib.util
import json
import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from kerasbridge.errors import BackendError, BackendNotInstalled, DeviceError
from kerasbridge.runtime.device import Device as Device  # also known as backend.Device
from kerasbridge.runtime.device import environment_variables

BACKENDS = ("jax", "tensorflow", "torch")

_FIRST_INSTALLED = "first installed"
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@dataclass(frozen=True)
class BackendConfig:
    """The backend and device of this process, and what chose the backend, in words ("KERAS_BACKEND")."""

    backend: str
    device: Device
    reason: str


@dataclass(frozen=True)
class _Settled:
    choice: BackendConfig
    written: frozenset[str]


_settled: _Settled | None = None


def configure(name: str | None = None, device: str | None = None) -> BackendConfig:
    """Settle backend and device for this process, and tell Keras and the framework through their variables.

    Args:
        name: "jax", "tensorflow" or "torch". None: what KERAS_BACKEND says, else the Keras that is already imported,
            else keras.json where it names something other than tensorflow, else the first one installed.
        device: a word of `Device.parse`. None: what KERASBRIDGE_DEVICE says, else "auto".

    Returns:
        The choice; later calls return the same one.

    Raises:
        BackendError: the backend is unknown, or this process already runs on another.
        BackendNotInstalled: the backend is not installed, or none is.
        DeviceError: the device's word is unknown, or this process already runs on another.

    Example:
        >>> choose("jax", device="cpu").backend
        'jax'
    """
    global _settled
    if _settled is not None:
        return _confirm(_settled.choice, name, device)
    backend, reason = _resolve(name)
    choice = BackendConfig(backend, Device.parse(device or os.environ.get("KERASBRIDGE_DEVICE") or "auto"), reason)
    _settled = _Settled(choice, _write(os.environ, choice.backend, choice.device))
    if reason == _FIRST_INSTALLED:
        logging.getLogger("kerasbridge").warning(
            f"kerasbridge: no backend chosen, using {backend} (installed: {', '.join(installed())}). "
            "Choose with KERAS_BACKEND=… or kb.use_backend(…)."
        )
    return choice


def current() -> BackendConfig | None:
    """What `configure` settled in this process; None before that."""
    return _settled.choice if _settled else None


def default_backend() -> str | None:
    """The backend that `choose()` would settle on, without settling it; None where it would raise."""
    try:
        return _settled.choice.backend if _settled else _resolve(None)[0]
    except BackendError:
        return None


def installed() -> tuple[str, ...]:
    """The backends whose module can be found, in the order of `BACKENDS`; nothing is imported."""
    return tuple(name for name in BACKENDS if _is_installed(name))


def install_command(name: str) -> str:
    """The line to type to install a backend."""
    return f'pip install "kerasbridge[{name}]"'


def keras_home() -> Path:
    """The folder in which Keras keeps keras.json and its downloads."""
    if "KERAS_HOME" in os.environ:
        return Path(os.environ["KERAS_HOME"])
    home = Path("~").expanduser()
    return (home if os.access(home, os.W_OK) else Path("/tmp")) / ".keras"


def device_budget() -> str | None:
    """What KERASBRIDGE_DEVICE_BUDGET says data may take of the device's memory, in words."""
    return os.environ.get("KERASBRIDGE_DEVICE_BUDGET") or None


def child_environment(
    backend: str, device: str | None = None, float64: bool = False, threads: int | None = None
) -> dict[str, str]:
    """The environment for a child process that runs `backend`, free of what this process set for itself.

    With device None the child chooses its own; variables the user set stay as they are. With `float64` JAX has
    64-bit types; `threads` is how many the frameworks compute with on the CPU.
    """
    own = _settled.written if _settled else frozenset()
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment.pop("KERASBRIDGE_DEVICE", None)
    _write(environment, backend, Device.parse(device or "auto"))
    if device is None:
        del environment["KERASBRIDGE_DEVICE"]
    if float64:
        environment["JAX_ENABLE_X64"] = "1"
    for name in _THREADS if threads else ():
        environment.setdefault(name, str(threads))
    return environment


def _is_installed(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # already imported, by something that gave it no spec
        return True
    # A folder without __init__.py, as an uninstalled framework may leave behind, has no origin.
    return spec is not None and spec.origin is not None


def _resolve(name: str | None) -> tuple[str, str]:
    """The backend, and what chose it."""
    loaded = sys.modules["keras"].config.backend() if "keras" in sys.modules else None
    backend, reason = _wish(name, loaded) or (_first_installed(), _FIRST_INSTALLED)
    _check(backend, reason)
    if loaded not in (None, backend):
        raise _second_backend(f"has imported Keras with the {loaded} backend", backend, reason)
    return backend, reason


def _wish(name: str | None, loaded: str | None) -> tuple[str, str] | None:
    """The strongest wish for a backend, and what expresses it."""
    wishes = (
        (name, "use_backend"),
        (os.environ.get("KERAS_BACKEND") or None, "KERAS_BACKEND"),
        (loaded, "the imported Keras"),
        (_keras_json_wish(), "keras.json"),
    )
    return next(((backend, reason) for backend, reason in wishes if backend is not None), None)


def _keras_json_wish() -> str | None:
    """The backend of keras.json; None for tensorflow, which Keras writes there unasked."""
    try:
        backend = json.loads((keras_home() / "keras.json").read_text("utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):
        return None
    return None if backend in (None, "tensorflow") else str(backend)


def _first_installed() -> str:
    if names := installed():
        return names[0]
    lines = ", ".join(install_command(name) for name in BACKENDS)
    raise BackendNotInstalled(f"Expected jax, tensorflow or torch to be installed; found none. Type one of: {lines}.")


def _check(backend: str, reason: str) -> None:
    if backend not in BACKENDS:
        raise BackendError(
            f"Expected backend jax, tensorflow or torch, the three kerasbridge trains on; received {backend!r} "
            f"({reason}). Choose with --backend, KERAS_BACKEND or kb.use_backend."
        )
    if not _is_installed(backend):
        raise BackendNotInstalled(
            f"Expected an installed backend ({', '.join(installed()) or 'none is'}); "
            f"received {backend!r} ({reason}). Type: {install_command(backend)}"
        )


def _confirm(choice: BackendConfig, name: str | None, device: str | None) -> BackendConfig:
    """The settled choice, where the wish agrees with it."""
    if name not in (None, choice.backend):
        _check(str(name), "use_backend")
        raise _second_backend(f"runs on {choice.backend} ({choice.reason})", str(name), "use_backend")
    if device is not None and Device.parse(device) != choice.device:
        raise DeviceError(
            f"Expected device {str(choice.device)!r}, which this process runs on; received {device!r}. "
            f"A process has one device: start another with KERASBRIDGE_DEVICE={Device.parse(device)}."
        )
    return choice


def _second_backend(state: str, backend: str, reason: str) -> BackendError:
    if "ipykernel" in sys.modules or hasattr(builtins, "get_ipython"):
        remedy = f'Restart the kernel and call kb.use_backend("{backend}") in the first cell, before importing Keras.'
    else:
        remedy = f'Put kb.use_backend("{backend}") before `import keras`, or start with KERAS_BACKEND={backend}.'
    return BackendError(f"This process {state} and cannot change it; received {backend!r} ({reason}). {remedy}")


def _write(environment: MutableMapping[str, str], backend: str, device: Device) -> frozenset[str]:
    """Set what Keras and the framework read when imported, but nothing the user set; return the names added."""
    _refuse_other_torch_device(environment, environment_variables(backend, device), device)
    before = frozenset(environment)
    for variable, value in environment_variables(backend, device).items():
        environment.setdefault(variable, value)
    environment["KERAS_BACKEND"] = backend
    environment["KERASBRIDGE_DEVICE"] = str(device)
    return frozenset(environment) - before


def _refuse_other_torch_device(environment: Mapping[str, str], wanted: Mapping[str, str], device: Device) -> None:
    """Keras would put its variables on the user's KERAS_TORCH_DEVICE, kerasbridge its data on another device."""
    given, word = environment.get("KERAS_TORCH_DEVICE"), wanted.get("KERAS_TORCH_DEVICE")
    if given and word and given.removesuffix(":0") != word.removesuffix(":0"):
        raise DeviceError(
            f"Expected KERAS_TORCH_DEVICE to agree with the device {str(device)!r}; received "
            f"KERAS_TORCH_DEVICE={given}. Unset it, or ask for the same device."
        )
