"""List the installed backends with their devices and problems, and the versions that are tested.

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

from kerasbridge.runtime import backend, signals, subprocesses
from kerasbridge.runtime.results import Summary

_CHILD = "kerasbridge.runtime._status_worker"


@dataclass(frozen=True)
class Framework:
    """A package that kerasbridge uses.

    Attributes:
        name: of the module.
        distributions: the names it is distributed under.
        oldest, newest: the first and last minor version that it is tested with.
        gpu_install_command: installs the build for NVIDIA cards.
    """

    name: str
    distributions: tuple[str, ...]
    oldest: str
    newest: str
    gpu_install_command: str = ""

    def version_warning(self, version: str) -> str | None:
        """Return a warning that a version is outside the tested range; None if it is inside."""
        span = self.oldest if self.oldest == self.newest else f"{self.oldest}-{self.newest}"
        if _minor(version) < _minor(self.oldest):
            return f"{version} is older than the tested {span}"
        if _minor(version) > _minor(self.newest):
            return f"{version} is newer than the tested {span}"
        return None

    def distribution(self) -> tuple[str, str | None]:
        """Return the installed distribution and its version; the first name and None if it is not installed."""
        for name in self.distributions:
            try:
                return name, importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        return self.distributions[0], None


# The versions that kerasbridge's own tests run with.
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
    """One backend on this machine.

    Attributes:
        name: "jax", "tensorflow" or "torch".
        installed: whether its module can be found.
        version: None if it is not installed, or does not report one.
        devices: those it finds, by the names of `Device`: "cpu", "gpu:0", …
        problem: one line; None if there is no problem, or it is not installed.
        remedy: the command that solves the problem, or installs it.
        default: whether it would be chosen now by default.
        answered: False if the process that examined it crashed, was killed, or did not end in time.
    """

    name: str
    installed: bool
    version: str | None
    devices: tuple[str, ...]
    problem: str | None
    remedy: str | None
    default: bool
    answered: bool = True


class Statuses(tuple[BackendStatus, ...]):
    """The status of each backend, which a notebook shows as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        header = ("backend", "version", "devices", "default", "problem", "what to type")
        rows = [
            [
                status.name,
                status.version or "",
                ", ".join(status.devices),
                "yes" if status.default else "",
                status.problem or ("" if status.installed else "not installed"),
                status.remedy or "",
            ]
            for status in self
        ]
        return Summary("backends", header, rows).as_html()


@dataclass(frozen=True)
class _ProbeResult:
    """Output of the worker: with `error` and `remedy` if it could not import the framework or list its devices."""

    version: str | None = None
    devices: tuple[str, ...] = ()
    error: str | None = None
    remedy: str | None = None
    answered: bool = True


def backends(timeout: float = 60) -> tuple[BackendStatus, ...]:
    """Return the status of jax, tensorflow and torch, each examined in a child process, all at once.

    Args:
        timeout: seconds after which a framework that does not respond is given up.

    Returns:
        The status of each, in the order of `BACKENDS`; a broken framework raises no error.

    Example:
        >>> [status.name for status in backends()]
        ['jax', 'tensorflow', 'torch']
    """
    # The group is left before the pool, which waits for its threads: Ctrl-C ends the children.
    with ThreadPoolExecutor(len(backend.BACKENDS)) as pool, subprocesses.ProcessGroup() as group:
        status_of = partial(
            _status,
            group=group,
            timeout=timeout,
            installed=backend.installed(),
            default=backend.default_backend(),
        )
        with signals.taking_effect():
            return Statuses(pool.map(status_of, backend.BACKENDS))


def _status(
    name: str,
    group: subprocesses.ProcessGroup,
    timeout: float,
    installed: tuple[str, ...],
    default: str | None,
) -> BackendStatus:
    if name not in installed:
        return BackendStatus(name, False, None, (), None, backend.install_command(name), default=False)
    framework = FRAMEWORKS[name]
    environment = backend.child_environment(name)
    probe = _probe(framework, group, environment, timeout)
    version = probe.version or framework.distribution()[1]
    problem, remedy = _diagnose(framework, environment, probe, version)
    return BackendStatus(name, True, version, probe.devices, problem, remedy, name == default, probe.answered)


def _probe(
    framework: Framework, group: subprocesses.ProcessGroup, environment: Mapping[str, str], timeout: float
) -> _ProbeResult:
    child = group.run(_CHILD, framework.name, environment=environment, timeout=timeout)
    if child.timed_out:
        hint = f'to see where it hangs: python -X faulthandler -c "import {framework.name}"'
        last_line = f": {child.last_line}" if child.stderr.strip() else ""
        return _ProbeResult(error=f"no answer within {timeout:g} seconds{last_line}", remedy=hint, answered=False)
    return _parse(framework, child)


def _parse(framework: Framework, child: subprocesses.ChildResult) -> _ProbeResult:
    """Parse the last line of stdout: Python's own start-up may have printed something before it."""
    reinstall = f"pip install --force-reinstall {framework.distribution()[0]}"
    try:
        status = json.loads(child.stdout.splitlines()[-1])
        version, devices, error = status["version"], tuple(status["devices"]), status["error"]
    except (IndexError, ValueError, TypeError, KeyError):
        return _ProbeResult(error=f"{child.ending}: {child.last_line}", remedy=reinstall, answered=False)
    if error and version:  # imported: a variable such as JAX_PLATFORMS may be wrong rather than the installation
        remedy = f"to see the whole error: python -m {_CHILD} {framework.name}"
        return _ProbeResult(version, error=f"cannot list its devices: {error}", remedy=remedy)
    return _ProbeResult(version, devices, error, error and reinstall)


def _diagnose(
    framework: Framework, environment: Mapping[str, str], probe: _ProbeResult, version: str | None
) -> tuple[str | None, str | None]:
    """Return the worst problem and the command that solves it."""
    if probe.error is not None:
        return probe.error, probe.remedy
    if version is not None and (warning := framework.version_warning(version)):
        return warning, f'pip install "{framework.distribution()[0]}=={framework.newest}.*"'
    unseen = not any(device.startswith("gpu") for device in probe.devices)
    if unseen and not _gpus_hidden(environment) and _has_nvidia_card():
        problem = f"this machine has an NVIDIA card, but {framework.name} sees no gpu"
        command = framework.gpu_install_command
        return problem, f"{command} (and `nvidia-smi` must answer: it shows whether the driver works)"
    return None, None


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _gpus_hidden(environment: Mapping[str, str]) -> bool:
    """Return whether the user hides the GPUs from the framework, so that it is right to find no GPU."""
    return environment.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or environment.get("JAX_PLATFORMS") == "cpu"


def _has_nvidia_card() -> bool:
    """Return whether a driver is loaded, its tool is on the PATH, or (Linux) the PCI bus has a card."""
    driver = Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None
    return driver or any(_is_nvidia_display(device) for device in Path("/sys/bus/pci/devices").glob("*"))


def _is_nvidia_display(device: Path) -> bool:
    try:
        vendor, kind = (device / "vendor").read_text(), (device / "class").read_text()
    except OSError:
        return False
    return vendor.strip() == "0x10de" and kind.startswith("0x03")
