"""Variables as plain tensors: scopes that make a pure function of a step, for JAX and torch."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, TypeVar

from kerasbridge.engines.step import Step, Tensor
from kerasbridge.errors import StepError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.patches import patch_cond
from kerasbridge.keras_compat.tensors import current_scope, raw_value

MAX_ATTEMPTS = 8
T = TypeVar("T")
Cond = Callable[[Any, Callable[[], Any], Callable[[], Any]], Any]
"""A function of (pred, true_fn, false_fn), like `keras.ops.cond`."""

in_gradient: ContextVar[bool] = ContextVar("in_gradient", default=False)
"""Whether the function runs whose gradient is taken."""


class NestedStatelessScope(keras.StatelessScope):  # type: ignore[misc]
    """A stateless scope over the current one: reads fall through to it, assignments stay here.

    `collect_losses` is on: without it every `add_loss` and activity regularizer is lost silently.
    """

    def __init__(self, values: Iterable[tuple[Any, Tensor]], exact: bool = False) -> None:
        """Open a scope with values of variables; `exact` if they have their dtypes and shapes, which is not checked."""
        super().__init__(state_mapping=None if exact else list(values), collect_losses=True)
        if exact:
            self.state_mapping = {id(variable): value for variable, value in values}
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
        variable, value = update
        super().add_update((variable, self._without_history(variable, value) if in_gradient.get() else value))
        self._written[id(variable)] = variable

    @staticmethod
    def _without_history(variable: Any, value: Tensor) -> Tensor:
        """Return the value as a variable stores it: no gradient goes through an assignment, as on TensorFlow.

        A trainable variable keeps its own gradient, which is that of the new value.
        """
        value = keras.ops.stop_gradient(value)
        if not variable.trainable:
            return value
        current = keras.ops.convert_to_tensor(value_of(variable))
        return value + (current - keras.ops.stop_gradient(current))

    def writes(self) -> list[tuple[Any, Tensor]]:
        """Return the variables assigned in this scope, with their latest values."""
        return [(variable, self.get_current_value(variable)) for variable in self._written.values()]


class VariableRecorder(NestedStatelessScope):
    """A scope that records the variables read or assigned in it, in the order of first use."""

    def __init__(self, values: Iterable[tuple[Any, Tensor]] = (), exact: bool = False) -> None:
        super().__init__(values, exact)
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


class MissingVariablesError(Exception):
    """A step uses variables that it does not list, such as the counter of a loss or of a seed generator."""

    def __init__(self, variables: Sequence[Any]) -> None:
        super().__init__(", ".join(variable.path for variable in variables))
        self.variables = variables


def functionalize(
    step: Step, scope: type[VariableRecorder] = VariableRecorder
) -> Callable[[Sequence[Tensor], Any], tuple[list[Tensor], Any]]:
    """Return the step as a pure function: (values of its variables, batch) -> (new values, outputs).

    The function raises MissingVariablesError if the step reads or assigns a variable that is not in `step.variables`:
    its value would become a constant, and the assignment would be lost.
    """
    listed = set(map(id, step.variables))

    def run(values: Sequence[Tensor], batch: Any) -> tuple[list[Tensor], Any]:
        with scope(zip(step.variables, values, strict=True)) as recorder:
            outputs = step.run(batch)
        missing = [variable for variable in recorder.seen() if id(variable) not in listed]
        if missing:
            raise MissingVariablesError(missing)
        return [recorder.get_current_value(variable) for variable in step.variables], outputs

    return run


def with_missing_variables(step: Step, run: Callable[[Step], T]) -> T:
    """Return ``run(step)``; if that raises MissingVariablesError, again with these variables added to the step.

    Raises:
        StepError: the step uses other variables each time, since it creates them.
    """
    for _ in range(MAX_ATTEMPTS):
        try:
            return run(step)
        except MissingVariablesError as error:
            step = replace(step, variables=(*step.variables, *error.variables))
    raise creates_variables(step.variables[-1])


def creates_variables(variable: Any) -> StepError:
    """Return the error of a step that creates such a variable in every call."""
    return StepError(
        f"Expected the step to create no variables, found that every call creates {variable.path}. Create variables "
        "once, as attributes of the model, a layer, a loss or a metric."
    )
