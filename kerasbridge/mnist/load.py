"""Load an untrusted picture: its format, size and content may be anything."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kerasbridge.errors import DataFileError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # none that runs a program to be decoded, as EPS does
MAX_PIXELS = 2**26  # enough for photos of most phones; a few hundred MB when decoded
MAX_LENGTH = 2**15  # in pixels: Pillow needs memory for each row too
MAX_SIDE = 800  # in pixels, after scaling: a digit of a twentieth of the width still has 40
_CONTRAST = 0.25  # of opacity, and of colours within the ink: less is invisible


def load(path: Path) -> NDArray[np.float32]:
    """Load the visible content of a picture, upright and scaled to `MAX_SIDE` pixels at most.

    Returns:
        Levels from 0 to 1, shape (height, width, channels): red, green and blue, or the opacity alone if the digit is
        drawn by that.

    Raises:
        DataFileError: the path is not a file, or not a picture in one of the `FORMATS`; or the picture is damaged or
            too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd palettes and EXIF; the size is checked here
            _check_file(path)
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _too_large(path)
                if max(image.size) > MAX_LENGTH:
                    raise DataFileError(
                        f"{path} has a side of {max(image.size):,} pixels: expected at most {MAX_LENGTH:,}."
                    )
                return _visible(*_planes(_scaled(image)))
    except DataFileError:
        raise
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except Image.UnidentifiedImageError:
        raise DataFileError(
            f"{path} is not a readable picture: expected a PNG, JPEG, GIF, BMP or WebP file; save it as one of these."
        ) from None
    except Exception as error:  # Pillow's decoders raise errors of many kinds for a damaged file
        raise DataFileError(f"{path} {_problem(error)}.") from error


def _problem(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return f"cannot be opened ({error.strerror}): expected a picture that you may read"
    return f"is damaged or truncated ({error}): expected a complete picture; save it again"


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise DataFileError(f"{path} is a folder: expected a picture; type {path}/*.png for those in it.")
    if not path.exists():
        raise DataFileError(f"There is no file {path}: expected a picture, such as digit.png.")
    if not path.is_file():
        raise DataFileError(f"{path} is not a regular file: expected a picture, such as digit.png.")


def _too_large(path: Path) -> DataFileError:
    return DataFileError(
        f"{path} has more pixels than the limit of {MAX_PIXELS / 1e6:.0f} million: save it smaller, "
        f"{MAX_SIDE} pixels a side are enough."
    )


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
