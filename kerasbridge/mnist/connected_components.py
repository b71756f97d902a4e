"""Connected regions of ink: the digit's strokes are large, specks are small."""

import numpy as np
from numpy.typing import NDArray

_FAINT = 0.1  # of full ink: what counts as connected
_FULL = 0.5  # of full ink: what counts as ink
_SPECK = 0.05  # of the largest region's ink; a stroke that stands apart, as the bar of a 5, has more


def without_specks(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ink of the regions that have at least a twentieth of the largest region's ink."""
    labels = connected_components(ink > _FAINT)
    sizes = np.bincount(labels[ink > _FULL], minlength=labels.max() + 1)
    sizes[0] = 0
    return np.where((sizes >= max(1, _SPECK * sizes.max()))[labels], ink, 0)


def connected_components(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """A whole number for each connected region, neighbours by corners included, and 0 outside all of them.

    Of two neighbours the one with the larger number leads to the other, and every pixel goes on to where its number
    leads, until neighbours agree: about as many rounds as the logarithm of a region's size.
    """
    numbers = np.where(mask, np.cumsum(mask).reshape(mask.shape), 0)
    one, other = _neighbours(numbers)
    leads = np.arange(numbers.max() + 1)
    while not np.array_equal(leads[one], leads[other]):
        lower = np.minimum(leads[one], leads[other])
        for end in (leads[one], leads[other]):
            np.minimum.at(leads, end, lower)
        leads = leads[leads]
    return leads[numbers]


def _neighbours(numbers: NDArray[np.intp]) -> NDArray[np.intp]:
    """The numbers of pixels that touch, 0 being none: shape (2, pairs)."""
    pairs = (
        (numbers[:, 1:], numbers[:, :-1]),
        (numbers[1:], numbers[:-1]),
        (numbers[1:, 1:], numbers[:-1, :-1]),
        (numbers[1:, :-1], numbers[:-1, 1:]),
    )
    found = np.concatenate([np.stack([one.ravel(), other.ravel()]) for one, other in pairs], axis=1)
    return found[:, found.all(axis=0)]
