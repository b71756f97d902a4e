"""Running a step over what a feed gives: in blocks, from compiled steps that are found again."""

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
"""A progress bar that moves four times a second, and a Ctrl-C that is answered within it."""

COMPILED = "_kerasbridge_compiled"


@dataclass(frozen=True)
class BlockReport:
    """Steps that have run, as callbacks are told of them: first and last, samples seen, and the logs of the last.

    Where somebody wants to be told after so many steps, the last is that of a whole number of them, as in Keras, even
    where the data ended before it.
    """

    first: int
    last: int
    samples: int
    logs: dict[str, Any]


OnBlockEnd = Callable[[BlockReport], None]


class BlockSizer:
    """How many steps the next block has: a fixed number, where somebody wants to be told, or about 0.25 s of them."""

    def __init__(self, fixed: int | None = None) -> None:
        self.fixed = fixed
        self._size = fixed or 1
        self._compiled = False

    def size(self) -> int:
        """Step of the next block."""
        return self._size

    def took(self, steps: int, seconds: float) -> None:
        """Learns from a finished block; the first one's time is mostly compilation."""
        if self.fixed:
            return
        if not self._compiled:
            self._compiled, self._size = True, 8
            return
        fitting = int(steps * SECONDS_PER_BLOCK / max(seconds, 1e-9))
        self._size = min(max(fitting, 1), 8 * steps)


class CallbackNotifier:
    """Tells callbacks of steps: after each block, or of `every` steps where it is given."""

    def __init__(self, every: int | None, begin: Callable[[int], None], end: OnBlockEnd) -> None:
        self._every, self._begin, self._end = every, begin, end
        self._first: int | None = None
        self._done = self._samples = 0
        self.logs: dict[str, Any] = {}

    def begin(self) -> None:
        """Before a block."""
        if self._first is None:
            self._first = self._done
            self._begin(self._first)

    def most(self, size: int) -> int:
        """How many steps the block may have."""
        return min(size, self._every - self._done % self._every) if self._every else size

    def ran(self, steps: int, samples: int, logs: dict[str, Any]) -> bool:
        """After a block; whether callbacks were told of it."""
        self._done, self._samples, self.logs = self._done + steps, self._samples + samples, logs
        told = not self._every or self._done % self._every == 0
        if told:
            self.close()
        return told

    def close(self) -> None:
        """Tell of what callbacks have not been told of yet."""
        if self._first is not None:
            last = self._first + self._every if self._every else self._done
            ran = BlockReport(self._first, last - 1, self._samples, self.logs)
            self._first, self._samples = None, 0
            self._end(ran)


class Resettable(Protocol):
    """What keeps means over an epoch."""

    def reset_state(self) -> None:
        """Forgets them."""


class Runner:
    """One kind of step of one model.

    `make_step` makes it of the model and the engine's `value_and_grad`; `meter` keeps means of its own, besides the
    model's metrics. `note` is given what the steps of each block report.
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
        """Forgets the means of what ran before."""
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
        """Run every step of the portions and returns the logs of the last.

        Args:
            portions: as a feed gives them.
            pace: how many steps to run at a time.
            begin: called with the first of the steps that `end` is told of, before them.
            end: called after them.
            stopped: asked then whether to leave.
            halt: a loss that is not finite ends its block, unless blocks are as somebody wants them.
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
        """The predictions of every batch; callbacks are told of `in_step` batches at a time."""
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
        return cached_on_model(
            self.model, COMPILED, key, lambda: compile_step(self.make_step(self.model, self.engine.value_and_grad))
        )
