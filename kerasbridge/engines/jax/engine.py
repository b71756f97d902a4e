"""JAX: the step is jitted and looped on the device, so that a block of any length is one call."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasbridge.engines.base import Block, BlockResult, Data, EagerBlock, Engine, eager_reason
from kerasbridge.engines.jax.cond import cond
from kerasbridge.engines.stateless import NestedStatelessScope, functionalize, patched_cond, unique
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.keras_compat.tensors import map_tensors


class JaxEngine(Engine):
    """Gradients by `jax.linearize`, blocks by `jax.lax.while_loop`."""

    name = "jax"

    def devices(self) -> tuple[str, ...]:
        return tuple(self._by_name())

    def use(self, device: str) -> None:
        jax.config.update("jax_default_device", self._by_name()[device])

    def device_of(self, tensor: Tensor) -> str:
        holders = tensor.devices()
        return next(name for name, device in self._by_name().items() if device in holders)

    def free_bytes(self) -> int | None:
        placed = jax.config.jax_default_device or jax.local_devices()[0]
        if placed.platform == "cpu":
            return super().free_bytes()
        known = placed.memory_stats() or {}
        return known["bytes_limit"] - known["bytes_in_use"] if "bytes_limit" in known else None

    def to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        return jnp.asarray(array)

    def gather_rows(self, data: Data, row: Tensor) -> Data:
        return map_tensors(lambda leaf: leaf[row], data)

    def gradients(
        self, function: Callable[[], tuple[list[Tensor], Any]], groups: Sequence[Sequence[Any]]
    ) -> tuple[tuple[list[Tensor], Any], list[list[Tensor | None]]]:
        variables = unique(groups)

        def of(values: list[Tensor]) -> tuple[list[Tensor], Any, list[tuple[Any, Tensor]]]:
            with NestedStatelessScope(zip(variables, values, strict=True)) as scope:
                losses, aux = function()
            return losses, aux, scope.writes()

        losses, aux, pull = _linearized(of, [variable.value for variable in variables])
        by_variable = [dict(zip(map(id, variables), pull(k), strict=True)) for k in range(len(groups))]
        found = [[by[id(variable)] for variable in group] for by, group in zip(by_variable, groups, strict=True)]
        return (losses, aux), found

    def grad(self, function: Callable[[Any], tuple[Tensor, Any]], nest: Any) -> tuple[tuple[Tensor, Any], Any]:
        leaves, structure = jax.tree.flatten(nest)

        def of(values: list[Tensor]) -> tuple[list[Tensor], Any, list[tuple[Any, Tensor]]]:
            with NestedStatelessScope(()) as scope:
                value, aux = function(structure.unflatten(values))
            return [value], aux, scope.writes()

        (value,), aux, pull = _linearized(of, leaves)
        return (value, aux), structure.unflatten(pull(0))

    def is_concretization_error(self, error: Exception) -> bool:
        return isinstance(error, (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError))

    def cond(self, pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
        return cond(pred, true_fn, false_fn)

    def eager(self) -> contextlib.AbstractContextManager[Any]:
        return patched_cond(cond)

    def full_precision(self) -> contextlib.AbstractContextManager[Any]:
        highest: contextlib.AbstractContextManager[Any] = jax.default_matmul_precision("highest")
        return highest

    def compile(self, step: Step) -> Block:
        reason = _without_jit(step)
        return EagerBlock(self, step, reason) if reason else JaxBlock(self, step)

    def compile_call(self, step: Step) -> Callable[[Data, Tensor], Any]:
        reason = _without_jit(step)
        if reason:
            return EagerBlock(self, step, reason).predict
        run = jax.jit(self._on_rows(step))

        def predict(data: Data, row: Tensor) -> Any:
            values, outputs = run([variable.value for variable in step.variables], data, row)
            _assign(step.variables, values)
            return outputs

        return predict

    def _on_rows(self, step: Step) -> Callable[[list[Tensor], Data, Tensor], tuple[list[Tensor], Any]]:
        run = functionalize(step)

        def on_rows(values: list[Tensor], data: Data, row: Tensor) -> tuple[list[Tensor], Any]:
            with patched_cond(cond):
                return run(values, self.gather_rows(data, row))

        return on_rows

    def _by_name(self) -> dict[str, Any]:
        found = {}
        for kind in dict.fromkeys(("cpu", jax.default_backend())):
            devices = jax.local_devices(backend=kind)
            named = len(devices) > 1 or kind != "cpu"
            found.update({f"{kind}:{index}" if named else kind: device for index, device in enumerate(devices)})
        return found


class JaxBlock:
    """A block: looped on the device, or, where a loop would slow the step, jitted steps called one by one."""

    fallback_reason: str | None = None

    def __init__(self, engine: JaxEngine, step: Step) -> None:
        self.execution_mode = "looped"
        self._variables = step.variables
        on_rows = engine._on_rows(step)
        self._step = jax.jit(lambda values, data, order, index: on_rows(values, data, order[index]))
        self._run: Callable[..., tuple[int, Any, list[Tensor], dict[str, Tensor]]] | None = None

    def __call__(self, data: Data, order: Tensor, start: int, stop: int, halt: bool) -> BlockResult:
        values = [variable.value for variable in self._variables]
        if self._run is None:
            self._run = self._fastest(values, data, order)
        end, reports, values, logs = self._run(values, data, order, start, stop, halt)
        _assign(self._variables, values)
        return BlockResult(end - start, reports, logs)

    def _fastest(self, values: list[Tensor], data: Data, order: Tensor) -> Callable[..., Any]:
        traced = self._step.trace(values, data, order, 0)
        if jax.default_backend() == "cpu" and "conv_general_dilated" in set(_primitives(traced.jaxpr.jaxpr)):
            # XLA runs a convolution inside a loop on one thread: four times slower than the step by itself.
            self.execution_mode = "jitted steps"
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


def _linearized(
    function: Callable[[list[Tensor]], tuple[list[Tensor], Any, list[tuple[Any, Tensor]]]], values: list[Tensor]
) -> tuple[list[Tensor], Any, Callable[[int], list[Tensor | None]]]:
    """Losses and aux of a function of tensors, what it wrote being written, and its gradients by the k-th loss."""
    written: list[Any] = []
    reached: set[int] = set()

    def traced(values: list[Tensor]) -> tuple[list[Tensor], tuple[Any, list[Tensor]]]:
        losses, aux, writes = function([_probe(partial(reached.add, k), value) for k, value in enumerate(values)])
        written[:] = [variable for variable, _ in writes]
        return losses, (aux, [value for _, value in writes])

    losses, tangents, (aux, updates) = jax.linearize(traced, values, has_aux=True)
    for variable, update in zip(written, updates, strict=True):
        variable.assign(update)

    def pull(k: int) -> list[Tensor | None]:
        reached.clear()
        # Of this loss alone: a zero for the others would be carried through their whole backward pass.
        (gradients,) = jax.linear_transpose(lambda tangent: tangents(tangent)[k], values)(jnp.ones_like(losses[k]))
        return [gradient if at in reached else None for at, gradient in enumerate(gradients)]

    return losses, aux, pull


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _probe(reached: Callable[[], None], value: Tensor) -> Tensor:
    """The value itself; `reached` is called when a gradient arrives at it. JAX gives zeros where none does."""
    del reached
    return value


def _probe_forward(reached: Callable[[], None], value: Tensor) -> tuple[Tensor, None]:
    del reached
    return value, None


def _probe_backward(reached: Callable[[], None], _: None, gradient: Tensor) -> tuple[Tensor]:
    reached()
    return (gradient,)


_probe.defvjp(_probe_forward, _probe_backward)


def _without_jit(step: Step) -> str | None:
    reason = eager_reason(step)
    return reason or (None if step.jit_compile else "jit_compile=False, or a layer that cannot be jitted")


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
