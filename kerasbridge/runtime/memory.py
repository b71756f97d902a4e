"""Memory of this machine."""

import os
import re
from pathlib import Path


def free_bytes() -> int | None:
    """Bytes of main memory that can be had without swapping; None where the system does not say."""
    listed = Path("/proc/meminfo")
    if listed.exists():
        found = re.search(r"MemAvailable:\s+([0-9]+) kB", listed.read_text("ascii"))
        return int(found[1]) * 1024 if found else None
    names = getattr(os, "sysconf_names", {})
    if "SC_AVPHYS_PAGES" in names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if "SC_PHYS_PAGES" in names:  # macOS says how much there is
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None
