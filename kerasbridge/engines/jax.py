"""JAX: the step is jitted and looped on the device, so that a block of any length is one call."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasbridge._keras import map_tensors
from kerasbridge.engines.base import Block, Data, Engine, Outcome, StepByStep, without_compiling
from kerasbridge.engines.scope import Overlay, pure
from kerasbridge.step import Step, Tensor


class JaxEngine(Engine):
    """Gradients by `jax.value_and_grad`, blocks by `jax.lax.while_loop`."""

    name = "jax"

    def devices(self) -> tuple[str, ...]:
        return tuple(self._by_name())

    def use(self, device: str) -> None:
        jax.config.update("jax_default_device", self._by_name()[device])

    def device_of(self, tensor: Tensor) -> str:
        holders = tensor.devices()
        return next(name for name, device in self._by_name().items() if device in holders)

    def place(self, array: np.ndarray[Any, Any]) -> Tensor:
        return jnp.asarray(array)

    def take(self, data: Data, row: Tensor) -> Data:
        return map_tensors(lambda leaf: leaf[row], data)

    def value_and_grad(
        self, function: Callable[[], tuple[Tensor, Any]], variables: list[Any]
    ) -> tuple[tuple[Tensor, Any], list[Tensor]]:
        written: list[Any] = []

        def loss_of(values: list[Tensor]) -> tuple[Tensor, tuple[Any, list[Tensor]]]:
            with Overlay(zip(variables, values, strict=True)) as scope:
                loss, aux = function()
            written[:] = [variable for variable, _ in scope.writes()]
            return loss, (aux, [value for _, value in scope.writes()])

        values = [variable.value for variable in variables]
        (loss, (aux, updates)), gradients = jax.value_and_grad(loss_of, has_aux=True)(values)
        for variable, update in zip(written, updates, strict=True):
            variable.assign(update)
        return (loss, aux), gradients

    def compile(self, step: Step) -> Block:
        reason = _without_jit(step)
        return StepByStep(self, step, reason) if reason else JaxBlock(self, step)

    def compile_call(self, step: Step) -> Callable[[Data, Tensor], Any]:
        reason = _without_jit(step)
        if reason:
            return StepByStep(self, step, reason).predict
        run = jax.jit(self._on_rows(step))

        def predict(data: Data, row: Tensor) -> Any:
            values, outputs = run([variable.value for variable in step.variables], data, row)
            _assign(step.variables, values)
            return outputs

        return predict

    def _on_rows(self, step: Step) -> Callable[[list[Tensor], Data, Tensor], tuple[list[Tensor], Any]]:
        run = pure(step)
        return lambda values, data, row: run(values, self.take(data, row))

    def _by_name(self) -> dict[str, Any]:
        found = {}
        for kind in dict.fromkeys(("cpu", jax.default_backend())):
            devices = jax.local_devices(backend=kind)
            named = len(devices) > 1 or kind != "cpu"
            found.update({f"{kind}:{index}" if named else kind: device for index, device in enumerate(devices)})
        return found


class JaxBlock:
    """A block: looped on the device, or, where a loop would slow the step, jitted steps called one by one."""

    reason: str | None = None

    def __init__(self, engine: JaxEngine, step: Step) -> None:
        self.how = "looped"
        self._variables = step.variables
        on_rows = engine._on_rows(step)
        self._step = jax.jit(lambda values, data, order, index: on_rows(values, data, order[index]))
        self._run: Callable[..., tuple[int, Any, list[Tensor], dict[str, Tensor]]] | None = None

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, halt: bool) -> Outcome:
        values = [variable.value for variable in self._variables]
        if self._run is None:
            self._run = self._fastest(values, data, order)
        end, reports, values, logs = self._run(values, data, order, start, stop, halt)
        _assign(self._variables, values)
        return Outcome(end - start, reports, logs)

    def _fastest(self, values: list[Tensor], data: Data, order: Tensor) -> Callable[..., Any]:
        traced = self._step.trace(values, data, order, 0)
        if jax.default_backend() == "cpu" and "conv_general_dilated" in set(_primitives(traced.jaxpr.jaxpr)):
            # XLA runs a convolution inside a loop on one thread: four times slower than the step by itself.
            self.how = "jitted steps"
            return self._one_by_one
        self._loop = jax.jit(self._while)
        return self._looped

    def _one_by_one(
        self, values: list[Tensor], data: Data, order: Tensor, start: int, stop: int, halt: bool
    ) -> tuple[int, Any, list[Tensor], dict[str, Tensor]]:
        reports: list[Tensor] = []
        logs: dict[str, Tensor] = {}
        for index in range(start, stop):
            values, (report, logs) = self._step(values, data, order, index)
            reports.append(report)
            if halt and not np.isfinite(report).all():
                break
        return start + len(reports), np.asarray(jax.device_get(reports)), values, logs

    def _looped(
        self, values: list[Tensor], data: Data, order: Tensor, start: int, stop: int, halt: bool
    ) -> tuple[int, Any, list[Tensor], dict[str, Tensor]]:
        end, reports, values, logs = self._loop(values, data, order, start, stop, halt)
        end = int(end)
        return end, np.asarray(reports)[start:end], values, logs

    def _while(
        self, values: list[Tensor], data: Data, order: Tensor, start: Tensor, stop: Tensor, halt: Tensor
    ) -> tuple[Tensor, Tensor, list[Tensor], dict[str, Tensor]]:
        """The number of steps is an argument, so one compilation serves blocks of every length."""

        def more(carry: Any) -> Tensor:
            index, reports, _, _ = carry
            sound = (index == start) | jnp.isfinite(reports[index - 1]).all()
            return (index < stop) & (sound | ~jnp.asarray(halt))

        def body(carry: Any) -> Any:
            index, reports, values, _ = carry
            values, (report, logs) = self._step(values, data, order, index)
            return index + 1, reports.at[index].set(report), values, logs

        _, (report, logs) = jax.eval_shape(self._step, values, data, order, 0)
        empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), logs)
        start_carry = (start, jnp.zeros((order.shape[0], *report.shape), report.dtype), values, empty)
        end, reports, values, logs = jax.lax.while_loop(more, body, start_carry)
        return end, reports, values, logs


def _without_jit(step: Step) -> str | None:
    reason = without_compiling(step)
    return reason or (None if step.xla else "jit_compile=False, or a layer that cannot be jitted")


def _assign(variables: tuple[Any, ...], values: list[Tensor]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _primitives(jaxpr: Any) -> Iterator[str]:
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for parameter in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda leaf: hasattr(leaf, "eqns")):
            inner = getattr(parameter, "jaxpr", parameter)
            if hasattr(inner, "eqns"):
                yield from _primitives(inner)
