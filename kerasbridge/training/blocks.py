"""Blocks of steps: how many steps each has, and what callbacks learn of it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SECONDS_PER_BLOCK = 0.25
"""Time per block: it sets the update rate of progress bars and how soon Ctrl-C takes effect."""


@dataclass(frozen=True)
class BlockReport:
    """Result of a block of steps, as reported to callbacks: first and last step, samples seen, and the latest logs.

    If callbacks run every n steps, `last` is counted to a whole multiple of n, as in Keras, even if the data ended
    earlier.
    """

    first: int
    last: int
    samples: int
    logs: dict[str, Any]


OnBlockEnd = Callable[[BlockReport], None]


class BlockSizer:
    """Chooses the number of steps per block: a fixed number if callbacks need it, else as many as take about 0.25 s.

    Args:
        fixed: the fixed number.
        steps_left: returns how many steps a block may have at most now; None for any number.
    """

    def __init__(self, fixed: int | None = None, steps_left: Callable[[], int | None] | None = None) -> None:
        self.fixed, self._steps_left = fixed, steps_left
        self._size = fixed or 1
        self._compiled = False

    def size(self) -> int:
        """Return the number of steps of the next block."""
        limit = self._steps_left() if self._steps_left else None
        return self._size if limit is None else min(self._size, limit)

    def update(self, steps: int, seconds: float) -> None:
        """Adapt the size to the time of a finished block; the first one is ignored, since most of it is compilation."""
        if self.fixed:
            return
        if not self._compiled:
            self._compiled, self._size = True, 8
            return
        fitting = int(steps * SECONDS_PER_BLOCK / max(seconds, 1e-9))
        self._size = min(max(fitting, 1), 8 * steps)


class CallbackNotifier:
    """Calls the batch hooks of callbacks: after each block, or after every `every` steps if that is given."""

    def __init__(self, every: int | None, begin: Callable[[int], None], end: OnBlockEnd, done: int = 0) -> None:
        self._every, self._begin, self._end = every, begin, end
        self._first: int | None = None
        self._done, self._samples = done, 0
        self.logs: dict[str, Any] = {}

    def begin(self) -> None:
        """Call the begin hook before a block, unless a group of steps is already open."""
        if self._first is None:
            self._first = self._done
            self._begin(self._first)

    def limit(self, size: int) -> int:
        """Return the largest size of the next block, at most `size`."""
        return min(size, self._every - self._done % self._every) if self._every else size

    def notify(self, steps: int, samples: int, logs: dict[str, Any]) -> bool:
        """Record a finished block and return whether it was reported to callbacks."""
        self._done, self._samples, self.logs = self._done + steps, self._samples + samples, logs
        reported = not self._every or self._done % self._every == 0
        if reported:
            self.flush()
        return reported

    def flush(self) -> None:
        """Report any pending steps to the callbacks."""
        if self._first is not None:
            last = self._first + self._every if self._every else self._done
            report = BlockReport(self._first, last - 1, self._samples, self.logs)
            self._first, self._samples = None, 0
            self._end(report)


class StepsLeft:
    """The steps that are left in a run, counted for each signature of their batches.

    Args:
        per_epoch: the steps of an epoch; None if that is not known.
        done: the steps of this epoch that have been run.
        epochs: the epochs after this one.
    """

    def __init__(self, per_epoch: int | None = None, done: int = 0, epochs: int = 0) -> None:
        self._per_epoch, self._done, self._epochs = per_epoch, done, epochs
        self._seen: Counter[Any] = Counter()

    def of(self, signature: Any) -> int | None:
        """Return at most how many steps with this signature are left; None if that is not known."""
        if self._per_epoch is None:
            return None
        left = max(1, self._per_epoch - self._done)
        return left + self._epochs * (self._seen[signature] + left)

    def record(self, signature: Any, steps: int) -> None:
        """Take note of steps that have been run."""
        self._done += steps
        self._seen[signature] += steps
