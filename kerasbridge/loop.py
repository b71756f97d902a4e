"""Running a step over what a feed gives: in blocks, from compiled steps that are found again."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from kerasbridge import _keras
from kerasbridge._keras import keras
from kerasbridge.data.feeds import Portion
from kerasbridge.engines.base import Block, Engine
from kerasbridge.step import Step

MOST_VARIANTS = 32
"""Compiled steps that a model keeps; the longest unused goes first."""

SECONDS_PER_BLOCK = 0.25
"""A progress bar that moves four times a second, and a Ctrl-C that is answered within it."""

_CACHE = "_kerasbridge_compiled"


@dataclass(frozen=True)
class Ran:
    """A block that has run: its first step and its last, the samples it saw, and the logs of the last."""

    first: int
    last: int
    samples: int
    logs: dict[str, Any]


OnBlock = Callable[[Ran], None]


class Pace:
    """How many steps the next block has: a fixed number, or what takes about a quarter of a second."""

    def __init__(self, fixed: int | None = None) -> None:
        self._fixed = fixed
        self._size = fixed or 1
        self._compiled = False

    @property
    def fixed(self) -> int | None:
        """The number of steps, where somebody wants to be told after so many."""
        return self._fixed

    def size(self) -> int:
        """Steps of the next block."""
        return self._size

    def took(self, steps: int, seconds: float) -> None:
        """Learns from a finished block; the first one's time is mostly compilation."""
        if self._fixed:
            return
        if not self._compiled:
            self._compiled, self._size = True, 8
            return
        fitting = int(steps * SECONDS_PER_BLOCK / max(seconds, 1e-9))
        self._size = min(max(fitting, 1), 8 * steps)


class Meter(Protocol):
    """What keeps means over an epoch."""

    def reset_state(self) -> None:
        """Forgets them."""


class Runner:
    """One kind of step of one model.

    `make_step` makes it of the model and the engine's `value_and_grad`; `meter` keeps means of its own, besides the
    model's metrics. `note` is given what the steps of each block report.
    """

    def __init__(
        self, model: keras.Model, engine: Engine, make_step: Callable[..., Step],
        note: Callable[[np.ndarray[Any, Any]], None] | None = None, meter: Meter | None = None,
    ) -> None:  # fmt: skip
        self.model, self.engine, self.make_step, self._meter = model, engine, make_step, meter
        self._note = note
        self.how: str | None = None
        self.reason: str | None = None

    def reset_metrics(self) -> None:
        """Forgets the means of what ran before."""
        self.model.reset_metrics()
        if self._meter:
            self._meter.reset_state()

    def run(
        self, portions: Iterable[Portion], pace: Pace, begin: Callable[[int], None], end: OnBlock,
        stopped: Callable[[], bool], halt: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Runs every step of the portions and returns the logs of the last.

        Args:
            portions: as a feed gives them.
            pace: how many steps to run at a time.
            begin: called with the first step of a block before it.
            end: called after a block.
            stopped: asked after every block whether to leave.
            halt: leave after the first loss that is not finite.
        """
        logs: dict[str, Any] = {}
        done = 0
        for portion in portions:
            block: Block = self._compiled(portion, self.engine.compile)
            start = 0
            while start < portion.steps:
                stop = min(start + pace.size(), portion.steps)
                begin(done)
                clock = time.perf_counter()
                outcome = block(portion.data, portion.order, start, stop, halt)
                pace.took(stop - start, time.perf_counter() - clock)
                self.how, self.reason, logs = block.how, block.reason, outcome.logs
                if self._note:
                    self._note(outcome.reports)
                ran = Ran(done, done + outcome.steps - 1, outcome.steps * portion.rows, logs)
                start, done = start + outcome.steps, done + outcome.steps
                end(ran)
                if stopped() or (halt and not np.isfinite(outcome.reports[-1]).all()):
                    return logs
        return logs

    def predict(
        self, portions: Iterable[Portion], begin: Callable[[int], None], end: Callable[[int, Any], None],
        stopped: Callable[[], bool],
    ) -> list[Any]:  # fmt: skip
        """The predictions of every batch."""
        outputs: list[Any] = []
        for portion in portions:
            call = self._compiled(portion, self.engine.compile_call)
            for step in range(portion.steps):
                begin(len(outputs))
                outputs.append(call(portion.data, portion.order[step]))
                end(len(outputs) - 1, outputs[-1])
                if stopped():
                    return outputs
        return outputs

    def _compiled(self, portion: Portion, compile_step: Callable[[Step], Any]) -> Any:
        key = (self.make_step, portion.signature, _state(self.model))
        cache = kept_on(self.model, _CACHE)
        if key not in cache:
            cache[key] = compile_step(self.make_step(self.model, self.engine.value_and_grad))
        cache.move_to_end(key)
        while len(cache) > MOST_VARIANTS:
            cache.popitem(last=False)
        return cache[key]


def kept_on(model: keras.Model, name: str) -> "OrderedDict[Any, Any]":
    """What is kept on the model under a name, past Keras's and torch's tracking of attributes."""
    if name not in model.__dict__:
        object.__setattr__(model, name, OrderedDict())
    kept: OrderedDict[Any, Any] = model.__dict__[name]
    return kept


def _state(model: keras.Model) -> tuple[Any, ...]:
    """What makes a compiled step stale when it changes.

    `compile` creates new metric variables, layers that are added or enlarged new weights: their identities stand
    for both, since the compiled step keeps them alive.
    """
    optimizer = model.optimizer.variables if getattr(model, "optimizer", None) is not None else []
    variables = (*model.variables, *optimizer, *model.metrics_variables)
    trainable = tuple(id(variable) for variable in model.trainable_variables)
    policies = _keras.dtype_policies(model)
    options = (bool(model.run_eagerly), bool(model.jit_compile), _keras.is_random_portable())
    return (tuple(map(id, variables)), trainable, policies, options)
