"""Paths of files: only regular ones are opened, since a pipe or a device may never end."""

import errno
import stat
from pathlib import Path

from kerasbridge.files.budget import spend

MAX_TEXT_BYTES = 2**26


def problem(path: Path) -> str:
    """Return why a path cannot be read as a file, as a predicate that follows it; "" if it can."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "does not exist"
    except (OSError, ValueError) as error:
        return f"cannot be opened ({getattr(error, 'strerror', None) or error})"
    if stat.S_ISDIR(mode):
        return "is a folder"
    return "" if stat.S_ISREG(mode) else "is not a regular file"


def read_text(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """Return the text of a file in UTF-8.

    Raises:
        OSError: it does not exist, is not a regular file, or is too large.
        UnicodeDecodeError: it is not UTF-8.
    """
    if path.exists() and (reason := problem(path)):
        raise OSError(errno.EINVAL, f"it {reason}", str(path))
    size = path.stat().st_size
    if size > max_bytes:
        raise OSError(errno.EFBIG, f"it has {size:,} bytes, more than {max_bytes:,}", str(path))
    spend(memory=size)
    return path.read_text(encoding="utf-8")
