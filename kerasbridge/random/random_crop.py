"""The crop of RandomCrop, which in Keras needs the values of its random corner in Python."""

from typing import Any

from kerasbridge.keras_compat import keras

_transform_images = keras.layers.RandomCrop.transform_images


def transform_images(self: Any, images: Any, transformation: Any, training: bool = True) -> Any:
    """Crop as `keras.layers.RandomCrop`, by an operation that also accepts a corner whose values are not known yet."""
    shape, corner = list(self.backend.shape(images)), [0] * len(images.shape)
    sizes = {self.height_axis: self.height, self.width_axis: self.width}
    if not training or not all(isinstance(shape[axis], int) and shape[axis] > size for axis, size in sizes.items()):
        return _transform_images(self, images, transformation, training)
    for (axis, size), start in zip(sizes.items(), transformation, strict=True):
        shape[axis], corner[axis] = size, start
    return self.backend.core.slice(self.backend.cast(images, self.compute_dtype), corner, shape)
