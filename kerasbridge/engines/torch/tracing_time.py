"""Estimates of the time that tracing a step takes, and a step that is replayed."""

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from kerasbridge.runtime.clock import clock


class OperationTimer(TorchDispatchMode):  # type: ignore[misc]
    """Counts operations and measures the time in them, which is that of a replay and of passing them on from here."""

    def __init__(self) -> None:
        super().__init__()
        self.operations, self.seconds = 0, 0.0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation."""
        keywords = kwargs or {}
        start = clock()
        result = function(*args, **keywords)
        self.seconds += clock() - start
        self.operations += 1
        return result


class TracingTime:
    """The time that tracing a step takes for each of its operations: that of the latest trace in this process.

    It hardly depends on the model: about a hundred times what running a small operation takes.
    """

    def __init__(self, seconds_per_operation: float = 1.2e-4) -> None:
        self._seconds_per_operation = seconds_per_operation

    def estimate(self, operations: int) -> float:
        """Return the seconds that tracing so many operations takes."""
        return operations * self._seconds_per_operation

    def replay(self, timer: OperationTimer) -> float:
        """Return the seconds that a replay of operations takes: passing on one takes a fortieth of tracing it."""
        return max(0.0, timer.seconds - self.estimate(timer.operations) / 40)

    def record(self, operations: int, seconds: float) -> None:
        """Take note of a trace."""
        self._seconds_per_operation = seconds / max(operations, 1)


tracing_time = TracingTime()
