"""MNIST digits: the sample that ships with kerasbridge, the full set in the Keras cache, or an .npz file."""

import contextlib
import hashlib
import os
import sys
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.datasets import npz
from kerasbridge.errors import ArgumentError, DataError, DataFileError
from kerasbridge.files import regular
from kerasbridge.runtime import backend

__all__ = ("Dataset", "mnist", "warn_if_seen")
FULL_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
FULL_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

_TRAIN_SHAPE, _TRAIN_PIXEL_SUM = (60000, 28, 28), 1_567_298_545  # of the MNIST training images, in any order

Split = tuple[NDArray[np.uint8], NDArray[Any]]


def __dir__() -> tuple[str, ...]:
    return __all__


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels for training and testing.

    Attributes:
        x_train, x_test: images, uint8 from 0 to 255, shape (samples, height, width) or (…, channels).
        y_train, y_test: class numbers from 0, integers of shape (samples,).
        name: "sample", "full" or the path of the file.
        source: the origin of the digits, for people to read.
    """

    x_train: NDArray[np.uint8] = field(repr=False)
    y_train: NDArray[Any] = field(repr=False)
    x_test: NDArray[np.uint8] = field(repr=False)
    y_test: NDArray[Any] = field(repr=False)
    name: str
    source: str

    @cached_property
    def checksum(self) -> str:
        """The sha256 of the dtypes, shapes and bytes of the four arrays, in whatever file they were stored."""
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def as_keras(self) -> tuple[Split, Split]:
        """Return `(x_train, y_train), (x_test, y_test)`, like `keras.datasets.mnist.load_data()`."""
        return (self.x_train, self.y_train), (self.x_test, self.y_test)


def mnist(which: str | os.PathLike[str] = "sample") -> Dataset:
    """Return the MNIST digits, or a dataset of the same form.

    Args:
        which: "sample": 4,000 training and 1,000 test digits, which ship with kerasbridge.
            "full": all 60,000 and 10,000 digits, from the Keras cache; Keras downloads them (11 MB) if need be.
            Otherwise the path of an .npz file with `x_train`, `y_train`, `x_test` and `y_test`, as written by
            `numpy.savez_compressed`.

    Returns:
        The digits, uint8 as in Keras; divide by 255 before training.

    Raises:
        DataError: the file or one of its arrays is invalid, or the full set cannot be downloaded.
        ArgumentError: `which` is neither a string nor a path.

    >>> data = mnist()
    >>> data.x_train.shape, data.y_test.shape
    ((4000, 28, 28), (1000,))
    """
    if not isinstance(which, str | os.PathLike):
        raise ArgumentError(f'mnist takes "sample", "full" or the path of an .npz file; received {which!r}.')
    if which == "sample":
        return _sample()
    if which == "full":
        return _full()
    return _from_file(Path(which).expanduser())


def warn_if_seen(trained_on: Dataset | str, scored_on: Dataset | str) -> None:
    """Warn if a model is scored on the sample after training on the full set, which contains the sample.

    Args:
        trained_on, scored_on: the dataset or its name. A copy of the full set under another name is recognised if the
            dataset itself is passed.
    """
    if _name(scored_on) == "sample" and _contains_training_set(trained_on):
        warnings.warn(
            "The sample's digits are part of MNIST's training set, on which this model was trained: "
            'the score is too good. Score it on x_test of kerasbridge.datasets.mnist("full").',
            UserWarning,
            stacklevel=2,
        )


def _sample() -> Dataset:
    with resources.files("kerasbridge.datasets").joinpath("mnist_sample.npz").open("rb") as file:
        arrays = npz.load(file, "mnist_sample.npz")
    return Dataset(**arrays, name="sample", source="5,000 digits of MNIST's training set, embedded in kerasbridge")


def _full() -> Dataset:
    cache = backend.keras_home() / "datasets" / "mnist.npz"
    path = cache if cache.is_file() else _download(cache)
    received = hashlib.sha256(path.read_bytes()).hexdigest()
    if received != FULL_SHA256:
        raise DataError(
            f"{path} is damaged: expected the sha256 {FULL_SHA256}, received {received}. "
            "Delete the file to download it again."
        )
    return Dataset(**npz.load(path, str(path)), name="full", source=f"keras.datasets.mnist, {path}")


def _download(cache: Path) -> Path:
    """Download the full set with Keras; return its path, which is another one if Keras cannot write to its home."""
    backend.configure()  # importing Keras fixes the backend
    import keras

    try:
        with contextlib.redirect_stdout(sys.stderr):  # the download's progress bar is not a program's output
            return Path(
                keras.utils.get_file(
                    "mnist.npz", origin=FULL_URL, file_hash=FULL_SHA256, cache_dir=str(cache.parents[1])
                )
            )
    except Exception as error:  # Keras raises a bare Exception if the URL cannot be reached
        raise DataError(
            f"The full MNIST set is not in the Keras cache ({cache}) and could not be downloaded ({error}). "
            'Put mnist.npz there, or use "sample" or the path of an .npz file.'
        ) from error


def _from_file(path: Path) -> Dataset:
    if path.is_dir():
        raise DataError(f"{path} is a folder: pass the path of an .npz file in it.")
    if not path.exists():
        raise DataError(f'There is no file {path}: expected "sample", "full" or the path of an .npz file.')
    if problem := regular.problem(path):
        raise DataFileError(f"{path} {problem}: pass the path of an .npz file.")
    return Dataset(**npz.load(path, str(path)), name=str(path), source=f"the file {path}")


def _name(data: Dataset | str) -> str:
    return data if isinstance(data, str) else data.name


def _contains_training_set(data: Dataset | str) -> bool:
    if isinstance(data, str) or data.name == "full":
        return _name(data) == "full"
    return data.x_train.shape == _TRAIN_SHAPE and int(data.x_train.sum(dtype=np.int64)) == _TRAIN_PIXEL_SUM
