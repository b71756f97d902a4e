"""Calls of the functions of a custom step, with errors that name the line of the user's code."""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from kerasbridge import engines
from kerasbridge.engines.stateless import NestedStatelessScope
from kerasbridge.engines.step import Batch
from kerasbridge.errors import ArgumentError, StepError
from kerasbridge.keras_compat.patches import forbid_optimizer_apply, patch_cond
from kerasbridge.runtime.context import context_value
from kerasbridge.training.custom_step.explain import explain_trace_error
from kerasbridge.training.custom_step.objectives import StepOutput, parse_step_output

Function = Callable[..., Any]
_cond_writes: ContextVar[list[str]] = ContextVar("cond_writes")
"""Paths of the variables that branches of `keras.ops.cond` have written."""

_APPLY_MESSAGE = (
    "Expected a step that leaves its optimizers to kerasbridge, found one that calls apply. Return "
    "kb.Objective(loss, variables, optimizer), with gradients=… if the step has computed them; for updates one after "
    "the other pass step=[first, second]."
)
Step = Any
"""A function of (model, batch) or (model, batch, training), or a list of them."""


def step_functions(step: Step) -> list[Function]:
    """Return the functions that a step runs one after the other on each batch.

    Raises:
        ArgumentError: the step is neither a function nor a list of functions.
    """
    functions = list(step) if isinstance(step, (list, tuple)) else [step]
    if not functions or not all(callable(function) and _takes_model_and_batch(function) for function in functions):
        raise ArgumentError(
            f"Expected step to be a function of (model, batch), or a list of such functions, received {step!r}. Write "
            "def step(model, batch): … and pass step=step."
        )
    return functions


def supports_evaluation(step: Step) -> bool:
    """Return whether every function has a `training` parameter, so that the step also runs on validation data."""
    return all("training" in _parameters(function) for function in step_functions(step))


def call(function: Function, model: Any, batch: Any, training: bool) -> StepOutput:
    """Return the output of a function for a batch; an error in compiling it names the line.

    Variables that the function assigns change when it ends, so that values it has read before stay as they were.

    Raises:
        StepError: the function returned no loss, or cannot be compiled.
    """
    engine = engines.current()
    keywords = {"training": training} if "training" in _parameters(function) else {}
    try:
        with engine.deferred_assign(), _user_code_rules(engine):
            return parse_step_output(function(model, Batch(*batch), **keywords), model, training)
    except Exception as error:
        explained = explain_trace_error(error)
        if explained is None:
            raise
        raise explained from error


@contextlib.contextmanager
def _user_code_rules(engine: Any) -> Iterator[None]:
    """Surround the user's code: forbid what a step must not do, and remove differences between backends."""
    written: list[str] = []
    no_apply, no_cond_writes = forbid_optimizer_apply(_APPLY_MESSAGE), patch_cond(_cond)
    with context_value(_cond_writes, written), engine.user_code_scope(), no_apply, no_cond_writes:
        yield
    if written:
        raise StepError(
            f"Expected branches of keras.ops.cond that change no variable, found one that changes {written[0]}. "
            "Write variable.assign(keras.ops.where(condition, new, variable)), and draw or call layers outside."
        )


def _parameters(function: Function) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def _takes_model_and_batch(function: Function) -> bool:
    try:
        keywords = {"training": True} if "training" in _parameters(function) else {}
        inspect.signature(function).bind(None, None, **keywords)
    except (TypeError, ValueError):
        return False
    return True


def _cond(original: Any, pred: Any, true_fn: Function, false_fn: Function) -> Any:
    """Run `keras.ops.cond` with branches that must not assign: some backends assign in both, whichever is taken."""
    cond = engines.current().cond or original
    return cond(pred, _record_writes(true_fn), _record_writes(false_fn))


def _record_writes(branch: Function) -> Function:
    def call() -> Any:
        with NestedStatelessScope(()) as scope, patch_cond(_cond):
            result = branch()
        _cond_writes.get().extend(variable.path for variable, _ in scope.writes())
        return result

    return call
