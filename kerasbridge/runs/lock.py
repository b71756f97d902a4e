"""The lock of a run folder: one process, and one training in it, writes into a folder at a time.

The kernel frees the lock when its process dies, however it does. The lock file names the process, for the error that
another one gets; a small module, since lock libraries wait for a lock instead of naming its owner.
"""

import contextlib
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from kerasbridge.errors import RunFolderError
from kerasbridge.runtime.files import PREFIX

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger("kerasbridge")
NAME = f"{PREFIX}lock"
_OPEN = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)  # a link in an untrusted folder may name any file
PATIENCE = 0.25
"""Seconds: as long as another process may take to look into a folder, which it locks meanwhile."""

_WINDOWS_OFFSET = 2**30  # Windows denies reading the locked bytes
_locked: set[int] = set()
"""The descriptors of the locks of this process."""


@contextlib.contextmanager
def lock(folder: Path, chosen: str = "", patience: float = PATIENCE) -> Iterator[None]:
    """Lock a folder while the body runs; the lock of a dead process is taken over.

    Args:
        folder: an existing folder.
        chosen: how the user chooses a folder, for the error; empty if the user may not choose another.
        patience: how long to try, in seconds.

    Raises:
        RunFolderError: another training writes into the folder; names its process, host and time.
        OSError: the lock file cannot be written.
    """
    descriptor = _acquire(folder, chosen, patience)
    try:
        yield
    finally:
        _release(folder / NAME, descriptor)


def is_locked(folder: Path) -> bool:
    """Return whether a training writes into a folder; the lock of a dead process does not count."""
    access = os.O_RDWR if os.name == "nt" else os.O_RDONLY | os.O_NONBLOCK  # the file may be a pipe
    try:
        descriptor = os.open(folder / NAME, access | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        return not _try_lock(descriptor, folder)
    finally:
        os.close(descriptor)


def _acquire(folder: Path, chosen: str, patience: float) -> int:
    path = folder / NAME
    while True:
        descriptor = os.open(path, _OPEN | os.O_CREAT, 0o666)
        try:
            _lock_or_raise(descriptor, folder, chosen, patience)
            is_ours = _is_file_at(descriptor, path)  # its former owner may have removed it after it was opened here
        except BaseException:
            os.close(descriptor)
            raise
        if is_ours:
            _locked.add(descriptor)
            break
        os.close(descriptor)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, _owner())
    except BaseException:
        _release(path, descriptor)
        raise
    return descriptor


def _release(path: Path, descriptor: int) -> None:
    if descriptor not in _locked:  # in a forked child, which the lock does not belong to
        return
    _locked.discard(descriptor)
    with contextlib.suppress(OSError):
        if os.name != "nt":
            path.unlink()  # before the lock is free, so that it is not the file of the next owner
    os.close(descriptor)
    with contextlib.suppress(OSError):
        if os.name == "nt":
            path.unlink()  # Windows removes no open file, so also none of the next owner


def _lock_or_raise(descriptor: int, folder: Path, chosen: str, patience: float) -> None:
    end = time.monotonic() + patience
    while not _try_lock(descriptor, folder):
        if time.monotonic() > end:
            another = f", or choose another folder {chosen}" if chosen else ""
            raise RunFolderError(f"{folder} is in use by {_read_owner(descriptor)}: wait until it has ended{another}.")
        time.sleep(0.01)


def _try_lock(descriptor: int, folder: Path) -> bool:
    """Lock an open file unless another has locked it; a file system without locks counts as free."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _WINDOWS_OFFSET, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        log.warning("kerasbridge: %s cannot be locked (%s): train in it once at a time.", folder, error.strerror)
    return True


def _is_file_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _owner() -> bytes:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"process": os.getpid(), "host": platform.node(), "since": since}).encode()


def _read_owner(descriptor: int) -> str:
    """Return the owner that a lock file names, as text; the file may contain anything."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        owner = json.loads(os.read(descriptor, 1000))
        process, host, since = (str(owner[name])[:100] for name in ("process", "host", "since"))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return "another process"
    this = ", this one," if owner["process"] == os.getpid() and host == platform.node() else ""
    return f"process {process}{this} on {host} since {since}"


def _forget_locks_of_parent() -> None:
    """Close the locks that a forked child inherits, so that they end with their process."""
    for descriptor in _locked:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _locked.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks_of_parent)
