"""What is wrong with this training input: lengths, sizes, labels, numbers, each problem in a sentence of its own.

These checks look at NumPy arrays, lengths and plain values on the host. What a model wants of shapes is Keras's to say.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import ArgumentError, DataError

_BIGGEST_SEED = 2**32 - 1


def check_lengths(named: Mapping[str, int]) -> None:
    """Refuse arrays that do not have the same number of rows.

    Args:
        named: rows of each array by the array's name, in the order in which to speak of them.

    Raises:
        DataError: naming the first array and the first that differs from it.

    >>> check_lengths({"x": 100, "y": 100})
    """
    for name, rows in named.items():
        first, expected = next(iter(named.items()))
        if rows != expected:
            raise DataError(f"{first} has {expected} rows but {name} has {rows}: every array needs one row per sample.")


def check_not_empty(named: Mapping[str, int]) -> None:
    """Refuse arrays without rows.

    Args:
        named: rows of each array by the array's name.

    Raises:
        DataError: naming the first empty array.
    """
    for name, rows in named.items():
        if rows == 0:
            raise DataError(f"{name} has 0 rows, at least 1 is needed: look at the file or the selection it came from.")


def check_batch_size(batch_size: object, rows: int, strict: bool = False) -> None:
    """Refuse a batch size that is not a whole number of 1 or more.

    Args:
        batch_size: samples per training step.
        rows: samples there are.
        strict: also refuse a batch larger than the data, which Keras's `fit` trains as one smaller batch.

    Raises:
        ArgumentError: naming what was received.
    """
    size = _whole_number("batch_size", batch_size, 1)
    if strict and size > rows:
        raise ArgumentError(f"batch_size is {size} but the data has {rows} rows: give a number from 1 to {rows}.")


def check_epochs(epochs: object, initial_epoch: object = 0) -> None:
    """Refuse numbers of epochs that are not whole or are negative.

    As in Keras, `epochs=0`, and an `initial_epoch` at or past `epochs`, train nothing and are no error.

    Args:
        epochs: the epoch at which training ends.
        initial_epoch: the epoch at which it starts, counted from 0.

    Raises:
        ArgumentError: naming what was received.
    """
    _whole_number("epochs", epochs, 0)
    _whole_number("initial_epoch", initial_epoch, 0)


def check_validation_split(split: object) -> None:
    """Refuse a share of the data to hold out that is not in 0 <= split < 1.

    Raises:
        ArgumentError: naming what was received.
    """
    if isinstance(split, int | float | np.integer | np.floating) and not isinstance(split, bool) and 0 <= split < 1:
        return
    raise ArgumentError(
        f"validation_split must be a number from 0 up to, but not including, 1; received {split!r}. "
        "Give 0.1 to hold out the last tenth of the data."
    )


def check_seed(seed: object) -> None:
    """Refuse a seed that is not a whole number of 32 bits.

    Raises:
        ArgumentError: naming what was received.
    """
    _whole_number("seed", seed, 0, _BIGGEST_SEED)


def check_labels(labels: NDArray[Any], classes: int, ignore_class: int | None = None, name: str = "y") -> None:
    """Refuse labels of a sparse loss that are not one of the model's classes.

    Labels may be of a floating type as long as their values are whole.

    Args:
        labels: class numbers, of any shape with samples first.
        classes: width of the model's output; labels run from 0 to classes - 1.
        ignore_class: a label that the loss leaves out, allowed whatever its value.
        name: what to call the array.

    Raises:
        DataError: naming the first wrong label and its row, how many there are and what is allowed.

    >>> check_labels(np.array([0, 9, 255]), classes=10, ignore_class=255)
    """
    labels = np.atleast_1d(labels)
    if labels.dtype.kind not in "iufb":
        raise DataError(f"{name} must hold class numbers from 0 to {classes - 1}; received {labels.dtype} values.")
    if labels.size == 0 or _plainly_within(labels, classes):
        return
    good = (labels >= 0) & (labels < classes) & (labels == np.floor(labels))
    if ignore_class is not None:
        good |= labels == ignore_class
    if not good.all():
        raise DataError(_wrong_labels(labels, ~good, classes, ignore_class, name))


def check_finite(array: NDArray[Any], name: str) -> None:
    """Refuse an array that holds NaN or infinity.

    Args:
        array: numbers of any type and shape, with samples first.
        name: what to call it.

    Raises:
        DataError: naming how many there are of each and the first row that holds one.
    """
    array = np.atleast_1d(array)
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    raise DataError(
        f"{name} holds {np.isnan(array).sum()} NaN and {np.isinf(array).sum()} infinite values, "
        f"the first in row {_first_row(~np.isfinite(array))}, where finite numbers are expected: "
        "fix or remove these rows."
    )


def _whole_number(name: str, value: object, low: int, high: int | None = None) -> int:
    """`value` as an int, if it is a whole number from `low` to `high`; an ArgumentError if not."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        number = int(value)
        if low <= number and (high is None or number <= high):
            return number
    allowed = f"of {low} or more" if high is None else f"from {low} to {high}"
    raise ArgumentError(f"{name} must be a whole number {allowed}; received {value!r}.")


def _plainly_within(labels: NDArray[Any], classes: int) -> bool:
    """The common case, in two passes that allocate nothing: whole numbers, all of them in range."""
    return labels.dtype.kind in "iub" and bool(labels.min() >= 0 and labels.max() < classes)


def _wrong_labels(
    labels: NDArray[Any], wrong: NDArray[np.bool_], classes: int, ignore_class: int | None, name: str
) -> str:
    count = np.count_nonzero(wrong)
    others = "" if count == 1 else f", and {count - 1} more like it"
    ignored = "" if ignore_class is None else f" (or {ignore_class}, which is ignored)"
    return (
        f"{name} holds the label {labels[wrong][0]} in row {_first_row(wrong)}{others}: the model's {classes} outputs "
        f"take whole numbers from 0 to {classes - 1}{ignored}. Number the classes from 0 or widen the last layer."
    )


def _first_row(wrong: NDArray[np.bool_]) -> int:
    """The sample in which the first wrong value lies."""
    return int(np.argmax(wrong)) // (wrong.size // len(wrong))
