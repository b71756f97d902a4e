"""Memory of graph functions whose model is gone, which TensorFlow keeps in a table of the process.

Its cache of kernels is left alone: it also contains the state of the random operations that users call.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from kerasbridge.engines.tensorflow.private_names import private_name
from kerasbridge.keras_compat.monkeypatch import patched


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
