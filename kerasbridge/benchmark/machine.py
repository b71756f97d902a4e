"""The machine and the versions that a benchmark ran with."""

import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from kerasbridge.runtime.backend_status import FRAMEWORKS


def machine(backends: Sequence[str], threads: int | None = None) -> dict[str, Any]:
    """Return the processor, the number of cores, the system, and the versions of Python and the packages."""
    packages = {name: metadata.version(name) for name in ("kerasbridge", "keras")}
    frameworks = {name: FRAMEWORKS[name].distribution()[1] for name in backends}
    cores = f"{os.cpu_count()} cores" + (f", {threads} used" if threads else "")
    system = f"{platform.system()} {platform.release()}"
    return {_processor(): cores, "on": system, "Python": platform.python_version(), **packages, **frameworks}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8", "replace").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or platform.machine())
