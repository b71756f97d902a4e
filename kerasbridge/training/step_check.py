"""Check of a compiled step against the plain one, on the first steps of a run.

Both start from the same state. The results of the plain step are kept. Where both execute the same operations, as on
torch, they must agree to the last bit.

With KERASBRIDGE_CHECK_STEPS=error, for tests, steps are checked on every backend, up to rounding where the compiler
changes the operations, and a difference is an error.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from kerasbridge.data.epoch_iterators import Chunk
from kerasbridge.engines.base import Block, BlockResult, Engine
from kerasbridge.engines.stateless import assign_all
from kerasbridge.engines.step import Step
from kerasbridge.errors import StepError
from kerasbridge.random.generator import preserve_host_rng
from kerasbridge.runtime import backend

Values = list[Any]
DIFFERENT = (
    "compiled, the step computes something else than as plain Python: {} differs after the first steps. Its code reads "
    "a value that changes from step to step and is neither a tensor nor a keras.Variable"
)
STEPS = 2
"""Steps to check: what is constant in a compiled step differs from the plain one at the second step at the latest."""


class Steps(NamedTuple):
    """Steps of a chunk to run, and whether to stop at a loss that is not finite."""

    chunk: Chunk
    start: int
    stop: int
    stop_on_nonfinite: bool

    def run(self, block: Block) -> BlockResult:
        """Run them in one block."""
        return block(self.chunk.data, self.chunk.order, self.start, self.stop, self.stop_on_nonfinite)


def steps_to_check(engine: Engine) -> int:
    """Return the number of steps to check."""
    return STEPS if engine.checks_steps or backend.checks_steps_strictly() else 0


def run_checked(
    engine: Engine,
    step: Step,
    block: Block,
    steps: Steps,
    unchanged: contextlib.AbstractContextManager[Any],
    began_as_python: bool = False,
) -> tuple[Block, BlockResult]:
    """Run steps compiled and plain; return the block to continue with, plain if they differ, and the plain result.

    The compiled step leaves no trace: variables, random generators and the Python values in `unchanged` are restored.
    A step that `began_as_python` and cannot be compiled continues in the same way.

    Raises:
        StepError: they differ, and that is an error.
    """
    with unchanged, preserve_host_rng(), engine.preserve_rng():
        block.prepare(steps.chunk.data, steps.chunk.order)
    if block.execution_mode == "eager":
        block = engine.plain_block(step, block.fallback_reason) if began_as_python else block
        return block, steps.run(block)
    variables = block.variables
    before = _values(engine, variables)
    with preserve_host_rng(), engine.preserve_rng():
        compiled = steps.run(block)
    compiled_values = _values(engine, variables)
    assign_all(variables, before)
    step = replace(step, variables=variables)
    plain = steps.run(engine.plain_block(step))
    same = _equal if engine.checks_steps else _close
    difference = _difference(variables, (compiled_values, compiled), (_values(engine, variables), plain), same)
    if difference is None and not engine.checks_steps:  # up to rounding: a check must not change the last bits
        assign_all(variables, compiled_values)
        return block, compiled
    if difference is None:
        return block, plain
    if backend.checks_steps_strictly():
        raise StepError(f"{difference}.")
    return engine.plain_block(step, difference), plain


def _values(engine: Engine, variables: Sequence[Any]) -> Values:
    return [np.array(engine.to_numpy(variable.value)) for variable in variables]


def _difference(
    variables: Sequence[Any],
    compiled: tuple[Values, BlockResult],
    plain: tuple[Values, BlockResult],
    same: Callable[[Any, Any], bool],
) -> str | None:
    """Return a message that names the loss or the variable that differs, or None."""
    (values, result), (plain_values, plain_result) = compiled, plain
    if not same(result.reports, plain_result.reports):
        return DIFFERENT.format("the loss")
    for variable, one, other in zip(variables, values, plain_values, strict=True):
        if not same(one, other):
            return DIFFERENT.format(f"the variable {variable.path}")
    return None


def _equal(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))


def _close(one: Any, other: Any) -> bool:
    """Return whether floats agree up to rounding; an optimizer that normalises a gradient of zero enlarges it."""
    if one.shape != other.shape or one.dtype.kind not in "fc":
        return _equal(one, other)
    return bool(np.allclose(one, other, rtol=1e-2, atol=5e-2, equal_nan=True))
