"""Memory of graph functions whose model is gone: TensorFlow keeps them in two tables of the process."""

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

from kerasbridge.engines.tensorflow.private_names import private_name
from kerasbridge.keras_compat.monkeypatch import patched

_gone: list[str] = []


@contextlib.contextmanager
def unregister_custom_gradients() -> Iterator[None]:
    """Remove at the end what `tf.custom_gradient` has registered inside, which would keep the traced graph alive.

    It is needed only to differentiate this graph once more, which no step does.
    """
    generate_name, table = private_name("names of custom gradients"), private_name("table of custom gradients")
    if generate_name is None or table is None:
        yield
        return
    names: list[str] = []

    def note(original: Any, *arguments: Any) -> Any:
        names.append(original(*arguments))
        return names[-1]

    try:
        with patched(*generate_name, note):
            yield
    finally:
        for name in names:
            getattr(*table).pop(name, None)


def free_kernels_with(graph: Any) -> None:
    """Free the kernels that run a graph function some time after it is gone; those of earlier ones, now."""
    if _gone:
        _gone.clear()
        context, clear = private_name("context"), private_name("kernels")
        if context and clear:
            getattr(*clear)(getattr(*context)())
    # Not in the finalizer itself, which may run in the middle of an operation.
    weakref.finalize(graph, _gone.append, "gone").atexit = False
