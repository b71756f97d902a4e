"""Let each system call of a piece of code fail in turn, or let the process die at it."""

import builtins
import contextlib
import errno
import io
import os

CALLS = (
    (os, "open"), (os, "write"), (os, "fsync"), (os, "rename"), (os, "replace"), (os, "unlink"), (os, "remove"),
    (os, "rmdir"), (os, "mkdir"), (os, "ftruncate"), (os, "chmod"), (io, "open"), (builtins, "open"),
)  # fmt: skip


class ProcessDied(BaseException):
    """The process has died: it makes no further system call, not even to clean up."""


class SystemCalls:
    """Count the system calls of the body of ``with``; the one of a number, counted from 1, fails.

    Args:
        monkeypatch: the fixture.
        number: the call that fails; 0 for none.
        dies: the process dies at this call, so that each later one fails too, and its locks are free.
    """

    def __init__(self, monkeypatch, number=0, dies=False):
        self.count, self._number, self._dies = 0, number, dies
        self._monkeypatch, self._descriptors = monkeypatch, set()

    def __enter__(self):
        for module, name in CALLS:
            self._monkeypatch.setattr(module, name, self._counting(getattr(module, name), name))
        return self

    def __exit__(self, kind, error, trace):
        self._monkeypatch.undo()
        if self._dies:
            for descriptor in self._descriptors:  # as the kernel does
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    @property
    def happened(self):
        """True if the call was reached."""
        return self.count >= self._number

    def _counting(self, call, name):
        def counted(*arguments, **keywords):
            self.count += 1
            if self._dies and self._number and self.count >= self._number:
                raise ProcessDied
            if self.count == self._number:
                raise OSError(errno.EIO, "Input/output error")
            if name == "fsync":  # slow, and no test cuts the power
                return None
            result = call(*arguments, **keywords)
            if name == "open" and isinstance(result, int):
                self._descriptors.add(result)
            return result

        return counted
