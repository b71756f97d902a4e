"""Reports of the logs of epochs to the program that launched the workers, from each worker."""

import contextlib
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from kerasbridge.runtime.context import context_value
from kerasbridge.training.workers import Workers

Report = Callable[[int, Mapping[str, float]], None]


@dataclass
class _Reporting:
    report: Report
    interval: float
    reported_at: float | None = None

    def is_due(self) -> bool:
        return self.reported_at is None or time.monotonic() - self.reported_at >= self.interval


_reporting: ContextVar[_Reporting | None] = ContextVar("reporting", default=None)


def reporting(report: Report, interval: float) -> contextlib.AbstractContextManager[None]:
    """Call a function with the number and the logs of epochs of the trainings inside, on all workers or on none.

    Args:
        report: the function.
        interval: seconds between two reports; the last epoch is always reported.
    """
    return context_value(_reporting, _Reporting(report, interval))


def report_epoch(workers: Workers, epoch: int, logs: Mapping[str, Any], is_last: bool) -> None:
    """Report an epoch if a report is due, as worker 0 decides."""
    current = _reporting.get()
    if current is None or not workers.agree(is_last or current.is_due()):
        return
    current.reported_at = time.monotonic()
    current.report(epoch, {name: float(value) for name, value in logs.items() if isinstance(value, int | float)})
