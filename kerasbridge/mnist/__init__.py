"""Pictures of a handwritten digit, brought to the form of MNIST's images.

`opening` reads the file, `paper` takes the ink off the paper, `regions` leaves specks behind, `fitting` gives the
digit its size and place. All of it is computed on the host, with NumPy and Pillow: every backend sees the same pixels.
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import DataError
from kerasbridge.mnist import connected_components, load, normalize
from kerasbridge.mnist import ink as paper


def read(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The digit of a picture, as MNIST has it: white on black, in a box of 20x20, centred by mass in 28x28.

    The picture may be of any size, grey or in colour, dark on light or light on dark, with transparency, off centre,
    unevenly lit, and have specks. One digit is expected on paper of one colour that fills
    the picture: ruled lines, the edge of a shadow or of the table are taken for ink.

    Args:
        path: a PNG, JPEG, GIF, BMP or WebP file; of several frames the first counts.

    Returns:
        Grey levels, uint8 from 0 (paper) to 255 (ink), shape (28, 28).

    Raises:
        DataError: it cannot be read as a picture, has too many pixels, or shows nothing.
    """
    ink = paper.ink(load.load(Path(path)))
    if ink is None:
        raise DataError(
            f"{path} is blank: expected a digit that stands out from its paper; write it darker, or take the picture "
            "closer and in better light."
        )
    return normalize.fit(connected_components.without_specks(ink))
