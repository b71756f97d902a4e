"""Memory of this machine and of this process."""

import os
import re
import sys
from pathlib import Path


def free_bytes() -> int | None:
    """Return the bytes of main memory that are available without swapping; None if the system does not report them."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        available = re.search(r"MemAvailable:\s+([0-9]+) kB", meminfo.read_text("ascii"))
        return int(available[1]) * 1024 if available else None
    names = getattr(os, "sysconf_names", {})
    if "SC_AVPHYS_PAGES" in names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if "SC_PHYS_PAGES" in names:  # macOS reports the total only
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def peak_bytes() -> int | None:
    """Return the largest resident memory that this process had; None if the system does not report it."""
    status = Path("/proc/self/status")  # ru_maxrss of Linux counts the process that started this one
    if status.exists():
        peak = re.search(r"VmHWM:\s+([0-9]+) kB", status.read_text("ascii"))
        return int(peak[1]) * 1024 if peak else None
    try:
        import resource
    except ImportError:  # Windows
        return None
    used = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return used if sys.platform == "darwin" else used * 1024


def anonymous_bytes() -> int | None:
    """Return the resident memory of this process without the pages of files; None if the system does not report it."""
    status = Path("/proc/self/status")
    resident = re.search(r"RssAnon:\s+([0-9]+) kB", status.read_text("ascii")) if status.exists() else None
    return int(resident[1]) * 1024 if resident else None
