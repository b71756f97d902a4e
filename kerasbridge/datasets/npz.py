"""Read the four arrays of a dataset from an .npz file and convert them to the form of `keras.datasets.mnist`.

The file is untrusted: no pickle is loaded, and the size in the header of an array is checked before the array is read.
"""

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kerasbridge.checks import check_finite, check_lengths, check_not_empty
from kerasbridge.errors import DataError, DataFileError
from kerasbridge.files import npy
from kerasbridge.files.archives import Archive, DamagedArchive
from kerasbridge.files.budget import reading

NAMES = ("x_train", "y_train", "x_test", "y_test")
MAX_BYTES = 4 * 2**30

Result = TypeVar("Result")
_TOLERANCE = 1e-3  # of a grey level: float32 images divided by 255 are off by at most 2e-5, other scalings by more


def load(file: Path | IO[bytes], name: str) -> dict[str, NDArray[Any]]:
    """Read and check the four arrays of an .npz file.

    Args:
        file: its path, or the open file.
        name: the file's name in error messages.

    Returns:
        `x_train` and `x_test`, uint8 of shape (N, height, width) or (N, height, width, channels), and `y_train` and
        `y_test`, integers of shape (N,) in the dtype of the file.

    Raises:
        DataError: the file is not an .npz file with such arrays; the message names the first problem.
    """
    with reading(DataFileError, name):
        try:
            arrays = _read(file)
            for part in ("train", "test"):
                _check_part(arrays, part)
            if arrays["x_train"].shape[1:] != arrays["x_test"].shape[1:]:
                raise DataError(
                    f"x_train contains images of shape {arrays['x_train'].shape[1:]} but x_test of "
                    f"{arrays['x_test'].shape[1:]}: both must have the same shape."
                )
            return {key: _to_uint8(array, key) if key.startswith("x") else array for key, array in arrays.items()}
        except DataError as error:
            raise DataFileError(f"{name}: {error}") from error.__cause__


def _read(file: Path | IO[bytes]) -> dict[str, NDArray[Any]]:
    try:
        archive = Archive(file)
        _check_names(archive)
        _check_headers(archive)
        return {name: _read_array(archive.read(f"{name}.npy"), name) for name in NAMES}
    except DamagedArchive as error:
        reason = error.__cause__ or error
        raise DataFileError(
            f"expected an .npz file, as written by numpy.savez_compressed; it cannot be read ({reason})."
        ) from error


def _check_names(archive: Archive) -> None:
    missing = [name for name in NAMES if f"{name}.npy" not in archive.names]
    if missing:
        present = ", ".join(name.removesuffix(".npy") for name in archive.names) or "no arrays"
        raise DataError(
            f"the array {missing[0]} is missing; the file contains {present}. "
            "Expected: numpy.savez_compressed(file, x_train=..., y_train=..., x_test=..., y_test=...)."
        )


def _check_headers(archive: Archive) -> None:
    """Reject pickled arrays, and sizes with which a small compressed file would fill the memory."""
    total_bytes = 0
    for name in NAMES:
        header = _in_file(name, npy.read_header, archive.read(f"{name}.npy", npy.HEADER_BYTES))
        if header.dtype.hasobject:
            raise DataFileError(
                f"{name} contains pickled Python objects, which are never loaded: save an array of numbers."
            )
        total_bytes += header.nbytes
    if total_bytes > MAX_BYTES:
        raise DataError(
            f"its arrays take {total_bytes / 2**30:.1f} GiB, more than the limit of {MAX_BYTES / 2**30:.0f} GiB: "
            "load them yourself and pass them to kerasbridge.fit."
        )


def _read_array(content: bytes, name: str) -> NDArray[Any]:
    array = _in_file(name, npy.read_array, content)
    return array if name.startswith("x") else array.copy()  # images are converted, labels stay writable


def _in_file(name: str, read: Callable[[bytes], Result], content: bytes) -> Result:
    """Return what a reader reads; its error names the array."""
    try:
        return read(content)
    except npy.DamagedArray as error:
        raise DataFileError(f"{name} {error}.") from error


def _check_part(arrays: dict[str, NDArray[Any]], part: str) -> None:
    """Check the shapes, dtypes and lengths of the images and labels of "train" or "test"."""
    x, y = f"x_{part}", f"y_{part}"
    images, labels = arrays[x], arrays[y]
    if images.dtype.kind not in "iuf":
        raise DataError(f"{x} contains {images.dtype} values: expected numbers, preferably uint8.")
    if images.ndim not in (3, 4) or 0 in images.shape[1:]:
        raise DataError(
            f"{x} has the shape {images.shape}: expected (samples, height, width), with or without (…, channels)."
        )
    if labels.ndim != 1:
        raise DataError(f"{y} has the shape {labels.shape}: expected one class number per sample, shape (samples,).")
    if labels.dtype.kind not in "iu":
        raise DataError(f'{y} contains {labels.dtype} values: expected integers, for example y.astype("int64").')
    check_lengths({x: len(images), y: len(labels)})
    check_not_empty({x: len(images)})
    if labels.min() < 0:
        raise DataError(f"{y} contains the label {labels.min()}: classes are numbered from 0.")


def _to_uint8(images: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Return images of any numeric dtype as uint8, if the conversion is lossless.

    Accepted are whole numbers from 0 to 255 of any dtype, and floats from 0 to 1 that are such numbers divided by 255.
    Floats that are all 0 or 1 are read as the latter: black and white.
    """
    check_finite(images, name)
    low, high = images.min(), images.max()
    if low >= 0 and high <= 255:
        if images.dtype.kind in "iu":
            return images.astype(np.uint8)
        grey = images * 255 if high <= 1 else images
        rounded: NDArray[Any] = np.rint(grey)
        if np.abs(grey - rounded).max() <= _TOLERANCE:
            return rounded.astype(np.uint8)
    raise DataError(
        f"{name} contains {images.dtype} values from {low:g} to {high:g}: expected whole numbers from 0 to 255 "
        "(or these divided by 255). Save the images as uint8."
    )
