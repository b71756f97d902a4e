"""Fast paths: faster computations of a part of a step, equal up to rounding, each with a name that switches it off.

Code that has a fast path asks ``use(name)`` once it knows that it applies, while the step runs or is compiled.
"""

import contextlib
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from typing import Any

from kerasbridge.errors import ArgumentError, one_line
from kerasbridge.runtime import backend
from kerasbridge.runtime.context import context_value

FAST_PATHS: Mapping[str, str] = {
    "fused-optimizer": "torch, TensorFlow: Adam, AdamW and SGD update all weights, or each, in one operation",
    "softmax-crossentropy": "torch: a crossentropy of probabilities uses the logarithm of the softmax",
    "xla-loop": "TensorFlow: the loop over the steps of a long epoch is one program of XLA",
    "onednn-matmul": "torch: large products of matrices on the CPU are computed by oneDNN",
    "fused-recurrent": "torch: LSTM, GRU and SimpleRNN compute all time steps in one operation",
    "convolutions": "JAX: convolutions in groups or by one element, or their gradients, are sums of products of slices",
    "pooling-gradients": "JAX: the gradient of max and average pooling is computed for all windows at once",
}
"""The name of each fast path, and what it does; backends that do the same share a name."""

_allowed: ContextVar[frozenset[str] | None] = ContextVar("allowed fast paths", default=None)
_used: ContextVar[set[str] | None] = ContextVar("used fast paths", default=None)


def use(name: str) -> bool:
    """Return whether a fast path may be used; if so, record that it is."""
    if name not in allowed():
        return False
    used = _used.get()
    if used is not None:
        used.add(name)
    return True


def allowed() -> frozenset[str]:
    """Return the fast paths that may be used: those of `allow`, by default those of KERASBRIDGE_FAST_PATHS, or all."""
    chosen = _allowed.get()
    return choose() if chosen is None else chosen


def allow(names: frozenset[str]) -> contextlib.AbstractContextManager[None]:
    """Let the code inside use only these fast paths."""
    return context_value(_allowed, names)


def record(used: set[str]) -> contextlib.AbstractContextManager[None]:
    """Add the fast paths that the code inside uses to this set."""
    return context_value(_used, used)


def choose(names: Any = None, before: Collection[str] | None = None) -> frozenset[str]:
    """Return the fast paths that a run may use.

    Args:
        names: the argument of `kb.fit`. None: the names in KERASBRIDGE_FAST_PATHS if it is set, else `before`.
        before: the fast paths that the run was started with, if it is continued. None: all.

    Raises:
        ArgumentError: a name is unknown.
    """
    if names is not None:
        return _check(names, "fast_paths")
    from_environment = backend.fast_paths()
    if from_environment is not None:
        return _check(from_environment, "KERASBRIDGE_FAST_PATHS")
    return frozenset(name for name in FAST_PATHS if before is None or name in before)


def _check(names: Any, source: str) -> frozenset[str]:
    known = list(FAST_PATHS)  # whose members are compared, not hashed
    if isinstance(names, list | tuple | set | frozenset) and all(name in known for name in names):
        return frozenset(names)
    raise ArgumentError(
        f"Expected {source} to be names among {', '.join(sorted(FAST_PATHS))}; received {one_line(names)}. Type for "
        "example fast_paths=() or KERASBRIDGE_FAST_PATHS=none to switch all of them off."
    )
