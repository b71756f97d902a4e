"""Opens a picture that nobody vouches for: its format, its size and its content may be anything."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kerasbridge.errors import DataError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # no format that runs a program to be read, as EPS does
MAX_PIXELS = 2**26  # what telephones take; a few hundred MB when unpacked
LONGEST_SIDE = 800  # that a picture is worked on with: a digit a twentieth of it wide still has 40 pixels
_CONTRAST = 0.25  # of alpha, and of colours within the ink: above that there is something to see


def load(path: Path) -> NDArray[np.float32]:
    """What is to be seen in a picture, upright and at most `LONGEST_SIDE` long.

    Returns:
        Levels from 0 to 1, shape (height, width, channels): red, green and blue, or the opacity alone where that is
        what draws the digit.

    Raises:
        DataError: it is no file, no picture of a known format, damaged or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own on odd palettes and EXIF; size is checked here
            _check_file(path)
            with Image.open(path, formats=FORMATS) as image:
                _check_size(path, image.width * image.height)
                return _visible(*_planes(_shrunk(image)))
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except Image.UnidentifiedImageError:
        raise DataError(
            f"{path} is no picture that can be read: expected a PNG, JPEG, GIF, BMP or WebP file; save it as one."
        ) from None
    except Exception as error:  # the readers of Pillow raise whatever a damaged file leads them to
        raise DataError(f"{path} {_what_is_wrong(error)}.") from error


def _what_is_wrong(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return f"cannot be opened ({error.strerror}): expected a picture that you may read"
    return f"is damaged or cut short ({error}): expected a whole picture; save it again"


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"{path} is a folder: expected a picture; type {path}/*.png for those in it.")
    if not path.exists():
        raise DataError(f"There is no file {path}: expected a picture, such as digit.png.")
    if not path.is_file():
        raise DataError(f"{path} is no ordinary file: expected a picture, such as digit.png.")


def _check_size(path: Path, pixels: int) -> None:
    if pixels > MAX_PIXELS:
        raise _too_large(path)


def _too_large(path: Path) -> DataError:
    return DataError(
        f"{path} has more than the {MAX_PIXELS / 1e6:.0f} million pixels that are read: save it smaller, "
        f"{LONGEST_SIDE} pixels a side are enough."
    )


def _shrunk(image: Any) -> Any:
    """Upright, in mode F or RGBA, and no longer than `LONGEST_SIDE`."""
    image.draft(None, (LONGEST_SIDE, LONGEST_SIDE))  # JPEG alone can skip what will not be looked at
    upright = ImageOps.exif_transpose(image)
    upright = upright.convert("F" if upright.mode.startswith("I") else "RGBA")
    scale = LONGEST_SIDE / max(upright.size)
    if scale >= 1:
        return upright
    width, height = (max(1, round(length * scale)) for length in upright.size)
    return upright.resize((width, height), Image.Resampling.BOX)


def _planes(image: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colours of shape (height, width, channels) and opacity of shape (height, width), both from 0 to 1."""
    if image.mode == "F":  # grey of 16 bits
        grey = np.asarray(image, np.float32) / np.float32(65535)
        return grey[..., None], np.ones_like(grey)
    levels = np.asarray(image, np.float32) / np.float32(255)
    return levels[..., :3], levels[..., 3]


def _visible(colour: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """The colours, where opacity tells nothing; the opacity, where ink of one colour stands on nothing.

    Where several colours stand on nothing, as dark ink on a white label, nothing takes the commonest of them.
    """
    if np.ptp(alpha) < _CONTRAST:
        return colour
    seen = colour[alpha > (alpha.min() + alpha.max()) / 2]
    commonest = np.median(seen, axis=0)
    if np.percentile(np.abs(seen - commonest).max(axis=-1), 95) < _CONTRAST:
        return alpha[..., None]
    filled: NDArray[np.float32] = colour * alpha[..., None] + commonest * (1 - alpha[..., None])
    return filled
