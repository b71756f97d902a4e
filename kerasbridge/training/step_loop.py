"""The step loop: run a compiled step over chunks of batches, in blocks of several steps."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from kerasbridge.data.epoch_iterators import Chunk
from kerasbridge.engines.base import Block, Engine
from kerasbridge.engines.compile_cache import cached_on_model, model_fingerprint
from kerasbridge.engines.step import Step
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.model_state import hyperparameters

SECONDS_PER_BLOCK = 0.25
"""Time per block: it sets the update rate of progress bars and how soon Ctrl-C takes effect."""

COMPILED = "_kerasbridge_compiled"


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
    """Chooses the number of steps per block: a fixed number if callbacks need it, else as many as take about 0.25 s."""

    def __init__(self, fixed: int | None = None) -> None:
        self.fixed = fixed
        self._size = fixed or 1
        self._compiled = False

    def size(self) -> int:
        """Return the number of steps of the next block."""
        return self._size

    def took(self, steps: int, seconds: float) -> None:
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

    def __init__(self, every: int | None, begin: Callable[[int], None], end: OnBlockEnd) -> None:
        self._every, self._begin, self._end = every, begin, end
        self._first: int | None = None
        self._done = self._samples = 0
        self.logs: dict[str, Any] = {}

    def begin(self) -> None:
        """Call the begin hook before a block, unless a group of steps is already open."""
        if self._first is None:
            self._first = self._done
            self._begin(self._first)

    def most(self, size: int) -> int:
        """Return the largest size of the next block, at most `size`."""
        return min(size, self._every - self._done % self._every) if self._every else size

    def ran(self, steps: int, samples: int, logs: dict[str, Any]) -> bool:
        """Record a finished block and return whether it was reported to callbacks."""
        self._done, self._samples, self.logs = self._done + steps, self._samples + samples, logs
        told = not self._every or self._done % self._every == 0
        if told:
            self.close()
        return told

    def close(self) -> None:
        """Report any pending steps to the callbacks."""
        if self._first is not None:
            last = self._first + self._every if self._every else self._done
            ran = BlockReport(self._first, last - 1, self._samples, self.logs)
            self._first, self._samples = None, 0
            self._end(ran)


class Resettable(Protocol):
    """Object that accumulates means over an epoch."""

    def reset_state(self) -> None:
        """Reset the means."""


class Runner:
    """Runs one kind of step of one model.

    Args:
        model: the model.
        engine: the engine that compiles the step.
        make_step: returns the step, given the model and the engine.
        note: called with the reports of the steps of each block.
        meter: further means to reset with the metrics of the model.
    """

    def __init__(
        self,
        model: keras.Model,
        engine: Engine,
        make_step: Callable[..., Step],
        note: Callable[[np.ndarray[Any, Any]], None] | None = None,
        meter: Resettable | None = None,
    ) -> None:
        self.model, self.engine, self.make_step, self._meter = model, engine, make_step, meter
        self._note, self._settings = note, hyperparameters(model)
        self.execution_mode: str | None = None
        self.fallback_reason: str | None = None

    def reset_metrics(self) -> None:
        """Reset the metrics of the model and the meter."""
        self.model.reset_metrics()
        if self._meter:
            self._meter.reset_state()

    def run(
        self,
        portions: Iterable[Chunk],
        pace: BlockSizer,
        begin: Callable[[int], None],
        end: OnBlockEnd,
        stopped: Callable[[], bool],
        halt: bool = False,
    ) -> dict[str, Any]:
        """Run every step of the chunks and return the logs of the last.

        Args:
            portions: chunks of an epoch iterator.
            pace: chooses the number of steps per block.
            begin: called before the steps that one call of `end` reports, with the index of the first.
            end: called after those steps, with their report.
            stopped: called after `end`; True ends the loop.
            halt: end a block at the first loss that is not finite, unless the block size is fixed.
        """
        telling, halt = CallbackNotifier(pace.fixed, begin, end), halt and not pace.fixed
        for portion in portions:
            start = 0
            while start < portion.steps:
                telling.begin()
                block: Block = self._compiled(portion, self.engine.compile)  # callbacks may have changed the model
                stop = min(start + telling.most(1 if stopped() else pace.size()), portion.steps)
                clock = time.perf_counter()
                outcome = block(portion.data, portion.order, start, stop, halt)
                pace.took(outcome.steps, time.perf_counter() - clock)
                self.execution_mode, self.fallback_reason = block.execution_mode, block.fallback_reason
                if self._note:
                    self._note(outcome.reports)
                start += outcome.steps
                if telling.ran(outcome.steps, outcome.steps * portion.rows, outcome.logs) and stopped():
                    return telling.logs
        telling.close()
        return telling.logs

    def predict(
        self,
        portions: Iterable[Chunk],
        in_step: int,
        begin: Callable[[int], None],
        end: Callable[[BlockReport, list[Any]], None],
        stopped: Callable[[], bool],
    ) -> list[Any]:
        """Return the predictions of every batch; callbacks run once every `in_step` batches."""
        outputs: list[Any] = []
        telling = CallbackNotifier(in_step, begin, lambda ran: end(ran, outputs[ran.first :]))
        for portion in portions:
            call = self._compiled(portion, self.engine.compile_call)
            for step in range(portion.steps):
                telling.begin()
                outputs.append(call(portion.data, portion.order[step]))
                if telling.ran(1, portion.rows, {}) and stopped():
                    return outputs
        telling.close()
        return outputs

    def _compiled(self, portion: Chunk, compile_step: Callable[[Step], Any]) -> Any:
        key = (self.make_step, portion.signature, self._settings, model_fingerprint(self.model))
        return cached_on_model(self.model, COMPILED, key, lambda: compile_step(self.make_step(self.model, self.engine)))
