"""Variables as plain tensors: scopes that make a pure function of a step, for JAX and torch."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kerasbridge.engines.step import Step, Tensor
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.patches import patch_cond
from kerasbridge.keras_compat.tensors import current_scope, raw_value

Cond = Callable[[Any, Callable[[], Any], Callable[[], Any]], Any]
"""A function of (pred, true_fn, false_fn), like `keras.ops.cond`."""


class NestedStatelessScope(keras.StatelessScope):  # type: ignore[misc]
    """A stateless scope over the current one: reads fall through to it, assignments stay here.

    `collect_losses` is on: without it every `add_loss` and activity regularizer is lost silently.
    """

    def __init__(self, values: Iterable[tuple[Any, Tensor]]) -> None:
        super().__init__(state_mapping=list(values), collect_losses=True)
        self._below = current_scope()
        self._written: dict[int, Any] = {}

    def get_current_value(self, variable: Any) -> Tensor:
        """Return the variable's value in this scope or the one below."""
        value = super().get_current_value(variable)
        if value is None and self._below is not None:
            value = self._below.get_current_value(variable)
        return value

    def add_update(self, update: tuple[Any, Tensor]) -> None:
        """Record the assignment and the variable."""
        super().add_update(update)
        self._written[id(update[0])] = update[0]

    def writes(self) -> list[tuple[Any, Tensor]]:
        """Return the variables assigned in this scope, with their latest values."""
        return [(variable, self.get_current_value(variable)) for variable in self._written.values()]


class VariableRecorder(NestedStatelessScope):
    """A scope without values of its own that records the variables read or assigned, in the order of first use."""

    def __init__(self) -> None:
        super().__init__(())
        self._seen: dict[int, Any] = {}

    def get_current_value(self, variable: Any) -> Tensor:
        """Record the read; return the value, or None if none was assigned."""
        self._seen[id(variable)] = variable
        return super().get_current_value(variable)

    def seen(self) -> list[Any]:
        """Return the variables read or assigned."""
        return list({**self._seen, **self._written}.values())


def unique(groups: Iterable[Iterable[Any]]) -> list[Any]:
    """Return the variables of all groups, each once."""
    return list({id(variable): variable for group in groups for variable in group}.values())


def assign_all(variables: Sequence[Any], values: Sequence[Tensor]) -> None:
    """Assign each variable its value."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def value_of(variable: Any) -> Tensor:
    """Return the value of a variable in the current scope, in the dtype of the variable."""
    scope = current_scope()
    value = None if scope is None else scope.get_current_value(variable)
    return raw_value(variable) if value is None else value


def patched_cond(cond: Cond) -> contextlib.AbstractContextManager[None]:
    """Replace `keras.ops.cond` by ``cond(pred, true_fn, false_fn)`` inside the context."""
    return patch_cond(lambda _, pred, true_fn, false_fn: cond(pred, true_fn, false_fn))


def functionalize(
    step: Step, overlay: type[NestedStatelessScope] = NestedStatelessScope
) -> Callable[[Sequence[Tensor], Any], tuple[list[Tensor], Any]]:
    """Return the step as a pure function: (values of its variables, batch) -> (new values, outputs)."""

    def run(values: Sequence[Tensor], batch: Any) -> tuple[list[Tensor], Any]:
        with overlay(zip(step.variables, values, strict=True)) as scope:
            outputs = step.run(batch)
        return [scope.get_current_value(variable) for variable in step.variables], outputs

    return run
