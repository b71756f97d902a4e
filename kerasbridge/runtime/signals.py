"""Ctrl-C and SIGTERM, noted while something must not be interrupted, and asked for where it may be.

An exception in the middle of an import or of a traced step may be lost, or taken for another error. So the handler only
notes the signal; `check` is called once a framework is imported and between blocks of steps, and raises.
"""

import atexit
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TOGETHER = 0.3
"""Seconds within which equal signals count as one: wrappers such as `timeout` send each to a process and its group."""


class NotedSignals:
    """The first signal that arrived, if one did; `check` ends the program or the call at a point of its choice."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.is_waiting = False
        self.leave: Callable[[int], object] | None = None

    def check(self) -> None:
        """Raise what the noted signal means.

        Raises:
            KeyboardInterrupt: it was Ctrl-C.
            SystemExit: it was SIGTERM; the exit code is 143.
        """
        number, self.number = self.number, None
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        if number is not None:
            raise SystemExit(128 + number)


_active: NotedSignals | None = None


@contextlib.contextmanager
def note_signals(leave: Callable[[int], object] | None = None, together: float | None = None) -> Iterator[NotedSignals]:
    """Note the first Ctrl-C or SIGTERM instead of acting on it; a second one takes effect at once.

    Only the main thread receives signals: in another one, and where the program has handlers of its own, nothing is
    changed. Within another `note_signals`, the same signals are noted.

    Args:
        leave: called with the number of the second signal; by default it does what the program did before.
        together: the seconds within which different signals count as one too, which several launchers may send.
    """
    global _active
    if _active is not None and _is_main_thread():
        _active.leave = leave or _active.leave
        yield _active
        return
    noted = NotedSignals()
    noted.leave = leave
    ours = [number for number in _SIGNALS if _has_default_handler(number)] if _is_main_thread() else []
    before = {number: signal.getsignal(number) for number in ours}
    arrived: list[tuple[int, float]] = []

    def is_the_same(number: int, seconds: float) -> bool:
        return seconds < (_TOGETHER if together is None else together) and (number == arrived[0][0] or bool(together))

    def note(number: int, frame: FrameType | None) -> None:
        arrived.append((number, time.monotonic()))
        if len(arrived) == 1:
            noted.number = number
            if noted.is_waiting:
                noted.check()
        elif is_the_same(number, arrived[-1][1] - arrived[0][1]):
            return
        elif noted.leave:
            noted.leave(number)
        else:
            for each, handler in before.items():
                signal.signal(each, handler)
            signal.raise_signal(number)

    if ours:
        _active = noted
    for number in ours:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if ours:
            _active = None


def noted() -> int | None:
    """Return the number of the signal that was noted, if there is one."""
    return _active.number if _active is not None and _is_main_thread() else None


def note(number: int) -> None:
    """Note a signal that another worker has received, where signals are noted."""
    if _active is not None and _is_main_thread() and _active.number is None:
        _active.number = number


def check() -> None:
    """Raise KeyboardInterrupt or SystemExit if a signal was noted, as `NotedSignals.check`."""
    if _active is not None and _is_main_thread():
        _active.check()


@contextlib.contextmanager
def taking_effect() -> Iterator[None]:
    """Let a signal that is noted otherwise take effect as it arrives, while the body only waits for something."""
    noted = _active if _is_main_thread() else None
    if noted is None:
        yield
        return
    noted.is_waiting = True
    try:
        noted.check()
        yield
    finally:
        noted.is_waiting = False


def leave_at_once(number: int) -> None:
    """End the process because of a signal, wherever it is."""
    show_cursor = "\x1b[?25h" if os.isatty(2) else ""  # which a spinner hides
    os.write(2, f"{show_cursor}kerasbridge: interrupted, left at once.\n".encode())
    os._exit(128 + number)


def leave_on_signals() -> None:
    """End the process at once when a signal arrives from now on: at the end of a program, when its work is done.

    Python removes handlers while it shuts down, so that the process would seem killed; then signals are ignored.
    """
    for number in _SIGNALS:
        if _is_main_thread() and _has_default_handler(number):
            signal.signal(number, lambda number, frame: leave_at_once(number))
            atexit.register(signal.signal, number, signal.SIG_IGN)


def _has_default_handler(number: int) -> bool:
    return signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
