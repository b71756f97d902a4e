"""A thread that writes while the training goes on."""

import threading
from collections.abc import Callable


class BackgroundWriter:
    """Runs one function at a time in a thread; an error in it is raised by the next call."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    @property
    def is_busy(self) -> bool:
        """True while a function is running."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, function: Callable[[], object]) -> None:
        """Run a function, after the previous one has ended."""
        self.wait()
        self._thread = threading.Thread(target=self._run, args=(function,), name="kerasbridge checkpoint")
        self._thread.start()

    def wait(self) -> None:
        """Wait until the function has ended.

        Raises:
            BaseException: the one that it raised.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self, function: Callable[[], object]) -> None:
        try:
            function()
        except BaseException as error:
            self._error = error
