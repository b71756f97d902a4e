"""Ctrl-C and SIGTERM, noted while something must not be interrupted, and asked for where it may be."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class NotedSignals:
    """The first signal that arrived, if one did; `check` ends the program or the call at a point of its choice."""

    def __init__(self) -> None:
        self.number: int | None = None

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


@contextlib.contextmanager
def note_signals() -> Iterator[NotedSignals]:
    """Note the first Ctrl-C or SIGTERM instead of acting on it; a second one takes effect at once.

    Only the main thread receives signals: in another one, and where the program has handlers of its own, nothing is
    changed.
    """
    noted = NotedSignals()
    ours = [number for number in _SIGNALS if _has_default_handler(number)] if _is_main_thread() else []
    before = {number: signal.getsignal(number) for number in ours}

    def note(number: int, frame: FrameType | None) -> None:
        if noted.number is None:
            noted.number = number
            return
        for each, handler in before.items():
            signal.signal(each, handler)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        os.kill(os.getpid(), number)

    for number in ours:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _has_default_handler(number: int) -> bool:
    return signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)
