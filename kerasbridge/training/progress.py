"""Progress output during training: a bar in a terminal or notebook, plain lines elsewhere, or nothing."""

import sys
import time
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import pythonify_logs
from kerasbridge.training.blocks import BlockReport

Logs = dict[str, Any]
SECONDS_BETWEEN_FRAMES = 0.1
BAR_WIDTH = 24


def make_reporter(verbose: int | str, epochs: int = 1, title: str | None = None) -> "Reporter":
    """Return the reporter for `verbose`: 0 silent, 1 or "auto" a bar if the output can show one, 2 a line per epoch.

    With a title, it reports a single pass over the data under that title instead of epochs.
    """
    if verbose == 0:
        return Reporter()
    console = Console(file=sys.stdout)
    if verbose != 2 and console.is_jupyter:
        return NotebookReporter(epochs, title)
    return BarReporter(console, epochs, title) if verbose != 2 and console.is_terminal else LineReporter(epochs, title)


class Reporter(keras.callbacks.Callback):  # type: ignore[misc]
    """Silent progress reporter, the base class of the others."""

    def begin(self, steps: int | None) -> None:
        """Start an epoch or a pass of `steps` steps; None if the number is unknown."""

    def on_block_end(self, report: BlockReport) -> None:
        """Show the progress after a block of steps."""

    def close(self) -> None:
        """Clean up at the end, also after an error."""


class LineReporter(Reporter):
    """One line at the end of each epoch."""

    def __init__(self, epochs: int, title: str | None = None) -> None:
        super().__init__()
        self._epochs, self._title, self._samples, self._start = epochs, title, 0, time.perf_counter()

    def begin(self, steps: int | None) -> None:
        self._samples, self._start = 0, time.perf_counter()

    def on_block_end(self, report: BlockReport) -> None:
        self._samples += report.samples

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        seconds = time.perf_counter() - self._start
        print(_line(f"Epoch {epoch + 1}/{self._epochs}", seconds, self._samples, logs), flush=True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if self._title:
            print(_format_logs(logs), flush=True)


class PassReporter(Reporter):
    """Base class of reporters that redraw: one epoch or pass at a time, ten times a second."""

    def __init__(self, epochs: int, title: str | None = None) -> None:
        super().__init__()
        self._epochs, self._title = epochs, title
        self._start = self._last_shown = 0.0
        self._epoch = self._samples = self._steps = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def begin(self, steps: int | None) -> None:
        self._samples = self._steps = 0
        self._start = time.perf_counter()
        self._open(steps)

    def on_block_end(self, report: BlockReport) -> None:
        self._steps, self._samples = report.last + 1, self._samples + report.samples
        if time.perf_counter() - self._last_shown > SECONDS_BETWEEN_FRAMES:
            self._show(pythonify_logs(report.logs))
            self._last_shown = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if self._title:
            self._finish(logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._finish({})

    def _finish(self, logs: Logs | None) -> None:
        self._show(logs or {}, finished=True)
        self.close()

    def _title_of_pass(self) -> str:
        return self._title or f"Epoch {self._epoch + 1}/{self._epochs}"

    def _seconds(self) -> float:
        return max(time.perf_counter() - self._start, 1e-9)

    def _open(self, steps: int | None) -> None:
        raise NotImplementedError

    def _show(self, logs: Logs, finished: bool = False) -> None:
        raise NotImplementedError


class BarReporter(PassReporter):
    """One bar per epoch or pass in a terminal: steps, time left, samples per second, loss and metrics."""

    def __init__(self, console: Console, epochs: int, title: str | None = None) -> None:
        super().__init__(epochs, title)
        self._console = console
        self._progress: Progress | None = None

    def _open(self, steps: int | None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=BAR_WIDTH),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[speed]}  {task.fields[logs]}"),
            console=self._console,
            auto_refresh=False,
        )
        self._progress.add_task(self._title_of_pass(), total=steps, speed="", logs="")
        self._progress.start()

    def close(self) -> None:
        if self._progress:
            self._progress.stop()
        self._progress = None

    def _show(self, logs: Logs, finished: bool = False) -> None:
        if self._progress is None:
            return
        task = self._progress.tasks[0]
        speed = task.fields["speed"] if task.finished else f"{self._samples / self._seconds():,.0f} samples/s"
        total = self._steps if finished else task.total
        self._progress.update(task.id, completed=self._steps, total=total, speed=speed, logs=_format_logs(logs))
        self._progress.refresh()


class NotebookReporter(PassReporter):
    """One line per epoch or pass, with a bar until it ends; plain text, which every viewer of notebooks shows."""

    def __init__(self, epochs: int, title: str | None = None) -> None:
        super().__init__(epochs, title)
        self._total: int | None = None
        self._output: Any = None

    def _open(self, steps: int | None) -> None:
        from IPython.display import display

        self._total = steps
        self._output = display(_as_text(self._title_of_pass()), raw=True, display_id=True)

    def close(self) -> None:
        self._output = None

    def _show(self, logs: Logs, finished: bool = False) -> None:
        if self._output is not None:
            title = self._title_of_pass()
            if not finished:
                title += f"  {_bar(self._steps, self._total)}"
            self._output.update(_as_text(_line(title, self._seconds(), self._samples, logs)), raw=True)


def _as_text(line: str) -> dict[str, str]:
    return {"text/plain": line}


def _bar(steps: int, total: int | None) -> str:
    """Return the steps so far, and a bar if their number is known.

    >>> _bar(1, 4), _bar(1, None)
    ('━━━━━━────────────────── 1/4', '1')
    """
    if not total:
        return str(steps)
    done = BAR_WIDTH * steps // total
    return f"{'━' * done}{'─' * (BAR_WIDTH - done)} {steps}/{total}"


def _line(title: str, seconds: float, samples: int, logs: Logs | None) -> str:
    speed = f"{samples / max(seconds, 1e-9):,.0f} samples/s"
    shown = f"{seconds:.1f} s" if seconds >= 0.1 else f"{1000 * seconds:.3g} ms"
    return f"{title}  {shown}  {speed}  {_format_logs(logs)}".rstrip()


def _format_logs(logs: Logs | None) -> str:
    """Format the logs: the loss first, then metrics, then validation values; of a vector, the mean."""
    ordered = sorted(
        (logs or {}).items(), key=lambda item: (item[0].startswith("val_"), "loss" not in item[0], item[0])
    )
    shown = [(name, value) for name, value in ordered if isinstance(value, (int, float, np.ndarray))]
    return "  ".join(f"{name} {np.mean(value):.4f}" for name, value in shown)
