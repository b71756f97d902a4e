"""What a person sees while a model trains: a bar in a terminal or notebook, plain lines elsewhere, or nothing."""

import importlib.util
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from kerasbridge._keras import keras, pythonify_logs

Logs = dict[str, Any]
SECONDS_BETWEEN_FRAMES = 0.1


def reporter(verbose: int | str, steps: int, batch_size: int, epochs: int = 1) -> "Reporter":
    """The reporter for `verbose`: 0 silent, 1 a bar where one can move, 2 a line per epoch, "auto" as 1."""
    if verbose == 0:
        return Reporter()
    console = Console(file=sys.stdout)
    can_move = importlib.util.find_spec("ipywidgets") if console.is_jupyter else console.is_terminal
    if verbose == 2 or not can_move:
        return Lines(epochs, steps * batch_size)
    return Bar(console, epochs, steps, batch_size)


class Reporter(keras.callbacks.Callback):  # type: ignore[misc]
    """Silence; the others override what they show."""

    def on_block_end(self, last_step: int, logs: Logs) -> None:
        """Called after each block of training or evaluation steps."""

    def close(self) -> None:
        """Called when training ends, also by an error."""


class Lines(Reporter):
    """A line when an epoch ends."""

    def __init__(self, epochs: int, samples: int) -> None:
        super().__init__()
        self._epochs, self._samples, self._start = epochs, samples, time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        seconds = time.perf_counter() - self._start
        speed = f"{self._samples / max(seconds, 1e-9):,.0f} samples/s"
        print(f"Epoch {epoch + 1}/{self._epochs}  {seconds:.1f} s  {speed}  {_in_words(logs)}", flush=True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if self._epochs == 0:
            print(_in_words(logs), flush=True)


class Bar(Reporter):
    """A bar per epoch: steps, time left, samples per second, loss and metrics; one bar for an evaluation."""

    def __init__(self, console: Console, epochs: int, steps: int, batch_size: int) -> None:
        super().__init__()
        self._console, self._epochs, self._steps, self._batch_size = console, epochs, steps, batch_size
        self._progress: Progress | None = None
        self._start = self._shown = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._open(f"Epoch {epoch + 1}/{self._epochs}")

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if self._epochs == 0:
            self._open("Evaluate")

    def on_block_end(self, last_step: int, logs: Logs) -> None:
        if time.perf_counter() - self._shown > SECONDS_BETWEEN_FRAMES:
            self._show(last_step + 1, pythonify_logs(logs))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._show(self._steps, logs or {})
        self.close()

    def on_test_end(self, logs: Logs | None = None) -> None:
        if self._epochs == 0:
            self._show(self._steps, logs or {})

    def close(self) -> None:
        if self._progress:
            self._progress.stop()
        self._progress = None

    def _open(self, title: str) -> None:
        self._start = time.perf_counter()
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[speed]}  {task.fields[logs]}"),
            console=self._console, auto_refresh=False,
        )  # fmt: skip
        self._progress.add_task(title, total=self._steps, speed="", logs="")
        self._progress.start()

    def _show(self, done: int, logs: Logs) -> None:
        if self._progress is None:
            return
        task = self._progress.tasks[0]
        seconds = max(time.perf_counter() - self._start, 1e-9)
        speed = task.fields["speed"] if task.finished else f"{done * self._batch_size / seconds:,.0f} samples/s"
        self._progress.update(task.id, completed=done, speed=speed, logs=_in_words(logs))
        self._progress.refresh()
        self._shown = time.perf_counter()


def _in_words(logs: Logs | None) -> str:
    """The loss first, then metrics, then those of the validation."""
    ranked = sorted((logs or {}).items(), key=lambda item: (item[0].startswith("val_"), "loss" not in item[0], item[0]))
    return "  ".join(f"{name} {value:.4f}" for name, value in ranked if isinstance(value, (int, float)))
