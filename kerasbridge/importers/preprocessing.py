"""Convert the preprocessing that a file mentions to a Keras layer."""

from typing import Any

import numpy as np

from kerasbridge.errors import ArgumentError
from kerasbridge.importers.report import Preprocessing
from kerasbridge.keras_compat import keras


def rescaling(said: Preprocessing, data_format: str) -> Any:
    """Return ``(image - mean) * scale`` as a `Rescaling` layer: ``image * scale - mean * scale``.

    Raises:
        ArgumentError: the mean is in another file.
    """
    if said.mean_file:
        raise ArgumentError(f"Expected a mean that the file holds; {said.layer} subtracts that in {said.mean_file}.")
    mean = np.asarray(said.means or 0.0, np.float32) if said.mean_image is None else said.mean_image
    if data_format == "channels_first" and mean.ndim:
        mean = np.moveaxis(mean.reshape(mean.shape if mean.ndim == 3 else (1, 1, -1)), -1, 0)
    return keras.layers.Rescaling(said.scale, (-mean * np.float32(said.scale)).tolist(), name="preprocessing")
