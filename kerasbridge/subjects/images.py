"""Folders of images, a folder per class, as in `keras.utils.image_dataset_from_directory`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kerasbridge.errors import DataError
from kerasbridge.files import pictures

_PARTS = ("train", "val", "valid", "validation", "test")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class ImageFolder:
    """The images in a folder.

    Attributes:
        name: the path of the folder.
        files: the images, class by class, in alphabetical order.
        labels: the class of each: the name of its folder.
    """

    name: str
    files: list[Path]
    labels: list[str]

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in alphabetical order, which numbers them."""
        return sorted(set(self.labels))


def find(folder: str | Path) -> ImageFolder:
    """List the images of a folder.

    Raises:
        DataError: it has no folder per class, or there is no image in one of them.
    """
    top = Path(folder)
    files: list[Path] = []
    labels: list[str] = []
    for part in sorted(part for part in top.iterdir() if part.is_dir() and not part.name.startswith(".")):
        found = sorted(path for path in part.rglob("*") if path.suffix.lower() in pictures.SUFFIXES and path.is_file())
        if not found:
            raise DataError(
                f"{part} contains no images: expected PNG, JPEG, GIF, BMP or WebP files, or no such folder."
            )
        files += found
        labels += [part.name] * len(found)
    if len(parts := {*labels} & {*_PARTS}) > 1:
        first, *others = sorted(parts, key=_PARTS.index)
        raise DataError(
            f"Expected a folder per class in {folder}, received {' and '.join([first, *others])}. Type --data "
            f"{top / first} --validation {top / others[0]}."
        )
    if not files:
        raise DataError(
            f"{folder} contains no images in a folder per class: expected files such as {top / 'cat' / '1.jpg'} and "
            f"{top / 'dog' / '1.jpg'}."
        )
    return ImageFolder(str(folder), files, labels)


def read(paths: Sequence[Path], size: Sequence[int]) -> NDArray[np.uint8]:
    """Read images, upright and resized to the same size with Pillow's bilinear filter.

    Args:
        paths: the files.
        size: height, width and channels: 1 for grey, 3 for red, green and blue, 4 with opacity.

    Returns:
        Levels from 0 to 255, shape (images, height, width, channels).

    Raises:
        DataFileError: a file is not a picture, is damaged or too large.
    """
    return np.stack([_read(path, size) for path in paths])


def _read(path: Path, size: Sequence[int]) -> NDArray[np.uint8]:
    height, width, channels = size
    with pictures.opened(path) as image:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to white
            upright = Image.fromarray((np.asarray(upright, np.float32) / 257).round().astype(np.uint8))
        resized = upright.convert(_MODES[channels]).resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(resized, np.uint8).reshape(height, width, channels)
