"""Connected regions of ink: the digit's strokes are large, specks are small."""

import numpy as np
from numpy.typing import NDArray

_FAINT = 0.1  # of full ink: what counts as connected
_FULL = 0.5  # of full ink: what counts as ink
_SPECK = 0.05  # of the largest region's ink; a stroke that stands apart, as the bar of a 5, has more


def without_specks(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ink of the regions that have at least a twentieth of the largest region's ink."""
    labels = labelled(ink > _FAINT)
    sizes = np.bincount(labels[ink > _FULL], minlength=labels.max() + 1)
    sizes[0] = 0
    return np.where((sizes >= max(1, _SPECK * sizes.max()))[labels], ink, 0)


def labelled(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """A whole number for each connected region, neighbours by corners included, and 0 outside all of them.

    Each pixel takes the largest number about it, and then the number of the pixel that bears that number, until
    nothing moves: as many rounds as the logarithm of a region's length, roughly.
    """
    height, width = mask.shape
    numbers = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        padded = np.pad(numbers, 1)
        about = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
        largest = np.where(mask, np.maximum.reduce(about), 0)
        followed = np.concatenate([[0], largest.ravel()])[largest]
        if np.array_equal(followed, numbers):
            return numbers
        numbers = followed
