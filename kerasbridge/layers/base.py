"""What kerasbridge's own layers have in common: options that are saved, images in the order N, H, W, C."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras

_OF_WEIGHTS = {
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
    """A layer whose `options` are attributes of the same names and are saved with it."""

    options: ClassVar[tuple[str, ...]] = ()

    def get_config(self) -> dict[str, Any]:
        """The options, and what every layer of Keras has."""
        return {**super().get_config(), **{name: getattr(self, name) for name in self.options}}


class Weighted(Layer):
    """A layer with a kernel, and a bias unless `use_bias` is off; further arguments are those of Keras's `Dense`."""

    def __init__(self, *, activation: Any = None, use_bias: bool = True, **keywords: Any) -> None:
        own = {name: keywords.pop(name, default) for name, default in _OF_WEIGHTS.items()}
        super().__init__(**keywords)
        self.activation, self.use_bias = keras.activations.get(activation), use_bias
        for name, value in own.items():
            setattr(self, name, _module(name).get(value))

    def get_config(self) -> dict[str, Any]:
        """The arguments, and the options."""
        own = {name: _module(name).serialize(getattr(self, name)) for name in _OF_WEIGHTS}
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), **own, "activation": activation, "use_bias": self.use_bias}

    def _add(self, part: str, shape: Sequence[int]) -> Any:
        """A new weight: of a kernel or, None where there is to be none, of a bias."""
        if part == "bias" and not self.use_bias:
            return None
        more = {what: getattr(self, f"{part}_{what}") for what in _MODULES}
        return self.add_weight(shape=tuple(shape), name=part, **more)


def _module(name: str) -> Any:
    return _MODULES[name.rpartition("_")[2]]
