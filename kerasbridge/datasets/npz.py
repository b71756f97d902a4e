"""Read a data set's four arrays from an .npz file and bring them to the form of `keras.datasets.mnist`.

Nothing in the file is trusted: no pickle is loaded, and no array before its header has said how large it is.
"""

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.checks import check_finite, check_lengths, check_not_empty
from kerasbridge.errors import DataError

NAMES = ("x_train", "y_train", "x_test", "y_test")
MAX_BYTES = 4 * 2**30

# What zipfile raises for files that are cut short, damaged (ValueError among them) or encrypted (RuntimeError).
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
_EXACT = 1e-3  # of one grey level: float32 images divided by 255 come back to within 2e-5, other scalings do not


def load(file: Path | IO[bytes], name: str) -> dict[str, NDArray[Any]]:
    """The four arrays of an .npz file, checked.

    Args:
        file: where it lies, or the opened file.
        name: what errors call it.

    Returns:
        `x_train` and `x_test`, uint8 of shape (N, height, width) or (N, height, width, channels), and `y_train` and
        `y_test`, whole numbers of shape (N,) in the file's own type.

    Raises:
        DataError: it is not an .npz file with such arrays; the first problem found.
    """
    try:
        arrays = _read(file)
        for part in ("train", "test"):
            _check_part(arrays, part)
        if arrays["x_train"].shape[1:] != arrays["x_test"].shape[1:]:
            raise DataError(
                f"x_train holds images of shape {arrays['x_train'].shape[1:]} but x_test of "
                f"{arrays['x_test'].shape[1:]}: both must be alike."
            )
        return {key: _to_uint8(array, key) if key.startswith("x") else array for key, array in arrays.items()}
    except DataError as error:
        raise DataError(f"{name}: {error}") from error.__cause__


def _read(file: Path | IO[bytes]) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(file) as archive:
            _check_names(archive)
            _check_headers(archive)
            return {name: _read_array(archive, name) for name in NAMES}
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(
            f"expected an .npz file, as numpy.savez_compressed writes it; it cannot be read ({error})."
        ) from error


def _check_names(archive: zipfile.ZipFile) -> None:
    found = archive.namelist()
    missing = [name for name in NAMES if f"{name}.npy" not in found]
    if missing:
        held = ", ".join(name.removesuffix(".npy") for name in found) or "none"
        raise DataError(
            f"the array {missing[0]} is missing; the file holds {held}. "
            "Expected: numpy.savez_compressed(file, x_train=..., y_train=..., x_test=..., y_test=...)."
        )


def _check_headers(archive: zipfile.ZipFile) -> None:
    """Refuse pickled arrays, and more bytes than a small compressed file should be able to ask for."""
    announced = 0
    for name in NAMES:
        shape, dtype = _read_header(archive, name)
        if dtype.hasobject:
            raise DataError(f"{name} holds pickled Python objects, which are never loaded: save an array of numbers.")
        announced += math.prod(shape) * dtype.itemsize
    if announced > MAX_BYTES:
        raise DataError(
            f"its arrays take {announced / 2**30:.1f} GiB, more than the {MAX_BYTES / 2**30:.0f} GiB that are read "
            "from a file: load them yourself and give them to kerasbridge.fit."
        )


def _read_header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with archive.open(f"{name}.npy") as member:
        try:
            shape, _, dtype = readers[np.lib.format.read_magic(member)](member)
        except (ValueError, KeyError) as error:
            raise DataError(f"{name} is not an array of numbers as numpy.save writes it.") from error
    return shape, dtype


def _read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as member:
        try:
            array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
        except ValueError as error:
            raise DataError(f"{name} is cut short or damaged ({error}): make the file again.") from error
    return array


def _check_part(arrays: dict[str, NDArray[Any]], part: str) -> None:
    """Shapes, types and lengths of the images and labels of one of the two parts."""
    x, y = f"x_{part}", f"y_{part}"
    images, labels = arrays[x], arrays[y]
    if images.dtype.kind not in "iuf":
        raise DataError(f"{x} holds {images.dtype} values: expected numbers, best uint8.")
    if images.ndim not in (3, 4) or 0 in images.shape[1:]:
        raise DataError(
            f"{x} has the shape {images.shape}: expected (samples, height, width), or that and channels last."
        )
    if labels.ndim != 1:
        raise DataError(f"{y} has the shape {labels.shape}: expected one class number per sample, shape (samples,).")
    if labels.dtype.kind not in "iu":
        raise DataError(f'{y} holds {labels.dtype} values: expected whole numbers, for example y.astype("int64").')
    check_lengths({x: len(images), y: len(labels)})
    check_not_empty({x: len(images)})
    if labels.min() < 0:
        raise DataError(f"{y} holds the label {labels.min()}: classes are numbered from 0.")


def _to_uint8(images: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Images of any numeric type as uint8, where nothing is lost by it.

    Taken are whole numbers from 0 to 255 of any type, and floats from 0 to 1 that are such numbers divided by 255.
    Floats that are all 0 or 1 count as the latter: black and white.
    """
    check_finite(images, name)
    low, high = images.min(), images.max()
    if low >= 0 and high <= 255:
        if images.dtype.kind in "iu":
            return images.astype(np.uint8)
        grey = images * 255 if high <= 1 else images
        whole: NDArray[Any] = np.rint(grey)
        if np.abs(grey - whole).max() <= _EXACT:
            return whole.astype(np.uint8)
    raise DataError(
        f"{name} holds {images.dtype} values from {low:g} to {high:g}: expected whole numbers from 0 to 255 "
        "(or these divided by 255). Save the images as uint8."
    )
