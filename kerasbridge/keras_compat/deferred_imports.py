"""Let Keras import some packages when it uses them, not when it is imported itself.

It imports them for single functions, such as a gallery of pictures, and for classes of data that it accepts. Together
they take as long as JAX.
"""

import builtins
import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from typing import Any

_MODULES = {"IPython", "cv2", "matplotlib", "matplotlib.patches", "matplotlib.pyplot", "pandas", "requests"}
_CLASSES = {"pandas.DataFrame", "pandas.Series"}
_JAX_REPAIR = "keras.src.callbacks.orbax_checkpoint"
"""It adds a function to versions of JAX that are too old for kerasbridge, and goes on without JAX."""


@contextlib.contextmanager
def deferred_imports(backend: str) -> Iterator[None]:
    """Replace, in modules of Keras that the body imports, packages that are installed and not imported yet."""
    import_now = builtins.__import__

    def import_or_defer(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002 - its signature
        importer = (globals or {}).get("__name__", "")
        if importer == _JAX_REPAIR and name == "jax" != backend:
            raise ImportError("JAX is not the backend")
        is_deferred = name in _MODULES and importer.startswith("keras.") and name not in sys.modules
        if is_deferred and importlib.util.find_spec(package := name.partition(".")[0]):
            return _DeferredModule(name if fromlist else package)
        return import_now(name, globals, locals, fromlist, level)

    builtins.__import__ = import_or_defer
    try:
        yield
    finally:
        if builtins.__import__ is import_or_defer:
            builtins.__import__ = import_now


class _DeferredModule:
    """A module that is imported when something of it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        name = f"{self._name}.{attribute}"
        if attribute.startswith("__"):
            raise AttributeError(name)
        if name in _MODULES:
            return _DeferredModule(name)
        if name in _CLASSES:
            return _deferred_class(self._name, attribute)
        return getattr(importlib.import_module(self._name), attribute)


def _deferred_class(module: str, name: str) -> type:
    """Return a class whose instances are those of a class in a module, and none until the module is imported."""

    class OfClass(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return module in sys.modules and isinstance(instance, getattr(sys.modules[module], name))

    return OfClass(name, (), {})
