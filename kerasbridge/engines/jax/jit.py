"""The reason why JAX does not compile a step, if there is one."""

from typing import Any

from kerasbridge.engines.eager import eager_reason
from kerasbridge.engines.step import Step
from kerasbridge.keras_compat import keras
from kerasbridge.random.keras_patch import is_random_portable

COMPILED = ("RandomPerspective", "RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom")
"""Layers of Keras that JAX compiles: only for the XLA of TensorFlow they set `supports_jit` to False."""

COMPILED_IF_PORTABLE = ("RandomCrop",)
"""The same, if kerasbridge draws their numbers: otherwise they need them in Python."""


def no_jit_reason(step: Step) -> str | None:
    """Return why a step runs as plain Python; None if JAX compiles it.

    Keras compiles no model that contains a layer with `supports_jit` False, whatever the user chose.
    """
    if step.jit_compile or eager_reason(step):
        return eager_reason(step)
    if not step.layers_without_jit:
        return "jit_compile=False"
    layer = next((layer for layer in step.layers_without_jit if not _is_compiled(layer)), None)
    if layer is None:
        return None
    return f"the layer {layer.name!r} ({type(layer).__name__}) cannot be jitted: its supports_jit is False"


def _is_compiled(layer: Any) -> bool:
    name = type(layer).__name__
    is_of_keras = type(layer) is getattr(keras.layers, name, None)
    return is_of_keras and (name in COMPILED or (name in COMPILED_IF_PORTABLE and is_random_portable()))
