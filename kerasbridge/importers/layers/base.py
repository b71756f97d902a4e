"""What kerasbridge's own layers have in common: options that are saved, images in the order N, H, W, C."""

from typing import Any, ClassVar

from kerasbridge._keras import keras


class Layer(keras.layers.Layer):  # type: ignore[misc]
    """A layer whose `options` are attributes of the same names and are saved with it."""

    options: ClassVar[tuple[str, ...]] = ()

    def get_config(self) -> dict[str, Any]:
        """The options, and what every layer of Keras has."""
        return {**super().get_config(), **{name: getattr(self, name) for name in self.options}}
