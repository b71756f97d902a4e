"""The end of a process whose main thread waits in a framework, where no exception reaches it."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator


def leave(sentence: str) -> None:
    """Print a sentence and end the process at once, with exit code 1."""
    os.write(2, f"\nkerasbridge: {sentence}\n".encode())
    os._exit(1)


def exit_at_once() -> None:
    """End the process with exit code 1 and without its exit handlers, once what it printed is written."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(1)


@contextlib.contextmanager
def leaving_after(seconds: float, sentence: str) -> Iterator[None]:
    """Leave with a sentence if the body takes longer than these seconds."""
    timer = threading.Timer(seconds, leave, [sentence])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
