"""Draw the twelve images in examples/digits/, for use with `kerasbridge predict`.

    python scripts/draw_digits.py [FOLDER]

They contain no MNIST digit and no font: each image is a few pen strokes through the points below, on some paper. Pens,
papers and formats vary like those of real photos and drawings. The first character of the name is the digit. The images
are under the licence of this project.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FOLDER = Path(__file__).parents[1] / "examples" / "digits"
SEED = 28

Array = NDArray[np.float64]
Stroke = Sequence[tuple[float, float]]  # points that the pen goes through, x to the right and y down, from 0 to 1
Colour = tuple[int, int, int]

BLUE, CHALK = (30, 50, 150), (235, 235, 225)

ZERO = [
    [(0.60, 0.03), (0.30, 0.09), (0.08, 0.48), (0.22, 0.90), (0.55, 0.97), (0.88, 0.62), (0.86, 0.20), (0.52, 0.04)]
]
ONE = [[(0.56, 0.00), (0.51, 0.35), (0.47, 0.70), (0.44, 1.00)]]
ONE_WITH_FOOT = [
    [(0.26, 0.26), (0.42, 0.14), (0.54, 0.01)],
    [(0.54, 0.01), (0.53, 0.50), (0.51, 0.97)],
    [(0.22, 0.98), (0.52, 0.97), (0.82, 0.96)],
]
TWO = [
    [(0.12, 0.24), (0.30, 0.05), (0.62, 0.03), (0.80, 0.22), (0.68, 0.50), (0.38, 0.78), (0.07, 0.97)],
    [(0.07, 0.97), (0.48, 0.93), (0.95, 0.96)],
]
THREE = [
    [(0.13, 0.12), (0.42, 0.00), (0.76, 0.11), (0.72, 0.34), (0.38, 0.47)],
    [(0.38, 0.47), (0.76, 0.55), (0.86, 0.79), (0.54, 0.99), (0.08, 0.90)],
]
OPEN_FOUR = [
    [(0.20, 0.02), (0.12, 0.30), (0.12, 0.52), (0.48, 0.56), (0.94, 0.50)],
    [(0.74, 0.08), (0.70, 0.50), (0.64, 1.00)],
]
FIVE = [
    [(0.84, 0.03), (0.55, 0.04), (0.26, 0.06)],
    [(0.26, 0.06), (0.17, 0.44), (0.55, 0.39), (0.84, 0.62), (0.72, 0.91), (0.40, 1.00), (0.07, 0.88)],
]
SIX = [
    [
        (0.70, 0.00),
        (0.36, 0.26),
        (0.13, 0.64),
        (0.25, 0.94),
        (0.58, 0.98),
        (0.80, 0.76),
        (0.60, 0.56),
        (0.30, 0.64),
        (0.16, 0.82),
    ]
]
SEVEN = [[(0.07, 0.09), (0.50, 0.07), (0.92, 0.04)], [(0.92, 0.04), (0.64, 0.46), (0.42, 1.00)]]
CROSSED_SEVEN = [*SEVEN, [(0.32, 0.56), (0.58, 0.53), (0.88, 0.50)]]
EIGHT = [
    [
        (0.80, 0.14),
        (0.52, 0.00),
        (0.22, 0.14),
        (0.36, 0.40),
        (0.68, 0.62),
        (0.76, 0.88),
        (0.46, 1.00),
        (0.18, 0.86),
        (0.32, 0.60),
        (0.66, 0.38),
        (0.82, 0.16),
    ]
]
NINE = [
    [(0.80, 0.20), (0.52, 0.02), (0.18, 0.20), (0.28, 0.46), (0.62, 0.43), (0.83, 0.14)],
    [(0.83, 0.14), (0.79, 0.55), (0.62, 1.00)],
]


@dataclass(frozen=True)
class Picture:
    """Description of a drawn digit.

    Attributes:
        strokes: the pen strokes.
        size: width and height in pixels.
        corner, extent: position and size of the unit square of the strokes, in pixels.
        pen: width of the pen in pixels.
        slant: shift of the top to the right, relative to the height.
        ink, paper: RGB colours; paper None is transparent.
        light: how much darker the lower right corner is than the upper left one, from 0 to 1.
        noise: standard deviation of camera noise or paper grain, in grey levels.
        specks: number of dust grains.
        mode: Pillow mode; "L" is grey. Without paper it is "RGBA".
    """

    strokes: Sequence[Stroke]
    size: tuple[int, int]
    corner: tuple[float, float]
    extent: tuple[float, float]
    pen: float
    slant: float = 0.0
    ink: Colour = (25, 25, 30)
    paper: Colour | None = (255, 255, 255)
    light: float = 0.0
    noise: float = 0.0
    specks: int = 0
    mode: str = "RGB"


PICTURES = {
    "0-ballpoint.png": Picture(ZERO, (320, 400), (80, 90), (150, 200), 11, 0.05, BLUE, (250, 244, 222)),
    "1-tiny.png": Picture(ONE, (24, 32), (3, 5), (16, 22), 2.4, 0.12, (40, 40, 40), mode="L"),
    "1-foot.jpg": Picture(
        ONE_WITH_FOOT, (300, 300), (85, 60), (120, 180), 15, 0, (20, 70, 40), (225, 235, 225), light=0.1, noise=2
    ),
    "2-blackboard.jpg": Picture(
        TWO, (480, 360), (150, 70), (170, 215), 17, 0.04, CHALK, (38, 62, 52), light=0.2, noise=5
    ),
    "3-photo.jpg": Picture(
        THREE, (1200, 900), (470, 250), (270, 380), 34, 0.08, (45, 42, 60), (222, 214, 200),
        light=0.55, noise=4, specks=25,
    ),
    "4-transparent.png": Picture(OPEN_FOUR, (200, 260), (40, 45), (120, 165), 13, 0.05, paper=None),
    "5-corner.png": Picture(FIVE, (640, 480), (520, 330), (80, 110), 8, 0.06, mode="L"),
    "6-white.png": Picture(SIX, (256, 256), (60, 40), (120, 170), 15, 0, (255, 255, 255), paper=None),
    "7-pencil.png": Picture(
        SEVEN, (220, 220), (55, 40), (110, 145), 7, 0, (140, 140, 142), (240, 240, 238), light=0.1, noise=2, mode="L"
    ),
    "7-crossed.jpg": Picture(
        CROSSED_SEVEN, (400, 300), (130, 45), (150, 200), 16, 0, (190, 25, 35), (250, 225, 90), light=0.15, noise=3
    ),
    "8-light.png": Picture(EIGHT, (180, 240), (45, 40), (95, 150), 12, 0.08, (240, 200, 120), (40, 30, 70)),
    "9-tiny.jpg": Picture(NINE, (40, 48), (8, 9), (22, 30), 3.6, 0.03, (30, 30, 60), (200, 205, 215)),
}  # fmt: skip


def curve(points: Stroke) -> Array:
    """Return a smooth line through points as short straight segments: shape (segments + 1, 2).

    E. Catmull, R. Rom, "A class of local interpolating splines", Computer Aided Geometric Design (1974), 317-326.
    """
    knots = np.array([points[0], *points, points[-1]])
    t = np.linspace(0, 1, 12, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(knots, knots[1:], knots[2:], knots[3:], strict=False)
    ]
    return np.concatenate([*pieces, knots[-1:]])


def inked(picture: Picture) -> Array:
    """Return the share of each pixel covered by the pen, from 0 to 1, shape (height, width)."""
    width, height = picture.size
    y, x = np.mgrid[:height, :width] + 0.5
    gap = np.full((height, width), np.inf)  # from the pixel to the edge of the pen
    for stroke in picture.strokes:
        line = curve(stroke)
        line[:, 0] += picture.slant * (0.5 - line[:, 1])
        line = np.array(picture.corner) + line * picture.extent
        pressure = 1 - 0.25 * np.linspace(-1, 1, len(line)) ** 4  # lighter at both ends of a stroke
        for start, end, press in zip(line, line[1:], pressure, strict=False):
            gap = np.minimum(gap, distance(x, y, start, end) - press * picture.pen / 2)
    return np.clip(0.5 - gap, 0, 1)


def distance(x: Array, y: Array, start: Array, end: Array) -> Array:
    """Return the distance of each pixel to a straight segment."""
    along = end - start
    share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(along @ along, 1e-12)
    share = np.clip(share, 0, 1)
    return np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])


def random_levels(shape: tuple[int, ...], seed: int) -> Array:
    """Return roughly normal noise, the same in every version of NumPy: sums of bytes of a published generator."""
    words = np.random.PCG64(seed).random_raw(int(np.prod(shape)))
    summed = words.view(np.uint8).reshape(-1, 8).sum(axis=1, dtype=np.float64)
    return ((summed - 8 * 127.5) / np.sqrt(8 * (256**2 - 1) / 12)).reshape(shape)


def drawn(picture: Picture) -> Image.Image:
    """Return the image with ink, paper, light, dust and noise."""
    cover = inked(picture)[..., None]
    if picture.paper is None:
        levels = np.concatenate([np.broadcast_to(picture.ink, (*cover.shape[:2], 3)), 255 * cover], axis=-1)
        return Image.fromarray(np.rint(levels).astype(np.uint8))
    paper = dusty(np.broadcast_to(np.array(picture.paper, float), (*cover.shape[:2], 3)), picture.specks)
    levels = (paper * (1 - cover) + np.array(picture.ink) * cover) * lit(picture)
    levels = levels + picture.noise * random_levels(cover.shape, SEED)
    return Image.fromarray(np.rint(levels).clip(0, 255).astype(np.uint8)).convert(picture.mode)


def lit(picture: Picture) -> Array:
    """Return the brightness of each pixel, 1 in the upper left corner."""
    y, x = np.meshgrid(*(np.linspace(0, 1, length) for length in picture.size[::-1]), indexing="ij")
    return (1 - picture.light * (0.6 * x + 0.4 * y**2))[..., None]


def dusty(paper: Array, specks: int) -> Array:
    """Return the paper with a number of dark specks of three pixels."""
    dusted = paper.copy()
    for word in np.random.PCG64(SEED).random_raw(specks):
        row, column = int(word) % (len(paper) - 3), int(word >> 20) % (paper.shape[1] - 3)
        dusted[row : row + 3, column : column + 3] *= 0.4
    return dusted


def main(folder: Path) -> None:
    """Draw all images."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in PICTURES.items():
        path = folder / name
        image = drawn(picture)
        image.save(path, quality=70) if path.suffix == ".jpg" else image.save(path, optimize=True)
        print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
