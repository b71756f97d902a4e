"""A block of steps on JAX: the step is jitted and looped on the device, so that a block of any length is one call."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasbridge.engines.base import BlockResult, Data, Engine
from kerasbridge.engines.jax.device import is_on_cpu
from kerasbridge.engines.jax.loops import writing_control_flow
from kerasbridge.engines.jax.placement import Placement
from kerasbridge.engines.stateless import functionalize, with_missing_variables
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.keras_compat.tensors import raw_values, set_raw_values

StepResult = tuple[list[Tensor], Any]


class Retraced:
    """A function made of a step; made again if a trace finds that the step uses variables that it does not list."""

    def __init__(self, step: Step, make: Callable[[Step], Callable[..., Any]]) -> None:
        self._make, self.step, self.function = make, step, make(step)

    def __call__(self, *arguments: Any) -> Any:
        return self.call(lambda function: function(*arguments))

    def call(self, use: Callable[[Any], Any]) -> Any:
        """Return ``use(function)``, where the function may be made again."""
        return with_missing_variables(self.step, lambda step: use(self._function_of(step)))

    def _function_of(self, step: Step) -> Callable[..., Any]:
        if step is not self.step:
            self.step, self.function = step, self._make(step)
        return self.function


class JaxBlock:
    """A block: looped on the device or, if a loop would slow the step down, jitted steps called one by one.

    On a CPU so is a step that is always alone in its block: a loop would copy all variables.
    """

    fallback_reason: str | None = None

    def __init__(self, engine: Engine, placement: Placement, step: Step) -> None:
        self._run = Retraced(step, partial(Loop, engine, placement))

    @property
    def execution_mode(self) -> str:
        loop: Any = self._run.function
        return str(loop.execution_mode)

    @property
    def variables(self) -> tuple[Any, ...]:
        return self._run.step.variables

    def prepare(self, data: Data, order: Tensor) -> None:
        self._run.call(lambda loop: loop.prepare(data, order))

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, stop_on_nonfinite: bool) -> BlockResult:
        result: BlockResult = self._run(data, order, start, stop, stop_on_nonfinite)
        return result


class Loop:
    """The loop over the steps of a block."""

    def __init__(self, engine: Engine, placement: Placement, step: Step) -> None:
        self.execution_mode = "jit" if step.is_single else "looped"
        self._variables = step.variables
        self._gather = engine.gather_rows
        self._placement = placement
        self._step = jit(step_on_batch(step, placement), placement)
        self._while_loop = jit(self._while, placement)
        self._is_traced = False

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, stop_on_nonfinite: bool) -> BlockResult:
        self.prepare(data, order)
        values = self._placement.enter(raw_values(self._variables))
        is_alone = is_on_cpu() and len(order) == 1  # compiled sooner than a loop
        is_called = self.execution_mode == "jit" or is_alone or isinstance(order, np.ndarray)
        run = self._loop_in_python if is_called else self._loop_on_device
        end, reports, values, logs = run(values, data, order, start, stop, stop_on_nonfinite)
        values, logs = self._placement.leave((values, logs))
        set_raw_values(self._variables, values)
        return BlockResult(end - start, reports, logs)

    def prepare(self, data: Data, order: Tensor) -> None:
        """Trace the step and choose how to loop over it."""
        if self._is_traced:
            return
        batch = jax.eval_shape(lambda data, order: self._gather(data, order[0]), data, order)
        if is_slow_in_loop(self._step.trace(raw_values(self._variables), batch)):
            self.execution_mode = "jit"
        self._is_traced = True

    def _loop_in_python(
        self, values: list[Tensor], data: Data, order: Tensor, start: int, stop: int, stop_on_nonfinite: bool
    ) -> tuple[int, Any, list[Tensor], dict[str, Tensor]]:
        """Call the step for batches that are gathered on the host, so that it is compiled once for all data."""
        tensors, structure = jax.tree.flatten(data)
        host = [np.asarray(tensor) for tensor in tensors]
        reports: list[Tensor] = []
        logs: dict[str, Tensor] = {}
        for row in np.asarray(order)[start:stop]:
            batch = self._placement.enter_batch(structure.unflatten([leaf[row] for leaf in host]))
            values, (report, logs) = self._step(values, batch)
            reports.append(report)
            if stop_on_nonfinite and not np.isfinite(report).all():
                break
        return start + len(reports), np.asarray([np.asarray(report) for report in reports]), values, logs

    def _loop_on_device(
        self, values: list[Tensor], data: Data, order: Tensor, start: int, stop: int, stop_on_nonfinite: bool
    ) -> tuple[int, Any, list[Tensor], dict[str, Tensor]]:
        data, order = self._placement.enter((data, order))
        end, reports, values, logs = self._while_loop(values, data, order, start, stop, stop_on_nonfinite)
        end = int(end)
        return end, np.asarray(reports)[start:end], values, logs

    def _while(
        self, values: list[Tensor], data: Data, order: Tensor, start: Tensor, stop: Tensor, stop_on_nonfinite: Tensor
    ) -> tuple[Tensor, Tensor, list[Tensor], dict[str, Tensor]]:
        """Loop from `start` to `stop`: as these are arguments, one compilation serves blocks of every length."""

        def has_next(carry: Any) -> Tensor:
            index, reports, _, _ = carry
            is_finite = (index == start) | jnp.isfinite(reports[index - 1]).all()
            return (index < stop) & (is_finite | ~jnp.asarray(stop_on_nonfinite))

        def body(carry: Any) -> Any:
            index, reports, values, _ = carry
            values, (report, logs) = self._step(values, self._gather(data, order[index]))
            return index + 1, reports.at[index].set(report), values, logs

        _, (report, logs) = jax.eval_shape(self._step, values, self._gather(data, order[0]))
        no_logs = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), logs)
        no_reports = jnp.zeros((order.shape[0], *report.shape), report.dtype)
        end, reports, values, logs = jax.lax.while_loop(has_next, body, (start, no_reports, values, no_logs))
        return end, reports, values, logs


def jit(function: Callable[..., Any], placement: Placement) -> Any:
    """Compile a function whose results are whole on each of the devices."""
    return jax.jit(function) if placement.whole is None else jax.jit(function, out_shardings=placement.whole)


def step_on_batch(step: Step, placement: Placement) -> Callable[[list[Tensor], Data], StepResult]:
    """Return the step as a pure function of the values of its variables and the batch."""
    run = functionalize(step)

    def on_batch(values: list[Tensor], batch: Data) -> StepResult:
        with writing_control_flow():
            return run(values, placement.split(batch))

    return on_batch


def is_slow_in_loop(traced: Any) -> bool:
    """Return whether a traced step is better called from Python than in a loop on the device.

    On a CPU, XLA runs a convolution inside a loop on one thread: four times slower than the step by itself.
    """
    return is_on_cpu() and "conv_general_dilated" in set(_primitives(traced.jaxpr.jaxpr))


def _primitives(jaxpr: Any) -> Iterator[str]:
    """Yield the names of the primitives in a jaxpr and in those nested in it."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for parameter in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda leaf: hasattr(leaf, "eqns")):
            inner = getattr(parameter, "jaxpr", parameter)
            if hasattr(inner, "eqns"):
                yield from _primitives(inner)
