"""Predictions on torch: plain calls, or replays of the traced step where a trace pays."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from kerasbridge.engines.base import Data, Engine
from kerasbridge.engines.eager import EagerPredictBlock
from kerasbridge.engines.stateless import assign_all, with_missing_variables
from kerasbridge.engines.step import Batch, Step, Tensor
from kerasbridge.engines.torch.tracing import TracedStep, UntraceableError
from kerasbridge.errors import StepError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.runtime import backend

NO_ROW = torch.tensor(0)
"""The row that a traced step takes in addition to its data, which is a batch here."""

CHECKED = 2
"""Batches that are computed both ways after tracing."""

DIFFERENT = (
    "traced, the model predicts something else than as plain Python. Its code reads a value that changes from batch to "
    "batch and is neither a tensor nor a keras.Variable"
)


def batches_to_pay(operations: int) -> float:
    """Return for how many batches a trace must be used to save more time than it costs.

    Measured: a perceptron (7 operations) needs 6 to 15 batches, a transformer (170) 10, an unrolled LSTM (1,070), whose
    time is mostly arithmetic, 64 to 85.
    """
    return 16 + operations / 12


class TorchPredictBlock:
    """A block that begins with plain calls, and replays a trace as soon as that pays.

    Both execute the same operations, so that no prediction depends on when that is.
    """

    def __init__(
        self, engine: Engine, step: Step, restored: Callable[[], contextlib.AbstractContextManager[Any]]
    ) -> None:
        self.fallback_reason: str | None = None
        self._engine, self._step, self._restored = engine, step, restored
        self._plain = EagerPredictBlock(engine, step, None, copy_of)
        self._traced: TracedPrediction | None = None
        self._needed: float | None = None
        self._plain_calls = self._unchecked = 0

    def __call__(self, stack: Data, start: int, stop: int, left: int) -> list[Any]:
        if start >= stop:
            return []
        with torch.no_grad():
            if self._needed is None:
                return [self._count_operations(stack, start), *self(stack, start + 1, stop, left - 1)]
            if self._traced is None and self.fallback_reason is None and self._pays(left):
                self._trace(stack, start)
            if self._unchecked and self._traced:
                checked = min(start + self._unchecked, stop)
                parts = self._check(stack, start, checked)
                return [*parts, *self(stack, checked, stop, left)]
            if self._traced:
                return [self._traced.run(stack, start, stop)]
            self._plain_calls += stop - start
            return self._plain(stack, start, stop, left)

    def _pays(self, left: int) -> bool:
        assert self._needed is not None
        return max(left, self._plain_calls) >= self._needed

    def _count_operations(self, stack: Data, index: int) -> Any:
        with _Counter() as counter:
            (outputs,) = self._plain(stack, index, index + 1, 1)
        self._needed, self._plain_calls = batches_to_pay(counter.operations), 1
        return outputs

    def _trace(self, stack: Data, index: int) -> None:
        def trace(step: Step) -> None:
            self._traced = TracedPrediction(step, copy_of(stack, index))

        try:
            with self._restored():
                with_missing_variables(self._step, trace)
            self._unchecked = CHECKED
        except UntraceableError as error:
            self.fallback_reason = str(error)

    def _check(self, stack: Data, start: int, stop: int) -> list[Any]:
        """Compute batches both ways and return the plain predictions; stop replaying if they differ."""
        assert self._traced is not None
        variables = self._traced.assigned_variables
        before = [variable.value.clone() for variable in variables]
        with self._restored():
            replayed = [self._traced.run(stack, index, index + 1) for index in range(start, stop)]
        after = [variable.value.clone() for variable in variables]
        assign_all(variables, before)
        plain = self._plain(stack, start, stop, stop - start)
        self._unchecked -= stop - start
        if not self._equal((replayed, after), (plain, [variable.value for variable in variables])):
            if backend.checks_steps_strictly():
                raise StepError(f"{DIFFERENT}.")
            self._traced, self.fallback_reason = None, DIFFERENT
        return plain

    def _equal(self, one: Any, other: Any) -> bool:
        pairs = zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True)
        return all(_equal(*map(self._engine.to_numpy, map(torch.as_tensor, pair))) for pair in pairs)


class TracedPrediction:
    """A traced predict step, whose predictions are written into one tensor for all batches of a call."""

    def __init__(self, step: Step, batch: Data) -> None:
        def run(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
            outputs = step.run(batch)
            self._structure = keras.tree.map_structure(lambda _: 0, outputs)
            leaves = [torch.as_tensor(leaf) for leaf in keras.tree.flatten(outputs)]
            if not all(leaf.ndim for leaf in leaves):
                raise UntraceableError("an output of the model has no rows")
            return leaves[0], {str(k): leaf for k, leaf in enumerate(leaves[1:], 1)}

        self._traced = TracedStep(replace(step, run=run), lambda data, _: data, batch, NO_ROW)

    @property
    def assigned_variables(self) -> list[Any]:
        """The variables that the step writes."""
        return self._traced.changed_variables

    def run(self, stack: Data, start: int, stop: int) -> Any:
        """Return the predictions for the batches from `start` to `stop`."""
        state = self._traced.begin()
        buffers: list[Tensor] = []
        for place, index in enumerate(range(start, stop)):
            first, others = self._traced.step_with_logs(state, self._traced.tensors(copy_of(stack, index)), NO_ROW)
            leaves = [first, *others.values()]
            if not buffers:
                buffers = [leaf.new_empty((stop - start, *leaf.shape)) for leaf in leaves]
            for buffer, leaf in zip(buffers, leaves, strict=True):
                buffer[place].copy_(leaf)
        self._traced.commit(state)
        return keras.tree.pack_sequence_as(self._structure, [buffer.flatten(0, 1) for buffer in buffers])


class _Counter(TorchDispatchMode):  # type: ignore[misc]
    """Counts the operations that are called."""

    operations = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
        return function(*args, **(kwargs or {}))


def copy_of(stack: Data, index: int) -> Data:
    """Return a copy of one batch: the stack may be memory of the user, and a model may write to its input."""
    return map_tensors(lambda leaf: leaf[index].clone(), stack)


def _equal(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    return one.shape == other.shape and bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))
