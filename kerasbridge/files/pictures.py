"""Open an untrusted picture: its format, size and content may be anything."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from kerasbridge.errors import DataFileError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # none that runs a program to be decoded, as EPS does
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
MAX_PIXELS = 2**26  # enough for photos of most phones; a few hundred MB when decoded
MAX_LENGTH = 2**15  # in pixels: Pillow needs memory for each row too


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture; it is decoded in the body, whose errors about it become one sentence.

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
                yield image
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
        "800 pixels a side are enough."
    )
