"""The MNIST digits: the sample inside kerasbridge, the full set in Keras's cache, or a file of one's own."""

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
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.runtime import backend

FULL_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
FULL_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

_TRAIN_SHAPE, _TRAIN_PIXEL_SUM = (60000, 28, 28), 1_567_298_545  # of MNIST's training images, in whatever order

Split = tuple[NDArray[np.uint8], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels, to train on and to test on.

    Attributes:
        x_train, x_test: images, uint8 from 0 to 255, shape (samples, height, width) or with channels last.
        y_train, y_test: class numbers from 0, whole numbers of shape (samples,).
        name: "sample", "full" or the path of the file.
        source: where the digits come from, in words.
    """

    x_train: NDArray[np.uint8] = field(repr=False)
    y_train: NDArray[Any] = field(repr=False)
    x_test: NDArray[np.uint8] = field(repr=False)
    y_test: NDArray[Any] = field(repr=False)
    name: str
    source: str

    @cached_property
    def checksum(self) -> str:
        """The sha256 of the four arrays: their types, shapes and bytes, whatever file they came in."""
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def as_keras(self) -> tuple[Split, Split]:
        """`(x_train, y_train), (x_test, y_test)`, as `keras.datasets.mnist.load_data()` gives them."""
        return (self.x_train, self.y_train), (self.x_test, self.y_test)


def mnist(which: str | os.PathLike[str] = "sample") -> Dataset:
    """The MNIST digits, or a data set in their form.

    Args:
        which: "sample": 4,000 digits to train and 1,000 to test, which come with kerasbridge.
            "full": all 60,000 and 10,000, from Keras's cache; Keras downloads them (11 MB) where they are not there.
            Else the path of an .npz file with `x_train`, `y_train`, `x_test` and `y_test`, such as
            `numpy.savez_compressed` writes.

    Returns:
        The digits, uint8 as in Keras; divide by 255 before training.

    Raises:
        DataError: the file, or an array in it, is not what is expected, or the full set cannot be downloaded.
        ArgumentError: `which` is no text and no path.

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
    """Warn where a model is scored on the sample's digits after it was trained on the full set, which holds them.

    Args:
        trained_on, scored_on: the data set or its name. Of a name only "full" and "sample" say what is in it; of a
            data set also its images do, so that a copy of the full set under another name is found.
    """
    if _name(scored_on) == "sample" and _holds_the_training_set(trained_on):
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
    cached = backend.keras_home() / "datasets" / "mnist.npz"
    path = cached if cached.is_file() else _download(cached)
    received = hashlib.sha256(path.read_bytes()).hexdigest()
    if received != FULL_SHA256:
        raise DataError(
            f"{path} is damaged: expected the sha256 {FULL_SHA256}, received {received}. "
            "Delete the file, and it is downloaded again."
        )
    return Dataset(**npz.load(path, str(path)), name="full", source=f"keras.datasets.mnist, {path}")


def _download(cached: Path) -> Path:
    """Has Keras download the full set. Where Keras cannot write to its home it takes another folder."""
    backend.configure()  # importing Keras settles the backend
    import keras

    try:
        with contextlib.redirect_stdout(sys.stderr):  # the download's progress bar is not a program's output
            return Path(
                keras.utils.get_file(
                    "mnist.npz", origin=FULL_URL, file_hash=FULL_SHA256, cache_dir=str(cached.parents[1])
                )
            )
    except Exception as error:  # Keras raises the bare class when it cannot reach the address
        raise DataError(
            f"The full MNIST set is not in Keras's cache ({cached}) and could not be downloaded ({error}). "
            'Put mnist.npz there, or use "sample" or the path of an .npz file.'
        ) from error


def _from_file(path: Path) -> Dataset:
    if path.is_dir():
        raise DataError(f"{path} is a folder: give the path of an .npz file in it.")
    if not path.exists():
        raise DataError(f'There is no file {path}: expected "sample", "full" or the path of an .npz file.')
    return Dataset(**npz.load(path, str(path)), name=str(path), source=f"the file {path}")


def _name(data: Dataset | str) -> str:
    return data if isinstance(data, str) else data.name


def _holds_the_training_set(data: Dataset | str) -> bool:
    if isinstance(data, str) or data.name == "full":
        return _name(data) == "full"
    return data.x_train.shape == _TRAIN_SHAPE and int(data.x_train.sum(dtype=np.int64)) == _TRAIN_PIXEL_SUM
