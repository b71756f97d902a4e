"""Start a module of kerasbridge in a child process, end it with its parent, and turn its failure into one message.

A worker module wraps its main function in `exit_with_message`; the parent runs it with `run`, or several at a time in
a `ProcessGroup`, and raises an error of its own with `ChildResult.failure_message`.
"""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from kerasbridge.errors import KerasbridgeError
from kerasbridge.runtime import signals

_EXPECTED_FAILURE = 2  # exit code of a child that wrote its message as the last line of stderr
_SIGKILL = 9
_MAX_LINES = 12
_MAX_CHARACTERS = 300


@dataclass(frozen=True)
class ChildResult:
    """Outcome of a child process.

    Attributes:
        code: its exit code; None if it was ended at its time-out.
        stdout: what it printed; up to the time-out, if there was one.
        stderr: the same for stderr, decoded.
    """

    code: int | None
    stdout: bytes
    stderr: str

    @property
    def timed_out(self) -> bool:
        """Return whether the child was ended at its time-out."""
        return self.code is None

    @property
    def failed(self) -> bool:
        """Return whether the child did not end with exit code 0."""
        return self.code != 0

    @property
    def last_line(self) -> str:
        """The last line of stderr, which names the error."""
        return self._lines[-1]

    @property
    def crashed(self) -> bool:
        """Return whether the child failed without a message of its own: it crashed, was killed, or did not end."""
        return self.code not in (0, _EXPECTED_FAILURE)

    @property
    def ending(self) -> str:
        """The end of a child that crashed: its exit code, the signal that ended it, or its time-out."""
        if self.code is None:
            return "the process did not end in time and was ended"
        if self.code >= 0:
            return f"the process ended with code {self.code}"
        reason = ", often for lack of memory" if self.code == -_SIGKILL else ""
        return f"the process was ended by {_signal_name(-self.code)}{reason}"

    def failure_message(self, max_lines: int = _MAX_LINES) -> str:
        """Return the message of an expected failure, else how the child ended, and the end of its stderr."""
        if not self.crashed:
            return self.last_line
        shown = "\n".join(self._lines[-max_lines:])
        return f"{self.ending}:\n{shown}"

    @property
    def _lines(self) -> list[str]:
        return self.stderr.strip().splitlines() or ["it printed nothing"]


class ProcessGroup:
    """Child processes that end together: leaving the `with` block ends those that still run and starts no other.

    Threads share one group; a Ctrl-C in the main thread ends the children of all.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[subprocess.Popen[bytes]] = []
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(
        self, module: str, *arguments: object, environment: Mapping[str, str], timeout: float | None = None
    ) -> ChildResult:
        """Run ``python -m module ARGUMENTS`` and wait until it ends.

        Args:
            module: the module to run, of kerasbridge.
            arguments: its arguments, passed as text.
            environment: all its environment variables.
            timeout: seconds after which it is ended; None for no limit.
        """
        with self._lock:
            if self._stopped:
                return ChildResult(1, b"", "not started")
            child = _start(module, arguments, environment)
            self._running.append(child)
        return _wait(child, timeout)

    def stop(self) -> None:
        """End every child."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                child.kill()


def run(module: str, *arguments: object, environment: Mapping[str, str], timeout: float | None = None) -> ChildResult:
    """Run one child process, as `ProcessGroup.run`."""
    with ProcessGroup() as group:
        return group.run(module, *arguments, environment=environment, timeout=timeout)


def one_line(error: BaseException) -> str:
    """Return the beginning of an error's message on one line, with its type unless it is a `KerasbridgeError`."""
    message = _joined(error)
    shown = message if len(message) <= _MAX_CHARACTERS else f"{message[:_MAX_CHARACTERS]} …"
    return shown if isinstance(error, KerasbridgeError) else f"{type(error).__name__}: {shown}"


@contextlib.contextmanager
def exit_with_message(expected: type[Exception] = Exception) -> Iterator[None]:
    """Exit a worker with code 2 and the message of an expected error on stderr; others keep their traceback.

    Args:
        expected: the class of errors to turn into a message.
    """
    try:
        yield
    except expected as error:
        print(_joined(error) if isinstance(error, KerasbridgeError) else one_line(error), file=sys.stderr)
        sys.exit(_EXPECTED_FAILURE)


def _start(module: str, arguments: tuple[object, ...], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # -P: a calendar.py in the current folder must not replace Python's.
    command = [sys.executable, "-P", "-m", module, *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def _wait(child: subprocess.Popen[bytes], timeout: float | None) -> ChildResult:
    with child:
        try:
            with signals.taking_effect():
                stdout, stderr = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as expired:
            child.kill()
            return ChildResult(None, expired.stdout or b"", _decode(expired.stderr))
        except BaseException:
            child.kill()
            raise
    return ChildResult(child.returncode, stdout, _decode(stderr))


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in list(signal.Signals) else f"signal {number}"


def _decode(stderr: bytes | None) -> str:
    return (stderr or b"").decode(errors="replace")


def _joined(error: BaseException) -> str:
    return " ".join(str(error).split())
