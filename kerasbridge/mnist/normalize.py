"""Gives a digit MNIST's size and place."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]

FIELD, BOX, CENTRE = 28, 20, 14  # pixels; MNIST's digits have their centres of mass at index 14, within half a pixel
_EDGE = 0.25  # of full ink: where the digit's box ends
_THIN = 1.4  # pixels of 28x28: one MNIST digit in twenty has thinner strokes, by `stroke_width`


def fit(ink: Array) -> NDArray[np.uint8]:
    """The digit in a box of 20x20 pixels, its proportions kept, centred by its mass in a field of 28x28.

    As in Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits",
    http://yann.lecun.com/exdb/mnist/: "size normalized to fit in a 20x20 pixel box while preserving their aspect ratio.
    The resulting images contain grey levels as a result of the anti-aliasing technique used by the normalization
    algorithm. The images were centered in a 28x28 image by computing the center of mass of the pixels". Strokes thinner
    than MNIST's pens draw are thickened first, which is not part of it.

    Args:
        ink: from 0 to 1, shape (height, width), some of it above one half.

    Returns:
        uint8, shape (28, 28), ink 255.
    """
    cut = _cut(_thickened(_cut(ink)))
    square = np.pad(cut, [(0, max(cut.shape) - length) for length in cut.shape])
    small = np.asarray(Image.fromarray(square).resize((BOX, BOX), Image.Resampling.HAMMING))
    return _placed(np.rint(small.clip(0, None) * (255 / small.max())).astype(np.uint8))


def stroke_width(ink: Array) -> float:
    """How wide the strokes are, in pixels: their area over half of their outline."""
    padded = np.pad(ink, 1)
    outline = sum(np.abs(np.diff(padded, axis=axis)).sum() for axis in (0, 1))
    return float(2 * ink.sum() / outline)


def _cut(ink: Array) -> Array:
    """The part of a picture that the digit takes."""
    rows, columns = (np.flatnonzero((ink > _EDGE).any(axis=axis)) for axis in (1, 0))
    return np.ascontiguousarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], np.float32)


def _thickened(cut: Array) -> Array:
    """The digit with strokes that are not thinner than those in MNIST."""
    scale = BOX / max(cut.shape)
    grown = max(0, round((_THIN / scale - stroke_width(cut)) / 2))
    wide = np.pad(cut, grown)
    for turn in range(grown):
        wide = _grown(wide, corners=turn % 2 == 1)  # in turns, so that a dot grows to an octagon
    return wide


def _grown(ink: Array, corners: bool) -> Array:
    """Each pixel as dark as the darkest about it."""
    height, width = ink.shape
    padded = np.pad(ink, 1)
    places = [(y, x) for y in range(3) for x in range(3) if corners or 1 in (y, x)]
    darkest: Array = np.maximum.reduce([padded[y : y + height, x : x + width] for y, x in places])
    return darkest


def _placed(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """In the field, with the centre of mass at its centre."""
    wide = np.zeros((2 * FIELD, 2 * FIELD), np.uint8)
    wide[FIELD : FIELD + BOX, FIELD : FIELD + BOX] = small
    top, left = (FIELD + round(_centre(small.sum(axis=axis))) - CENTRE for axis in (1, 0))
    return wide[top : top + FIELD, left : left + FIELD]


def _centre(weights: NDArray[np.uint64]) -> float:
    return float(np.average(np.arange(len(weights)), weights=weights))
