"""Connected regions of ink: the digit's strokes are large, specks are small."""

import numpy as np
from numpy.typing import NDArray

_MIN_CONNECTED = 0.1  # of full ink: lighter pixels do not connect
_MIN_INK = 0.5  # of full ink: darker pixels count towards the size of a region
_MIN_SIZE = 0.05  # of the largest region; a separate stroke, such as the bar of a 5, is larger


def remove_specks(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the ink of the regions that have at least a twentieth of the largest region's ink."""
    labels = connected_components(ink > _MIN_CONNECTED)
    sizes = np.bincount(labels[ink > _MIN_INK], minlength=labels.max() + 1)
    sizes[0] = 0
    return np.where((sizes >= max(1, _MIN_SIZE * sizes.max()))[labels], ink, 0)


def connected_components(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return an integer label for each connected region (8-connectivity), and 0 for the background.

    Union-find on whole arrays: of two touching pixels the larger label points to the smaller one, and every label is
    replaced by the one it points to, until neighbours agree. The number of rounds grows with the logarithm of the size
    of a region.
    """
    labels = np.where(mask, np.cumsum(mask).reshape(mask.shape), 0)
    one, other = _adjacent_labels(labels)
    parents = np.arange(labels.max() + 1)
    while not np.array_equal(parents[one], parents[other]):
        lower = np.minimum(parents[one], parents[other])
        for end in (parents[one], parents[other]):
            np.minimum.at(parents, end, lower)
        parents = parents[parents]
    return parents[labels]


def _adjacent_labels(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the labels of touching pixels, without pairs that include the background: shape (2, pairs)."""
    neighbours = (
        (labels[:, 1:], labels[:, :-1]),
        (labels[1:], labels[:-1]),
        (labels[1:, 1:], labels[:-1, :-1]),
        (labels[1:, :-1], labels[:-1, 1:]),
    )
    pairs = np.concatenate([np.stack([one.ravel(), other.ravel()]) for one, other in neighbours], axis=1)
    return pairs[:, pairs.all(axis=0)]
