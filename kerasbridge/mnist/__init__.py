"""Pictures of a handwritten digit, converted to images like those of MNIST.

`load` reads the file, `ink` separates the ink from the paper, `connected_components` removes specks, `normalize` scales
and centres the digit. Everything is computed on the host with NumPy and Pillow, so every backend sees the same pixels.
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import DataError
from kerasbridge.mnist import connected_components, load, normalize
from kerasbridge.mnist.ink import separate_ink


def read(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read the digit in a picture as an MNIST image: white on black, 20x20 pixels, centred by mass in 28x28.

    The picture may have any size, be grey or in colour, dark on light or light on dark, transparent, off centre,
    unevenly lit and speckled. It must show one digit on paper of one colour that fills the picture: ruled lines and the
    edges of a shadow or of the table are read as ink.

    Args:
        path: a PNG, JPEG, GIF, BMP or WebP file; of several frames the first is read.

    Returns:
        Grey levels, uint8 from 0 (paper) to 255 (ink), shape (28, 28).

    Raises:
        DataError: the file cannot be read as a picture, has too many pixels, or is blank.
    """
    ink = separate_ink(load.load(Path(path)))
    if ink is None:
        raise DataError(
            f"{path} is blank: expected a digit that stands out from its paper; write it darker, or take the picture "
            "closer and in better light."
        )
    return normalize.normalize(connected_components.remove_specks(ink))
