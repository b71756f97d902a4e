"""Memory of this machine."""

import os
import re
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
