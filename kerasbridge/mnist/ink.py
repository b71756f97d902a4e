"""Separate the ink from the paper, whichever of the two is lighter."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_PAPER = 0.6  # fraction of the pixels that are paper at least, even if the digit fills the picture
_ROUNDS = 12  # of fitting the paper; further rounds would change it by less than a grey level
_NOISE = 3.0  # standard deviations of the paper's grain up to which a difference is noise
_MIN_GRAIN = 1 / 255  # standard deviation: levels are rounded to that
_MIN_CONTRAST = 5.0  # of ink, in standard deviations of the paper's grain
_MIN_DIFFERENCE = 0.06  # of ink, where black to white is 1
_MIN_LIGHT = 0.2  # of the brightest light: darker shade is treated as that
_BINS = 256


def separate_ink(planes: Array) -> Array | None:
    """Return how much ink each pixel shows.

    Args:
        planes: levels from 0 to 1, shape (height, width, channels).

    Returns:
        From 0, bare paper, to 1, shape (height, width); None if nothing stands out from the paper.
    """
    paper = _fit_paper(planes)
    difference = planes - paper
    grain = max(_grain(difference), _MIN_GRAIN)
    strength = _project_on_ink(difference)
    strength[strength < _NOISE * grain] = 0
    strength *= _shade_correction(paper, difference[strength > 0])
    inked = strength[strength > otsu(strength)]
    if not inked.size or np.median(inked) < max(_MIN_DIFFERENCE, _MIN_CONTRAST * grain):
        return None
    ink: Array = np.clip(strength / np.median(inked), 0, 1)
    return ink


def otsu(values: Array) -> float:
    """Return the threshold that divides values into two classes with the largest variance between them.

    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on Systems, Man, and
    Cybernetics 9 (1979), 62-66.
    """
    counts, edges = np.histogram(values, _BINS)
    below, summed = np.cumsum(counts), np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    weights = below * (below[-1] - below)
    squares = (summed[-1] * below / below[-1] - summed) ** 2
    variance = np.divide(squares, weights, out=np.zeros(_BINS), where=weights > 0)
    return float(edges[1:][variance == variance.max()].mean())  # the middle of a gap, where several are the largest


def _shade_correction(paper: Array, difference: Array) -> Array:
    """Return a factor that corrects for uneven light: 1 at the brightest pixel, more in the shade.

    It applies to ink that is darker than the paper, whose brightness then is a measure of the light.
    """
    brightness = paper.mean(axis=-1)
    if difference.sum() >= 0:
        return np.ones_like(brightness)
    correction: Array = brightness.max() / np.maximum(brightness, _MIN_LIGHT * brightness.max())
    return correction


def _fit_paper(planes: Array) -> Array:
    """Return the paper without the ink, as it is lit: a quadratic surface in each channel.

    It is fitted by least trimmed squares, which ignores the ink as outliers: P. J. Rousseeuw, "Least median of squares
    regression", Journal of the American Statistical Association 79 (1984), 871-880.
    """
    height, width, channels = planes.shape
    basis = _polynomials(height, width)
    step = max(1, max(height, width) // 100)
    levels, terms = planes[::step, ::step].reshape(-1, channels), basis[::step, ::step].reshape(-1, basis.shape[-1])
    on_paper = np.ones(len(levels), bool)
    for iteration in range(_ROUNDS):
        degree = 3 if iteration < 2 else terms.shape[1]  # a plane first: it cannot bend into the ink
        weights = np.linalg.lstsq(terms[on_paper, :degree], levels[on_paper], rcond=None)[0]
        errors = np.linalg.norm(levels - terms[:, :degree] @ weights, axis=1)
        on_paper = errors <= np.quantile(errors, _PAPER)
    return (basis @ weights).astype(np.float32)


def _polynomials(height: int, width: int) -> NDArray[np.float64]:
    """Return 1, x, y, x², xy and y² of the pixels, x and y from -1 to 1: shape (height, width, 6)."""
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _grain(difference: Array) -> float:
    """Return the standard deviation of the paper's grain, estimated from the median absolute difference."""
    return float(1.4826 * np.median(np.abs(difference).max(axis=-1)))


def _project_on_ink(difference: Array) -> Array:
    """Return the distance from the paper along the colour of the ink: a reflection on dark paper is not dark ink."""
    distance = np.linalg.norm(difference, axis=-1)
    direction = difference[distance > otsu(distance)].sum(axis=0)
    length = np.linalg.norm(direction)
    return np.clip(difference @ (direction / length), 0, None) if length else np.zeros_like(distance)
