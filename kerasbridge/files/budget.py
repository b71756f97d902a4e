"""The work and memory that a file may cause: a constant, and more for a larger file.

`reading` gives the files of one model, dataset or picture a budget. Every reader draws from it before it allocates
memory or begins a piece of work, by `spend`; so a small file that expands to a large one, or that never ends, is
refused, while a large file loads.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from kerasbridge.errors import InvalidFileError, KerasbridgeError

MEMORY, MEMORY_PER_BYTE = 2**28, 20
"""Bytes that any file may allocate, and more for each of its bytes; optimizer states of zeros compress well."""

LARGE, MEMORY_PER_BYTE_OF_LARGE = 2**30, 4
"""Above this many bytes, a file may allocate less for each further byte."""

STEPS, STEPS_PER_BYTE = 1_000_000, 1
"""Steps that any file may take, and more for each of its bytes: opcodes, values, visits; a model of a thousand arrays
takes about 20,000."""

MAX_DEPTH = 1_000
"""The maximum depth of values in each other."""


class OverBudget(Exception):  # not a ValueError, which readers catch and explain
    """A file would cause more work than its budget; the message is a predicate that follows the name of the file."""


class Budget:
    """The work and memory that is left for the files of one model, dataset or picture.

    Args:
        size: their size in bytes.
    """

    def __init__(self, size: int = 0) -> None:
        self.memory, self.steps = MEMORY, STEPS
        self.grow(size)

    def grow(self, size: int) -> None:
        """Add what a further file of this size may cause."""
        self.memory += MEMORY_PER_BYTE * min(size, LARGE) + MEMORY_PER_BYTE_OF_LARGE * max(size - LARGE, 0)
        self.steps += STEPS_PER_BYTE * size

    def spend(self, steps: int = 0, memory: int = 0, depth: int = 0) -> None:
        """Draw from the budget, before the work is done.

        Args:
            steps: pieces of work of about a microsecond.
            memory: bytes.
            depth: of the current value in others.

        Raises:
            OverBudget: less than that is left, or the depth is larger than any model has.
        """
        self.memory -= memory
        self.steps -= steps
        self.check(depth)

    def check(self, depth: int = 0) -> None:
        """Raise OverBudget if more was drawn than there was, also if another library replaced the error since."""
        if self.steps < 0 or depth > MAX_DEPTH:
            raise OverBudget("contains more values, or deeper nesting, than a valid file of its size")
        if self.memory < 0:
            raise OverBudget("claims to contain more than a file of its size can")


_current: ContextVar[Budget | None] = ContextVar("budget", default=None)


def current() -> Budget:
    """Return the budget of the files that are being read; outside of `reading`, a new one."""
    return _current.get() or Budget()


def spend(steps: int = 0, memory: int = 0, depth: int = 0) -> None:
    """Draw from the current budget, as `Budget.spend`."""
    current().spend(steps, memory, depth)


@contextlib.contextmanager
def reading(error: type[InvalidFileError], *paths: str | Path) -> Iterator[None]:
    """Give files a budget, and replace errors that only an invalid file can cause by one that names the files.

    Args:
        error: the class of the error.
        paths: the files; of a folder, the files in it count. A file that does not exist counts nothing.
    """
    token = _current.set(Budget(sum(map(_size, map(Path, paths)))))
    names = ", ".join(map(str, paths))
    try:
        yield
    except KerasbridgeError:
        raise
    except OverBudget as over:
        raise error(f"{names} {over}: it is damaged, or was made to do harm.") from over
    except RecursionError as deep:
        raise error(f"{names} is nested too deeply.") from deep
    except MemoryError as full:
        raise error(f"{names} needs more memory than there is.") from full
    except Exception as unexpected:  # a reader did not expect what the file contains
        reason = " ".join(str(unexpected)[:200].split())
        raise error(f"{names} is damaged: reading it fails with {type(unexpected).__name__}: {reason}.") from unexpected
    finally:
        _current.reset(token)


def _size(path: Path) -> int:
    try:
        return sum(map(_size, path.iterdir())) if path.is_dir() else path.stat().st_size
    except OSError:
        return 0
