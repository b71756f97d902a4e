"""`keras.ops.cond` on JAX, whose branches may write variables: `jax.lax.cond` of what they return and write."""

from collections.abc import Callable
from typing import Any

import jax

from kerasbridge.engines.stateless import NestedStatelessScope, assign_all, patched_cond, unique, value_of
from kerasbridge.engines.step import Tensor

Branch = Callable[[], Any]


def cond(pred: Any, true_fn: Branch, false_fn: Branch) -> Any:
    """Do what `keras.ops.cond` does, and assign to variables what the branch that is taken assigns."""
    written = unique([_written_by(true_fn), _written_by(false_fn)])
    given, values = jax.lax.cond(pred, _returning(true_fn, written), _returning(false_fn, written))
    assign_all(written, values)
    return given


def _written_by(branch: Branch) -> list[Any]:
    """Return the variables that a branch assigns to, without computing."""
    found: list[Any] = []

    def run() -> None:
        with patched_cond(cond), NestedStatelessScope(()) as scope:
            branch()
        found.extend(variable for variable, _ in scope.writes())

    jax.eval_shape(run)
    return found


def _returning(branch: Branch, variables: list[Any]) -> Callable[[], tuple[Any, list[Tensor]]]:
    """Return the branch as a function that also returns the values of these variables and assigns nothing."""

    def run() -> tuple[Any, list[Tensor]]:
        with patched_cond(cond), NestedStatelessScope(()):
            return branch(), [value_of(variable) for variable in variables]

    return run
