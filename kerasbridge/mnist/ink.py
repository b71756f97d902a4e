"""Takes the ink off the paper: how much of it each pixel shows, whichever of the two is the lighter."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_PAPER = 0.6  # of the pixels at least are paper, also where a digit fills its picture
_ROUNDS = 12  # until the paper is found; what still moves then moves by less than a grey level
_NOISE = 3.0  # standard deviations that the paper's own grain reaches up to
_GRAIN = 1 / 255  # least standard deviation: levels are rounded to so much
_STANDS_OUT = 5.0  # standard deviations of the paper that ink has at least
_LEAST = 0.06  # of the way from black to white that ink has at least
_DEEPEST = 0.2  # of the brightest light: what is darker is taken for that
_BINS = 256


def ink(planes: Array) -> Array | None:
    """How much ink each pixel shows.

    Args:
        planes: levels from 0 to 1, shape (height, width, channels).

    Returns:
        From 0, bare paper, to 1, shape (height, width); None where nothing stands out from the paper.
    """
    paper = _paper(planes)
    beyond = planes - paper
    grain = max(_grain(beyond), _GRAIN)
    strength = _along_ink(beyond)
    strength[strength < _NOISE * grain] = 0
    strength *= _brightening(paper, beyond[strength > 0])
    full = strength[strength > otsu(strength)]
    if not full.size or np.median(full) < max(_LEAST, _STANDS_OUT * grain):
        return None
    shown: Array = np.clip(strength / np.median(full), 0, 1)
    return shown


def otsu(values: Array) -> float:
    """The threshold that parts values into two classes with the most variance between them.

    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on Systems, Man, and
    Cybernetics 9 (1979), 62-66.
    """
    counts, edges = np.histogram(values, _BINS)
    below, summed = np.cumsum(counts), np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    weights = below * (below[-1] - below)
    apart = (summed[-1] * below / below[-1] - summed) ** 2
    between = np.divide(apart, weights, out=np.zeros(_BINS), where=weights > 0)
    return float(edges[1:][between == between.max()].mean())  # in the middle where there is a gap


def _brightening(paper: Array, beyond: Array) -> Array:
    """What makes up for the light that falls on each pixel: 1 where it is brightest, more in the shade.

    Only for ink that is darker than its paper: how dark the paper is says then how little light there is.
    """
    shade = paper.mean(axis=-1)
    if beyond.sum() >= 0:
        return np.ones_like(shade)
    brightening: Array = shade.max() / np.maximum(shade, _DEEPEST * shade.max())
    return brightening


def _paper(planes: Array) -> Array:
    """The paper without the ink on it, as light falls on it: a surface of second degree in each channel.

    Fitted by least trimmed squares, which the ink does not draw to itself: P. J. Rousseeuw, "Least median of squares
    regression", Journal of the American Statistical Association 79 (1984), 871-880.
    """
    height, width, channels = planes.shape
    basis = _surfaces(height, width)
    step = max(1, max(height, width) // 100)
    known, terms = planes[::step, ::step].reshape(-1, channels), basis[::step, ::step].reshape(-1, basis.shape[-1])
    kept = np.ones(len(known), bool)
    for turn in range(_ROUNDS):
        degree = 3 if turn < 2 else terms.shape[1]  # a plane first: it cannot bend into the ink
        weights = np.linalg.lstsq(terms[kept, :degree], known[kept], rcond=None)[0]
        off = np.linalg.norm(known - terms[:, :degree] @ weights, axis=1)
        kept = off <= np.quantile(off, _PAPER)
    return (basis @ weights).astype(np.float32)


def _surfaces(height: int, width: int) -> NDArray[np.float64]:
    """1, x, y, x², xy and y² of the pixels, x and y from -1 to 1: shape (height, width, 6)."""
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _grain(beyond: Array) -> float:
    """The standard deviation of the paper's grain, judged by the half of the pixels that are nearest to it."""
    return float(1.4826 * np.median(np.abs(beyond).max(axis=-1)))


def _along_ink(beyond: Array) -> Array:
    """How far pixels lie from the paper in the ink's direction: a reflection on dark paper is not dark ink."""
    far = np.linalg.norm(beyond, axis=-1)
    direction = beyond[far > otsu(far)].sum(axis=0)
    length = np.linalg.norm(direction)
    return np.clip(beyond @ (direction / length), 0, None) if length else np.zeros_like(far)
