"""Memory of graph functions whose model is gone: TensorFlow keeps them in two tables of the process."""

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

from tensorflow.python.eager import context
from tensorflow.python.framework import ops
from tensorflow.python.ops import custom_gradient

from kerasbridge.keras_compat.monkeypatch import patched

_gone: list[str] = []


@contextlib.contextmanager
def unregister_custom_gradients() -> Iterator[None]:
    """Remove at the end what `tf.custom_gradient` has registered inside, which would keep the traced graph alive.

    It is needed only to differentiate this graph once more, which no step does.
    """
    names: list[str] = []

    def note(generate_name: Any) -> str:
        names.append(generate_name())
        return names[-1]

    try:
        with patched(custom_gradient, "generate_name", note):
            yield
    finally:
        for name in names:
            ops.gradient_registry._registry.pop(name, None)


def free_kernels_with(graph: Any) -> None:
    """Free the kernels that run a graph function some time after it is gone; those of earlier ones, now."""
    if _gone:
        _gone.clear()
        context.context().clear_kernel_cache()
    # Not in the finalizer itself, which may run in the middle of an operation.
    weakref.finalize(graph, _gone.append, "gone").atexit = False
