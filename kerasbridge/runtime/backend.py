"""Choose the backend and the device of this process, before Keras is imported.

The only module that reads or writes environment variables. It loads no framework: an engine checks that the device
exists, `backend_status` checks the installation.
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

from kerasbridge.errors import BackendError, BackendNotInstalled, DeviceError, WorkerError
from kerasbridge.runtime.device import Device as Device  # also known as backend.Device
from kerasbridge.runtime.device import environment_variables

BACKENDS = ("jax", "tensorflow", "torch")

_FIRST_INSTALLED = "first installed"
_LAUNCHER = (
    "RANK",
    "WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "TORCHELASTIC_USE_AGENT_STORE",
    "TORCHELASTIC_RESTART_COUNT",
    "KERASBRIDGE_PEERS",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
)
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@dataclass(frozen=True)
class BackendConfig:
    """The backend and device of this process, and what chose the backend ("KERAS_BACKEND", "keras.json", …)."""

    backend: str
    device: Device
    reason: str


@dataclass(frozen=True)
class _Settled:
    config: BackendConfig
    variables: frozenset[str]  # environment variables that `configure` set


_settled: _Settled | None = None


def configure(name: str | None = None, device: str | None = None, chosen_by: str = "use_backend") -> BackendConfig:
    """Choose the backend and device of this process, and set the environment variables that Keras and it read.

    Args:
        name: "jax", "tensorflow" or "torch". None: the value of KERAS_BACKEND, else the backend of the Keras that is
            already imported, else that of keras.json unless it is tensorflow, else the first one installed.
        device: a name that `Device.parse` accepts. None: the value of KERASBRIDGE_DEVICE, else "auto".
        chosen_by: where the user typed the name, for messages.

    Returns:
        The configuration; later calls return the same one.

    Raises:
        BackendError: the backend is unknown, or this process already runs on another.
        BackendNotInstalled: the backend is not installed, or no backend is.
        DeviceError: the device is unknown, or this process already runs on another.

    Example:
        >>> configure("jax", device="cpu").backend
        'jax'
    """
    global _settled
    if _settled is not None:
        return _confirm(_settled.config, name, device, chosen_by)
    backend, reason = _resolve(name, chosen_by)
    config = BackendConfig(backend, Device.parse(device or os.environ.get("KERASBRIDGE_DEVICE") or "auto"), reason)
    _settled = _Settled(config, _set_variables(os.environ, config.backend, config.device))
    if reason == _FIRST_INSTALLED:
        logging.getLogger("kerasbridge").warning(
            f"kerasbridge: no backend chosen, using {backend} (installed: {', '.join(installed())}). "
            "Choose with --backend, KERAS_BACKEND or kb.use_backend."
        )
    return config


def current() -> BackendConfig | None:
    """Return the configuration of this process; None before `configure`."""
    return _settled.config if _settled else None


def default_backend() -> str | None:
    """Return the backend that `configure()` would choose, without choosing it; None if it would raise."""
    try:
        return _settled.config.backend if _settled else _resolve(None)[0]
    except BackendError:
        return None


def requested() -> str | None:
    """Return the backend that this process has, or that KERAS_BACKEND or the imported Keras chooses; None otherwise."""
    if _settled:
        return _settled.config.backend
    return os.environ.get("KERAS_BACKEND") or (_loaded() if "keras" in sys.modules else None)


def installed() -> tuple[str, ...]:
    """Return the backends whose module can be found, in the order of `BACKENDS`, without importing them."""
    return tuple(name for name in BACKENDS if _is_installed(name))


def install_command(name: str) -> str:
    """Return the command that installs a backend."""
    return f'pip install "kerasbridge[{name}]"'


def keras_home() -> Path:
    """Return the folder of keras.json and of the downloads of Keras."""
    if "KERAS_HOME" in os.environ:
        return Path(os.environ["KERAS_HOME"])
    home = Path("~").expanduser()
    return (home if os.access(home, os.W_OK) else Path("/tmp")) / ".keras"


def device_budget() -> str | None:
    """Return the value of KERASBRIDGE_DEVICE_BUDGET, the device memory that data may take; None if it is not set."""
    return os.environ.get("KERASBRIDGE_DEVICE_BUDGET") or None


def fast_paths() -> tuple[str, ...] | None:
    """Return the names in KERASBRIDGE_FAST_PATHS, separated by commas; () for "none" or "", None if it is not set."""
    value = os.environ.get("KERASBRIDGE_FAST_PATHS")
    if value is None:
        return None
    return tuple(name.strip() for name in value.split(",")) if value not in ("", "none") else ()


def checks_steps_strictly() -> bool:
    """Return whether KERASBRIDGE_CHECK_STEPS is "error": for tests, see `training.step_check`."""
    return os.environ.get("KERASBRIDGE_CHECK_STEPS") == "error"


def launcher_variables() -> dict[str, str]:
    """Return the variables by which a launcher announces the workers of a training, those that are set."""
    return {name: os.environ[name] for name in (*_LAUNCHER, "CUDA_VISIBLE_DEVICES") if name in os.environ}


def set_variables(variables: Mapping[str, str]) -> None:
    """Set environment variables of this process, as its launcher: those of `launcher_variables`, backend, device."""
    os.environ.update(variables)


def worker_timeout() -> float:
    """Return the value of KERASBRIDGE_WORKER_TIMEOUT: seconds without a sign of life after which a worker is lost.

    Raises:
        WorkerError: it is no positive number.
    """
    value = os.environ.get("KERASBRIDGE_WORKER_TIMEOUT") or "300"
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise WorkerError(f"Expected KERASBRIDGE_WORKER_TIMEOUT to be a number of seconds, received {value!r}.")
    return seconds


def trace_mode() -> str:
    """Return the value of KERASBRIDGE_TRACE: when torch traces a step, "always", "never", or "auto", if that pays.

    Raises:
        BackendError: it has another value.
    """
    value = os.environ.get("KERASBRIDGE_TRACE") or "auto"
    if value not in ("always", "auto", "never"):
        raise BackendError(f"Expected KERASBRIDGE_TRACE to be always, auto or never; received {value!r}. Unset it.")
    return value


def child_environment(
    backend: str, device: str | None = None, float64: bool = False, threads: int | None = None
) -> dict[str, str]:
    """Return the environment for a child process on `backend`, without the variables that this process set for itself.

    Variables that the user set stay as they are.

    Args:
        backend: the backend of the child.
        device: its device; None to let the child choose.
        float64: enable 64-bit types in JAX.
        threads: the number of CPU threads of the frameworks.
    """
    own = _settled.variables if _settled else frozenset()
    environment = {name: value for name, value in os.environ.items() if name not in (*own, *_LAUNCHER)}
    environment.pop("KERASBRIDGE_DEVICE", None)
    _set_variables(environment, backend, Device.parse(device or "auto"))
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
    except ValueError:  # already imported, without a spec
        return True
    # An uninstalled framework may leave a folder without __init__.py behind; that has no origin.
    return spec is not None and spec.origin is not None


def _resolve(name: str | None, chosen_by: str = "") -> tuple[str, str]:
    """Return the backend, and what chose it."""
    loaded = _loaded()
    backend, reason = _requested(name, chosen_by, loaded) or (_first_installed(), _FIRST_INSTALLED)
    _check(backend, reason)
    if loaded not in (None, backend):
        raise _second_backend(f"has imported Keras with the {loaded} backend", backend, reason)
    return backend, reason


def _loaded() -> str | None:
    """Return the backend of the imported Keras."""
    return sys.modules["keras"].config.backend() if "keras" in sys.modules else None


def _requested(name: str | None, chosen_by: str, loaded: str | None) -> tuple[str, str] | None:
    """Return the requested backend of the highest precedence, and what requested it."""
    requests = (
        (name, chosen_by),
        (os.environ.get("KERAS_BACKEND") or None, "KERAS_BACKEND"),
        (loaded, "the imported Keras"),
        (_keras_json_backend(), "keras.json"),
    )
    return next(((backend, reason) for backend, reason in requests if backend is not None), None)


def _keras_json_backend() -> str | None:
    """Return the backend of keras.json; None for tensorflow, which Keras writes there by default."""
    try:
        backend = json.loads((keras_home() / "keras.json").read_text("utf-8")).get("backend")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return None if backend in (None, "tensorflow") else str(backend)


def _first_installed() -> str:
    if names := installed():
        return names[0]
    commands = ", ".join(install_command(name) for name in BACKENDS)
    raise BackendNotInstalled(
        f"Expected jax, tensorflow or torch to be installed; found none. Type one of: {commands}."
    )


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


def _confirm(config: BackendConfig, name: str | None, device: str | None, chosen_by: str) -> BackendConfig:
    """Return the configuration of this process if the requested backend and device agree with it."""
    if name not in (None, config.backend):
        _check(str(name), chosen_by)
        raise _second_backend(f"runs on {config.backend} ({config.reason})", str(name), chosen_by)
    if device is not None and Device.parse(device) != config.device:
        raise DeviceError(
            f"Expected device {str(config.device)!r}, which this process runs on; received {device!r}. "
            f"A process has one device: start another with KERASBRIDGE_DEVICE={Device.parse(device)}."
        )
    return config


def _second_backend(state: str, backend: str, reason: str) -> BackendError:
    if "ipykernel" in sys.modules or hasattr(builtins, "get_ipython"):
        remedy = f'Restart the kernel and call kb.use_backend("{backend}") in the first cell, before importing Keras.'
    else:
        remedy = f'Put kb.use_backend("{backend}") before `import keras`, or start with KERAS_BACKEND={backend}.'
    return BackendError(f"This process {state} and cannot change it; received {backend!r} ({reason}). {remedy}")


def _set_variables(environment: MutableMapping[str, str], backend: str, device: Device) -> frozenset[str]:
    """Set the variables that Keras and the framework read, but not those that the user set; return the names added."""
    _refuse_other_torch_device(environment, environment_variables(backend, device), device)
    before = frozenset(environment)
    for variable, value in environment_variables(backend, device).items():
        environment.setdefault(variable, value)
    environment["KERAS_BACKEND"] = backend
    environment["KERASBRIDGE_DEVICE"] = str(device)
    return frozenset(environment) - before


def _refuse_other_torch_device(environment: Mapping[str, str], wanted: Mapping[str, str], device: Device) -> None:
    """Refuse a KERAS_TORCH_DEVICE, where Keras puts its variables, other than the device of kerasbridge's data."""
    current, expected = environment.get("KERAS_TORCH_DEVICE"), wanted.get("KERAS_TORCH_DEVICE")
    if current and expected and current.removesuffix(":0") != expected.removesuffix(":0"):
        raise DeviceError(
            f"Expected KERAS_TORCH_DEVICE to agree with the device {str(device)!r}; received "
            f"KERAS_TORCH_DEVICE={current}. Unset it, or ask for the same device."
        )
