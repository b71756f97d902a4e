"""`on_nonfinite` of `kb.fit`: a watch over the blocks of a training for losses and weights that are NaN or infinite."""

import logging
from typing import Any

import numpy as np

from kerasbridge.data import input_checks
from kerasbridge.data.epoch_iterators import Chunk
from kerasbridge.engines.base import BlockResult
from kerasbridge.engines.stateless import assign_all
from kerasbridge.errors import NonFiniteError
from kerasbridge.training.nonfinite_cause import are_finite, array_cause, find_cause, weight_cause
from kerasbridge.training.step_loop import BlockWatch, Compiled, Runner

log = logging.getLogger("kerasbridge")


class Warn(BlockWatch):
    """Logs a warning at the first loss that is not finite, and at the end if only the weights are not."""

    def __init__(self, runner: Runner) -> None:
        self._runner, self._warned = runner, False

    def after(self, compiled: Compiled, chunk: Chunk, start: int, result: BlockResult) -> None:
        step = _first_nonfinite(result)
        self.is_finite = step is None
        if step is None or self._warned:
            return
        array = self._array_cause(chunk, start + step)
        cause = array or self._weight_cause() or "no weight is affected so far"
        if cause.startswith("the variable"):  # the losses of the steps in between may be finite on TensorFlow
            causes = ((each, self._array_cause(chunk, each)) for each in range(start, start + step))
            earlier, array = next(((each, array) for each, array in causes if array), (0, None))
            cause += f"; {array}, in step {earlier + 1}" if array else ""
        if array and array.startswith("x") and input_checks.has_warned():
            self._warned = True
            return
        self._warn(f"the loss is {_report(result, step)} in step {start + step + 1} of epoch {self.epoch + 1}: {cause}")

    def finish(self) -> None:
        cause = None if self._warned else self._weight_cause()
        if cause:
            self._warn(f"after the training {cause}")

    def _array_cause(self, chunk: Chunk, step: int) -> str | None:
        return _array_cause(self._runner, chunk, step)

    def _weight_cause(self) -> str | None:
        return weight_cause(self._runner.engine, self._runner.trained())

    def _warn(self, message: str) -> None:
        self._warned = True
        log.warning(
            'kerasbridge: %s. The training goes on, as in Keras; on_nonfinite="stop" ends it there, '
            '"skip" leaves such batches out.',
            message,
        )


class Stop(BlockWatch):
    """Raises an error at the first loss or gradient that is not finite; the weights are those before that step."""

    def __init__(self, runner: Runner) -> None:
        self._runner, self._engine = runner, runner.engine

    def before(self, compiled: Compiled) -> None:
        self._variables = list(compiled.function.variables)
        self._values = self._read()

    def after(self, compiled: Compiled, chunk: Chunk, start: int, result: BlockResult) -> None:
        if _first_nonfinite(result) is None and are_finite(self._engine, self._runner.trained()):
            self._values = []
            return
        for step in range(start, start + result.steps):
            assign_all(self._variables, self._values)
            again = compiled.function(chunk.data, chunk.order, step, step + 1, False)
            if _first_nonfinite(again) is not None or not are_finite(self._engine, self._runner.trained()):
                raise self._error(compiled, chunk, step, again)
            self._values = self._read()
        raise self._error(compiled, chunk, start, result)

    def _read(self) -> list[Any]:
        return [self._engine.copy(variable.value) for variable in self._variables]

    def _error(self, compiled: Compiled, chunk: Chunk, step: int, result: BlockResult) -> NonFiniteError:
        """Return the error about a step, with the weights as they were before it."""
        assign_all(self._variables, self._values)
        batch = self._engine.gather_rows(chunk.data, chunk.order[step])
        first = self._runner.workers.first
        cause = find_cause(self._runner.model, self._engine, compiled.step, self._runner.trained(), batch, first)
        assign_all(self._variables, self._values)
        position = _first_nonfinite(result)
        received = "a gradient that is not"
        if position is not None and not cause.startswith("the gradient"):
            received = _report(result, position)
        return NonFiniteError(
            f"Expected a finite loss and finite gradients, received {received} in step {step + 1} of epoch "
            f"{self.epoch + 1}: {cause}. The model has the weights before this step, and earlier checkpoints are kept. "
            'Correct the data, lower the learning rate, or pass on_nonfinite="skip" to leave such batches out.'
        )


class Skip(BlockWatch):
    """Counts the steps whose update was not applied, which report NaN."""

    def __init__(self, runner: Runner) -> None:
        self._runner, self.skipped = runner, 0

    def after(self, compiled: Compiled, chunk: Chunk, start: int, result: BlockResult) -> None:
        step = _first_nonfinite(result)
        if step is not None and not self.skipped:
            cause = _array_cause(self._runner, chunk, start + step) or "the loss or a gradient is not finite"
            log.warning("kerasbridge: skipped step %d of epoch %d: %s.", start + step + 1, self.epoch + 1, cause)
        self.skipped += int(np.count_nonzero(~np.isfinite(result.reports)))

    def finish(self) -> None:
        if self.skipped:
            log.warning("kerasbridge: %d steps were skipped, since a loss or gradient was not finite.", self.skipped)


def make_watch(mode: str, runner: Runner) -> BlockWatch:
    """Return the watch for `on_nonfinite`."""
    watches = {"warn": Warn, "stop": Stop, "skip": Skip}
    return watches[mode](runner) if mode in watches else BlockWatch()


def _array_cause(runner: Runner, chunk: Chunk, step: int) -> str | None:
    """Return which array of the batch of a step contains NaN or infinity, on every worker if one of them finds it."""
    batch = runner.engine.gather_rows(chunk.data, chunk.order[step])
    cause: str | None = runner.workers.first(array_cause(runner.engine, batch))
    return cause


def _first_nonfinite(result: BlockResult) -> int | None:
    """Return the first step of a block whose report is not finite."""
    finite = np.isfinite(result.reports)
    return None if finite.all() else int(np.argmin(finite.reshape(result.steps, -1).all(axis=1)))


def _report(result: BlockResult, step: int) -> str:
    return str(np.asarray(result.reports).reshape(result.steps, -1)[step][0])
