"""Convert the preprocessing that a file mentions to a Keras layer."""

from typing import Any

import numpy as np

from kerasbridge.errors import ArgumentError
from kerasbridge.importers.report import Preprocessing
from kerasbridge.keras_compat import keras


def rescaling(preprocessing: Preprocessing, data_format: str) -> Any:
    """Return ``(image - mean) * scale`` as a `Rescaling` layer: ``image * scale - mean * scale``.

    Raises:
        ArgumentError: the mean is in another file.
    """
    if preprocessing.mean_file:
        raise ArgumentError(
            f"Expected a mean that the file contains; {preprocessing.layer} subtracts the one in "
            f"{preprocessing.mean_file}."
        )
    mean = preprocessing.mean_image
    if mean is None:
        mean = np.asarray(preprocessing.means or 0.0, np.float32)
    if data_format == "channels_first" and mean.ndim:
        mean = np.moveaxis(mean.reshape(mean.shape if mean.ndim == 3 else (1, 1, -1)), -1, 0)
    scale = preprocessing.scale
    return keras.layers.Rescaling(scale, (-mean * np.float32(scale)).tolist(), name="preprocessing")
