"""Load the visible content of an untrusted picture."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kerasbridge.files import pictures

MAX_SIDE = 800  # in pixels, after scaling: a digit of a twentieth of the width still has 40
_CONTRAST = 0.25  # of opacity, and of colours within the ink: less is invisible


def load(path: Path) -> NDArray[np.float32]:
    """Load the visible content of a picture, upright and scaled to `MAX_SIDE` pixels at most.

    Returns:
        Levels from 0 to 1, shape (height, width, channels): red, green and blue, or the opacity alone if the digit is
        drawn by that.

    Raises:
        DataFileError: as for `pictures.opened`.
    """
    with pictures.opened(path) as image:
        return _visible(*_planes(_scaled(image)))


def _scaled(image: Any) -> Any:
    """Return the image upright, in mode F or RGBA, and no longer than `MAX_SIDE`."""
    image.draft(None, (MAX_SIDE, MAX_SIDE))  # a JPEG can be decoded at a smaller scale
    ImageOps.exif_transpose(image, in_place=True)  # without a copy of an image that is upright
    mode = "F" if image.mode.startswith("I") else "RGBA"
    upright = image if image.mode == mode else image.convert(mode)
    scale = MAX_SIDE / max(upright.size)
    if scale >= 1:
        return upright
    width, height = (max(1, round(length * scale)) for length in upright.size)
    return upright.resize((width, height), Image.Resampling.BOX)


def _planes(image: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the colours, shape (height, width, channels), and the opacity, shape (height, width), from 0 to 1."""
    if image.mode == "F":  # 16-bit grey
        grey = np.asarray(image, np.float32) / np.float32(65535)
        return grey[..., None], np.ones_like(grey)
    levels = np.asarray(image, np.float32) / np.float32(255)
    return levels[..., :3], levels[..., 3]


def _visible(colour: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the colours if the picture is opaque, or the opacity if ink of one colour is on a transparent background.

    If there are several colours, such as dark ink on a white label, the background is filled with the most frequent.
    """
    if np.ptp(alpha) < _CONTRAST:
        return colour
    opaque = colour[alpha > (alpha.min() + alpha.max()) / 2]
    background = np.median(opaque, axis=0)
    if np.percentile(np.abs(opaque - background).max(axis=-1), 95) < _CONTRAST:
        return alpha[..., None]
    filled: NDArray[np.float32] = colour * alpha[..., None] + background * (1 - alpha[..., None])
    return filled
