"""Scale and centre a digit as in MNIST."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]

FIELD, BOX, CENTRE = 28, 20, 14  # pixels; MNIST digits have their centre of mass at index 14, within half a pixel
_EDGE = 0.25  # of full ink: the digit's bounding box contains all darker pixels
_MIN_STROKE = 1.4  # pixels of 28x28: one MNIST digit in twenty has thinner strokes, by `stroke_width`


def normalize(ink: Array) -> NDArray[np.uint8]:
    """Return the digit scaled to a box of 20x20 pixels, with its aspect ratio, and centred by mass in 28x28.

    As in Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits",
    http://yann.lecun.com/exdb/mnist/: "size normalized to fit in a 20x20 pixel box while preserving their aspect ratio.
    The resulting images contain grey levels as a result of the anti-aliasing technique used by the normalization
    algorithm. The images were centered in a 28x28 image by computing the center of mass of the pixels". In addition,
    strokes thinner than those in MNIST are thickened first.

    Args:
        ink: from 0 to 1, shape (height, width), with values above one half.

    Returns:
        uint8, shape (28, 28), ink 255.
    """
    digit = _crop(_thicken(_crop(ink)))
    square = np.pad(digit, [(0, max(digit.shape) - length) for length in digit.shape])
    small = np.asarray(Image.fromarray(square).resize((BOX, BOX), Image.Resampling.HAMMING))
    return _centre(np.rint(small.clip(0, None) * (255 / small.max())).astype(np.uint8))


def stroke_width(ink: Array) -> float:
    """Return the mean width of the strokes in pixels: their area over half of their outline."""
    padded = np.pad(ink, 1)
    outline = sum(np.abs(np.diff(padded, axis=axis)).sum() for axis in (0, 1))
    return float(2 * ink.sum() / outline)


def _crop(ink: Array) -> Array:
    """Return the bounding box of the digit."""
    rows, columns = (np.flatnonzero((ink > _EDGE).any(axis=axis)) for axis in (1, 0))
    return np.ascontiguousarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], np.float32)


def _thicken(digit: Array) -> Array:
    """Return the digit with strokes at least as thick as those in MNIST."""
    scale = BOX / max(digit.shape)
    rounds = max(0, round((_MIN_STROKE / scale - stroke_width(digit)) / 2))
    thick = np.pad(digit, rounds)
    for iteration in range(rounds):
        thick = _dilate(thick, corners=iteration % 2 == 1)  # alternating, so that a dot grows to an octagon
    return thick


def _dilate(ink: Array, corners: bool) -> Array:
    """Return the maximum of each pixel and its neighbours: a morphological dilation."""
    height, width = ink.shape
    padded = np.pad(ink, 1)
    offsets = [(y, x) for y in range(3) for x in range(3) if corners or 1 in (y, x)]
    dilated: Array = np.maximum.reduce([padded[y : y + height, x : x + width] for y, x in offsets])
    return dilated


def _centre(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a field of 28x28 pixels with the digit's centre of mass at its centre."""
    wide = np.zeros((2 * FIELD, 2 * FIELD), np.uint8)
    wide[FIELD : FIELD + BOX, FIELD : FIELD + BOX] = small
    top, left = (FIELD + round(_mean_index(small.sum(axis=axis))) - CENTRE for axis in (1, 0))
    return wide[top : top + FIELD, left : left + FIELD]


def _mean_index(weights: NDArray[np.uint64]) -> float:
    return float(np.average(np.arange(len(weights)), weights=weights))
