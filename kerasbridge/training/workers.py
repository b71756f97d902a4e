"""What keeps the workers of a run together: gradients, metrics, and what callbacks of worker 0 change.

Each worker computes its rows of every batch. The numbers of a run follow from those of whole batches: a loss is the
mean over the workers, weighted by their rows, and so are gradients; states of metrics are sums over rows.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.data.shares import share_of
from kerasbridge.engines.base import Engine
from kerasbridge.engines.collectives import broadcast_json, gather_json, sum_all
from kerasbridge.engines.step import Batch, Step, Tensor
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.runtime.world import Share, computing

Values = list[Tensor]


def compute_share(step: Step, share: Share | None) -> Step:
    """Return the step as one that computes this share of each batch."""
    if share is None:
        return step

    def run(batch: Batch) -> Any:
        with computing(share):
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
    def leads(self) -> bool:
        """Whether this worker runs the callbacks and writes the files."""
        return self._world.is_first

    def agree(self, value: Any) -> Any:
        """Return the value of worker 0, of JSON data."""
        return value if self._is_alone else broadcast_json(self._engine, value)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all workers, of JSON data."""
        return [value] if self._is_alone else gather_json(self._engine, value)

    def share(self, rows: int) -> Share | None:
        """Return the share of a batch that the step of this worker computes; None if it computes whole batches."""
        return share_of(rows, self._engine)

    def send(self, variables: Iterable[Any]) -> None:
        """Assign the variables the values of worker 0."""
        if self._is_alone:
            return
        for variable in variables:
            value = self._engine.to_numpy(variable.value)
            received = self._engine.broadcast(value)
            if not self.leads and received.tobytes() != value.tobytes():
                variable.assign(keras.ops.convert_to_tensor(received, dtype=variable.dtype))

    @contextlib.contextmanager
    def following(self, model: keras.Model, variables: Callable[[], Sequence[Any]]) -> Iterator[None]:
        """Give all workers the variables of worker 0; inside, `follow` gives them what its callbacks assign.

        Args:
            model: the model of the run.
            variables: returns the variables of the run, in the same order on each worker.
        """
        if self._is_alone:
            yield
            return
        self._variables = variables

        def assign(original: Any, variable: Any, *arguments: Any, **keywords: Any) -> Any:
            self._assigned[id(variable)] = variable
            return original(variable, *arguments, **keywords)

        with patched(keras.Variable, "assign", assign):
            yield

    def forget(self) -> None:
        """Leave out what has been assigned so far: every worker did it itself."""
        self._assigned.clear()

    def follow(self, model: keras.Model, is_needed: bool = True) -> None:
        """Give all workers what callbacks of worker 0 have changed: variables, and whether the training stops."""
        if self._is_alone or not is_needed:
            return
        listed = self._variables()
        positions = [k for k, variable in enumerate(listed) if id(variable) in self._assigned]
        changed = self.agree([bool(model.stop_training), positions])
        model.stop_training, positions = changed
        self.send(listed[position] for position in positions)
        self.forget()
