"""Keep Keras from importing TensorFlow on the other backends."""

import sys

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.private_api import private_api


def defer_tensorflow_import() -> None:
    """Let Keras see TensorFlow only once the program itself has imported it.

    On JAX and torch, Keras would otherwise import it, for four seconds, to save a model or to set a seed.
    """
    module = private_api("lazy modules")
    if keras.config.backend() != "tensorflow" and not isinstance(module, _AvailableIfImported):
        module.__class__ = type("DeferredModule", (_AvailableIfImported, type(module)), {})


class _AvailableIfImported:
    """Mixin for a Keras lazy module: available only if the program has already imported the module."""

    name: str

    @property
    def available(self) -> bool:
        return self.name in sys.modules
