"""Coordination of the workers of a run: gradients, metrics, and what callbacks of worker 0 change.

Each worker computes its rows of every batch. The numbers of a run follow from those of whole batches: a loss is the
mean over the workers, weighted by their rows, and so are gradients; states of metrics are sums over rows.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kerasbridge.data.shares import share_of
from kerasbridge.engines.base import Engine
from kerasbridge.engines.collectives import broadcast_json, broadcast_state, gather_json, sum_all
from kerasbridge.engines.step import Batch, Step, Tensor
from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import set_trainable_flags, trainable_flags
from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.random.generator import host_rng_state, set_host_rng_state
from kerasbridge.runtime import signals
from kerasbridge.runtime.world import Share
from kerasbridge.training.whole_batch.agreement import check_equal, check_rows_can_be_split
from kerasbridge.training.whole_batch.scope import share_scope

Values = list[Tensor]
_SIGNALS_TOGETHER = 5.0


def compute_share(step: Step, share: Share | None, engine: Engine, metrics: Sequence[Any] = ()) -> Step:
    """Return the step, which updates these metrics, as one that computes this share of each batch."""
    if share is None:
        return step

    def run(batch: Batch) -> Any:
        with share_scope(engine, share, metrics):
            return step.run(batch)

    return replace(step, run=run)


class MetricSums:
    """The states of metrics before a block; after it, the sums over the rows of all workers."""

    def __init__(self, engine: Engine, variables: Sequence[Any]) -> None:
        self._engine, self._variables = engine, variables
        self._before = [engine.copy(variable.value) for variable in variables]

    def add_up(self) -> None:
        """Add what the workers have added to the states since then."""
        deltas = [variable.value - before for variable, before in zip(self._variables, self._before, strict=True)]
        for variable, before, delta in zip(self._variables, self._before, sum_all(self._engine, deltas), strict=True):
            variable.assign(before + delta)


class Workers:
    """The workers of a run, as worker 0 leads them.

    Args:
        engine: the engine of the run; alone, nothing is exchanged.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._world = engine, engine.world
        self._is_alone = engine.world.size == 1
        self._assigned: dict[int, Any] = {}

    @property
    def are_alone(self) -> bool:
        """Return whether there is one worker."""
        return self._is_alone

    @property
    def leads(self) -> bool:
        """Return whether this worker runs the callbacks and writes the files."""
        return self._world.is_first

    def agree(self, value: Any) -> Any:
        """Return the value of worker 0, of JSON data."""
        return value if self._is_alone else broadcast_json(self._engine, value)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all workers, of JSON data."""
        return [value] if self._is_alone else gather_json(self._engine, value)

    def first(self, value: Any) -> Any:
        """Return the value of the first worker whose value is not None, of JSON data."""
        return next((each for each in self.gather(value) if each is not None), None)

    def share(self, rows: int) -> Share | None:
        """Return the share of a batch that the step of this worker computes; None if it computes whole batches."""
        return share_of(rows, self._engine)

    def check_model(self, model: keras.Model) -> None:
        """Raise WorkerError if the rows of a batch cannot be split over the workers."""
        if not self._is_alone and not self._engine.sees_whole_batches:
            check_rows_can_be_split(model)

    def check_equal(self, variables: Callable[[], Sequence[Any]]) -> None:
        """Raise WorkerError if a variable has not the same value on all workers."""
        if not self._is_alone and not self._engine.sees_whole_batches:
            check_equal(self._engine, variables())

    def send(self, variables: Iterable[Any]) -> None:
        """Assign the variables the values of worker 0."""
        if self._is_alone:
            return
        for variable in variables:
            value = self._engine.to_numpy(variable.value)
            received = self._engine.broadcast(value)
            if not self.leads and received.tobytes() != value.tobytes():
                variable.assign(keras.ops.convert_to_tensor(received, dtype=variable.dtype))

    def send_generators(self) -> None:
        """Give all workers the states of the random generators of worker 0: of Python, NumPy and the backend."""
        if self._is_alone:
            return
        python, numpy = host_rng_state()
        python, (name, keys, *rest) = broadcast_json(self._engine, [python, [numpy[0], numpy[1].tolist(), *numpy[2:]]])
        version, internal, gauss = python
        set_host_rng_state(((version, tuple(internal), gauss), (name, np.array(keys, np.uint32), *rest)))
        state = broadcast_state(self._engine, self._engine.rng_state())
        if state is not None:
            self._engine.set_rng_state(state)

    def noting_signals(self) -> contextlib.AbstractContextManager[Any]:
        """Note Ctrl-C and SIGTERM inside, so that all workers end at the same step.

        A launcher sends them again to the workers that it has started.
        """
        return contextlib.nullcontext() if self._is_alone else signals.note_signals(together=_SIGNALS_TOGETHER)

    def share_signals(self) -> None:
        """Note the signal that any of the workers has noted."""
        if not self._is_alone:
            noted = [number for number in self.gather(signals.noted()) if number is not None]
            if noted:
                signals.note(noted[0])

    @contextlib.contextmanager
    def following(
        self,
        model: keras.Model,
        variables: Callable[[], Sequence[Any]],
        changed: Callable[[], str | None] = lambda: None,
    ) -> Iterator[None]:
        """Give all workers the variables of worker 0; inside, `follow` gives them what its callbacks assign.

        Args:
            model: the model of the run.
            variables: returns the variables of the run, in the same order on each worker.
            changed: returns what else a callback has changed that the others cannot follow; None if nothing.
        """
        if self._is_alone:
            yield
            return
        self._variables, self._changed, self._trainable = variables, changed, trainable_flags(model)

        def assign(original: Any, variable: Any, *arguments: Any, **keywords: Any) -> Any:
            self._assigned[id(variable)] = variable
            return original(variable, *arguments, **keywords)

        with patched(keras.Variable, "assign", assign):
            yield

    def forget(self) -> None:
        """Leave out what has been assigned so far: every worker did it itself."""
        self._assigned.clear()

    def follow(self, model: keras.Model, is_needed: bool = True) -> None:
        """Give all workers what callbacks of worker 0 have changed: variables, what is frozen, whether it stops.

        Raises:
            ArgumentError: they have changed something else that the step reads.
        """
        if self._is_alone or not is_needed:
            return
        model.stop_training, positions, frozen, changed = self.agree(self._changes(model) if self.leads else None)
        if changed:
            raise ArgumentError(
                f"Expected callbacks that change variables only, as they run on worker 0; one changed {changed}. "
                "Use a keras.Variable, or do it before kb.fit."
            )
        if frozen:
            set_trainable_flags(model, frozen)
            self._trainable = frozen
        listed = self._variables() if positions else []
        self.send(listed[position] for position in positions)
        self.forget()

    def _changes(self, model: keras.Model) -> list[Any]:
        listed = self._variables() if self._assigned else []
        positions = [k for k, variable in enumerate(listed) if id(variable) in self._assigned]
        flags = trainable_flags(model)
        return [bool(model.stop_training), positions, flags if flags != self._trainable else None, self._changed()]
