"""RandomElasticTransform's image function, which in Keras draws past the backend's random module, on torch unseeded."""

from typing import Any

from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras
from kerasbridge.random import distributions
from kerasbridge.random.ops import ops

Tensor = Any
_ORDERS = {"nearest": 0, "bilinear": 1}


def elastic_transform(
    images: Tensor,
    alpha: Any = 20.0,
    sigma: Any = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Tensor:
    """Transform as `keras.ops.image.elastic_transform` (Simard et al. 2003); `sigma` may be a traced tensor.

    Args:
        images: (height, width, channels) or a batch of them, in the order of `data_format`.
        alpha, sigma: strength, and width in pixels of the Gaussian that smooths the field.

    Raises:
        ArgumentError: how many images there are is not known.
    """
    images = ops.convert_to_tensor(images)
    first = (data_format or keras.config.image_data_format()) == "channels_first"
    batch = images if len(images.shape) == 4 else images[None]
    planes = batch if first else ops.transpose(batch, (0, 3, 1, 2))
    count, channels, height, width = planes.shape
    if count is None:
        raise ArgumentError(
            f"Expected images of a known number for an elastic transform, received the shape {tuple(images.shape)}. "
            "Fix the batch size: dataset.batch(size, drop_remainder=True)."
        )
    fields = distributions.normal((2, count, height, width), dtype=images.dtype, seed=seed) * sigma
    fields = ops.matmul(
        ops.matmul(_gaussian(height, sigma, images.dtype), fields), _gaussian(width, sigma, images.dtype)
    )
    rows, columns = ops.meshgrid(ops.arange(height), ops.arange(width), indexing="ij")
    places = ops.cast(ops.stack([rows, columns])[:, None], images.dtype) + alpha * fields
    moved = [
        ops.image.map_coordinates(planes[k, channel], places[:, k], _ORDERS[interpolation], fill_mode, fill_value)
        for k in range(count)
        for channel in range(channels)
    ]
    result = ops.reshape(ops.stack(moved), (count, channels, height, width))
    result = ops.cast(result if first else ops.transpose(result, (0, 2, 3, 1)), images.dtype)
    return result if len(images.shape) == 4 else result[0]


def _gaussian(length: int, sigma: Any, dtype: Any) -> Tensor:
    """Return the matrix that smooths along one axis, with zeros as padding."""
    sigma = ops.cast(sigma, dtype)
    places = ops.arange(length, dtype=dtype)
    far = ops.arange(-length, length + 1, dtype=dtype)
    return _bell(places[:, None] - places, sigma) / ops.sum(_bell(far, sigma))


def _bell(distance: Tensor, sigma: Tensor) -> Tensor:
    return ops.exp(-0.5 * ops.square(distance / ops.maximum(sigma, 1e-3)))
