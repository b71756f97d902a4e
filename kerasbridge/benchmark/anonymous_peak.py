"""Peak of the memory of this process without the pages of files, which the system counts, but gives back at need."""

import threading
from types import TracebackType

from kerasbridge.runtime.memory import anonymous_bytes

SECONDS = 0.02


class AnonymousPeak:
    """A context that samples the memory in a thread.

    Attributes:
        growth: the largest value less that at the begin, in bytes; None if the system does not report it.
    """

    growth: int | None = None

    def __enter__(self) -> "AnonymousPeak":
        self._before = anonymous_bytes()
        self._ends, self._thread = threading.Event(), threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()

    def _sample(self) -> None:
        while self._before is not None:
            self.growth = max(self.growth or 0, (anonymous_bytes() or 0) - self._before)
            if self._ends.wait(SECONDS):
                return
