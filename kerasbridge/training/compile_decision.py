"""The decision when to compile a step that can run as Python first, with the same results to the last bit.

A compilation costs as much as it saves in some ten to a hundred steps. A run that is shorter is faster without it. How
many steps are left is known for most data; for a stream, and for a model that is trained again and again, as many are
expected as there have been.
"""

from kerasbridge.engines.base import Estimate
from kerasbridge.runtime import backend

WARM_UP, TIMED = 1, 1
"""The first steps: slower ones, and those that are timed. The next is measured."""

SHORTEST = 8
"""Steps that are too few for any compilation."""

MARGIN = 1.5
"""What a compilation has to save at least, compared with its cost."""

CHECKED_STEPS = 2
"""Compiled steps whose results are only compared; another step runs while it is traced."""


class CompileDecision:
    """Decides when one step is compiled, from the steps that have run as Python and their times.

    Attributes:
        at_once: compile before the next step: it may not be possible, or what the step computes depends on how often it
            runs as Python.
    """

    def __init__(self, mode: str | None = None) -> None:
        self._mode = mode or backend.trace_mode()
        self._steps = 0
        self._seconds_per_step: float | None = None
        self._estimate: Estimate | None = None
        self.at_once = False

    def compiles(self, steps_left: int | None) -> bool:
        """Return whether to compile now, if so many steps are left in this run; None if that is not known."""
        if self._mode != "auto":
            return self._mode == "always"
        if self._estimate is None or self._seconds_per_step is None:
            return self.at_once
        saved = self._seconds_per_step - self._estimate.step
        cost = self._estimate.compilation + self._seconds_per_step + CHECKED_STEPS * self._estimate.step
        return self.at_once or saved * max(steps_left or 0, self._steps) > MARGIN * cost

    @property
    def is_new(self) -> bool:
        """Return whether no step has run yet."""
        return not self._steps

    def limit(self, steps: int) -> int:
        """Return how many of these steps to run as Python before asking again."""
        return steps if self._estimate or self._mode != "auto" or self._steps > WARM_UP + TIMED else 1

    def measures(self, steps_left: int | None) -> bool:
        """Return whether the next step is to be measured, which takes somewhat longer."""
        is_too_short = steps_left is not None and max(steps_left, self._steps) < SHORTEST
        return self._mode == "auto" and self._estimate is None and self._steps >= WARM_UP + TIMED and not is_too_short

    def record(self, steps: int, seconds: float, estimate: Estimate | None = None) -> None:
        """Take note of steps that ran as Python, with the estimate if the step was measured."""
        if estimate:
            self._estimate = estimate
        elif self._steps >= WARM_UP:
            seconds_per_step = seconds / steps
            self._seconds_per_step = min(self._seconds_per_step or seconds_per_step, seconds_per_step)
        self._steps += steps
