"""Base classes of the layers, which save their options."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras

_WEIGHT_OPTIONS = {
    "kernel_initializer": "glorot_uniform",
    "bias_initializer": "zeros",
    "kernel_regularizer": None,
    "bias_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
}
_MODULES = {
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
}


class Layer(keras.layers.Layer):  # type: ignore[misc]
    """A layer whose config contains the attributes named in `options`."""

    options: ClassVar[tuple[str, ...]] = ()

    def get_config(self) -> dict[str, Any]:
        """Return the config of a Keras layer with the options."""
        return {**super().get_config(), **{name: getattr(self, name) for name in self.options}}


class Weighted(Layer):
    """A layer with a kernel and, with `use_bias`, a bias; the other arguments are those of `keras.layers.Dense`."""

    def __init__(self, *, activation: Any = None, use_bias: bool = True, **keywords: Any) -> None:
        weight_options = {name: keywords.pop(name, default) for name, default in _WEIGHT_OPTIONS.items()}
        super().__init__(**keywords)
        self.activation, self.use_bias = keras.activations.get(activation), use_bias
        for name, identifier in weight_options.items():
            setattr(self, name, _module(name).get(identifier))

    def get_config(self) -> dict[str, Any]:
        """Return the config of a Keras layer with the arguments and the options."""
        weight_options = {name: _module(name).serialize(getattr(self, name)) for name in _WEIGHT_OPTIONS}
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), **weight_options, "activation": activation, "use_bias": self.use_bias}

    def _add(self, name: str, shape: Sequence[int]) -> Any:
        """Add the "kernel" or the "bias" and return it; return None for a bias if the layer has none."""
        if name == "bias" and not self.use_bias:
            return None
        arguments = {kind: getattr(self, f"{name}_{kind}") for kind in _MODULES}
        return self.add_weight(shape=tuple(shape), name=name, **arguments)


def _module(name: str) -> Any:
    return _MODULES[name.rpartition("_")[2]]
