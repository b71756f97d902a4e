"""Limit the memory of the process while a library in C reads a file: HDF5 allocates what a damaged file asks for."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from kerasbridge.files.budget import current

_STATUS = Path("/proc/self/statm")
_one_at_a_time = threading.RLock()  # the limit is that of the process


@contextlib.contextmanager
def limited_memory() -> Iterator[None]:
    """Let allocations fail that exceed the budget of the file; without effect where the system has no such limit."""
    try:
        import resource

        used = int(_STATUS.read_text("ascii").split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    with _one_at_a_time:
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        limits = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_AS, (min([used + max(current().memory, 0), *limits]), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
