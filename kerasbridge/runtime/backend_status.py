"""Say which backends are installed, what devices they see and what is wrong with them, and which versions are tested.

Each framework is imported in a process of its own, so that a broken one does not hide the others.
"""

import importlib.metadata
import json
import re
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kerasbridge.runtime import backend, subprocesses

_CHILD = "kerasbridge.runtime._status_worker"


@dataclass(frozen=True)
class Framework:
    """A package, the names it is distributed under, and the minor versions it is tested with, both included."""

    name: str
    distributions: tuple[str, ...]
    oldest: str
    newest: str
    gpu_line: str = ""

    def outside(self, version: str) -> str | None:
        """How a version lies outside the tested range, in words; None where it lies inside."""
        span = self.oldest if self.oldest == self.newest else f"{self.oldest}-{self.newest}"
        if _minor(version) < _minor(self.oldest):
            return f"{version} is older than the tested {span}"
        if _minor(version) > _minor(self.newest):
            return f"{version} is newer than the tested {span}"
        return None

    def distribution(self) -> tuple[str, str | None]:
        """The distribution that is installed and its version; the first name and None where none is."""
        for name in self.distributions:
            try:
                return name, importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        return self.distributions[0], None


# The versions that kerasbridge's own tests run with; gpu_line installs the build for NVIDIA cards.
FRAMEWORKS = {
    framework.name: framework
    for framework in (
        Framework("keras", ("keras",), "3.15", "3.15"),
        Framework("jax", ("jax",), "0.7", "0.10", 'pip install "jax[cuda13]"'),
        Framework("tensorflow", ("tensorflow", "tensorflow-cpu"), "2.20", "2.21", 'pip install "tensorflow[and-cuda]"'),
        Framework("torch", ("torch",), "2.13", "2.13", 'pip install --force-reinstall "torch==2.13.*"'),
    )
}


@dataclass(frozen=True)
class BackendStatus:
    """One backend as it is on this machine.

    Attributes:
        name: "jax", "tensorflow" or "torch".
        installed: whether its module can be found.
        version: None where it is not installed, or does not tell.
        devices: what it sees, in the words of `Device`: "cpu", "gpu:0", …
        problem: what is wrong with it, in one line; None where nothing is, or where it is not installed.
        remedy: what to type against that, or to install it.
        default: whether it would be chosen now if nobody chose.
    """

    name: str
    installed: bool
    version: str | None
    devices: tuple[str, ...]
    problem: str | None
    remedy: str | None
    default: bool


@dataclass(frozen=True)
class _Answer:
    """What a child process found: `error` and `remedy` where it could not import the framework or ask for devices."""

    version: str | None = None
    devices: tuple[str, ...] = ()
    error: str | None = None
    remedy: str | None = None


def backends(timeout: float = 60) -> tuple[BackendStatus, ...]:
    """Look at jax, tensorflow and torch, each in a process of its own, all at once.

    Args:
        timeout: seconds after which a framework that has not answered is given up.

    Returns:
        The status of each, in the order of `BACKENDS`. Nothing is raised for a broken framework.

    Example:
        >>> [status.name for status in backends()]
        ['jax', 'tensorflow', 'torch']
    """
    with ThreadPoolExecutor(len(backend.BACKENDS)) as pool:
        look = partial(_status, timeout=timeout, installed=backend.installed(), default=backend.default_backend())
        return tuple(pool.map(look, backend.BACKENDS))


def _status(name: str, timeout: float, installed: tuple[str, ...], default: str | None) -> BackendStatus:
    if name not in installed:
        return BackendStatus(name, False, None, (), None, backend.install_command(name), default=False)
    framework = FRAMEWORKS[name]
    environment = backend.child_environment(name)
    answer = _ask(framework, environment, timeout)
    version = answer.version or framework.distribution()[1]
    problem, remedy = _diagnose(framework, environment, answer, version)
    return BackendStatus(name, True, version, answer.devices, problem, remedy, default=name == default)


def _ask(framework: Framework, environment: Mapping[str, str], timeout: float) -> _Answer:
    child = subprocesses.run(_CHILD, framework.name, environment=environment, timeout=timeout)
    if child.timed_out:
        hint = f'to see where it hangs: python -X faulthandler -c "import {framework.name}"'
        return _Answer(error=f"no answer within {timeout:g} seconds", remedy=hint)
    return _read(framework, child)


def _read(framework: Framework, child: subprocesses.ChildResult) -> _Answer:
    """The answer is the last line of stdout: what Python's own start-up printed comes before it."""
    reinstall = f"pip install --force-reinstall {framework.distribution()[0]}"
    try:
        found = json.loads(child.stdout.splitlines()[-1])
        version, devices, error = found["version"], tuple(found["devices"]), found["error"]
    except (IndexError, ValueError, TypeError, KeyError):
        return _Answer(error=f"the process ended with code {child.code}: {child.last_line}", remedy=reinstall)
    if error and version:  # imported: a variable such as JAX_PLATFORMS may be wrong rather than the installation
        whole = f"to see the whole error: python -m {_CHILD} {framework.name}"
        return _Answer(version, error=f"cannot list its devices: {error}", remedy=whole)
    return _Answer(version, devices, error, error and reinstall)


def _diagnose(
    framework: Framework, environment: Mapping[str, str], answer: _Answer, version: str | None
) -> tuple[str | None, str | None]:
    """The worst problem and the line that mends it."""
    if answer.error is not None:
        return answer.error, answer.remedy
    if version is not None and (outside := framework.outside(version)):
        return outside, f'pip install "{framework.distribution()[0]}=={framework.newest}.*"'
    unseen = not any(device.startswith("gpu") for device in answer.devices)
    if unseen and not _gpus_hidden(environment) and _has_nvidia_card():
        problem = f"this machine has an NVIDIA card, but {framework.name} sees no gpu"
        return problem, f"{framework.gpu_line} (and `nvidia-smi` must answer: it tells whether the driver works)"
    return None, None


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _gpus_hidden(environment: Mapping[str, str]) -> bool:
    """Return whether the user keeps the framework off the GPUs, so that seeing none is no problem."""
    return environment.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or environment.get("JAX_PLATFORMS") == "cpu"


def _has_nvidia_card() -> bool:
    """Whether a driver is loaded, its tool is on the PATH, or (Linux) a card without a driver is on the PCI bus."""
    driver = Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None
    return driver or any(_is_nvidia_display(device) for device in Path("/sys/bus/pci/devices").glob("*"))


def _is_nvidia_display(device: Path) -> bool:
    try:
        vendor, kind = (device / "vendor").read_text(), (device / "class").read_text()
    except OSError:
        return False
    return vendor.strip() == "0x10de" and kind.startswith("0x03")
