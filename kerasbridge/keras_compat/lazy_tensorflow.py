"""Keep Keras from importing TensorFlow on the other backends; seed it when the program imports it."""

import importlib.util
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.private_api import private_api

_NEEDS_IT = "keras.src.layers."


def defer_tensorflow_import() -> None:
    """Let Keras see TensorFlow only once the program itself has imported it, or a layer needs it.

    On JAX and torch, Keras would otherwise import it, for four seconds, to save a model or to set a seed. The seed is
    set when TensorFlow is imported: it also decides the order of tf.data.
    """
    module = private_api("lazy modules")
    if keras.config.backend() != "tensorflow" and not isinstance(module, _AvailableIfImported):
        module.__class__ = type("DeferredModule", (_AvailableIfImported, type(module)), {})
        sys.meta_path.insert(0, _SeedOnImport())


class _AvailableIfImported:
    """Mixin for a Keras lazy module: available if the program has imported the module, or to layers that use it."""

    name: str

    @property
    def available(self) -> bool:
        if sys._getframe(1).f_globals.get("__name__", "").startswith(_NEEDS_IT):
            is_installed: bool = super().available  # type: ignore[misc]
            return is_installed
        return self.name in sys.modules


class _SeedOnImport(MetaPathFinder):
    """Finder that takes part in the import of TensorFlow only, to seed it; a mere search for it changes nothing."""

    def __init__(self) -> None:
        self._is_searching = False

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the spec that the other finders return, with a loader that seeds the module."""
        del path, target
        if fullname != "tensorflow" or self._is_searching:
            return None
        self._is_searching = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._is_searching = False
        if spec is not None and spec.loader is not None:
            _seed_after_loading(spec.loader)
        return spec


def _seed_after_loading(loader: Any) -> None:
    load = loader.exec_module

    def load_and_seed(module: Any) -> None:
        load(module)
        seed = private_api("seed of the process")()
        if seed is not None:
            module.random.set_seed(seed)

    loader.exec_module = load_and_seed
