"""Checks of the training input: lengths, batch size, epochs, seed, labels, finite values.

They look at NumPy arrays, lengths and plain values on the host. Keras checks the shapes that a model expects.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import ArgumentError, DataError, one_line

MAX_SEED = 2**32 - 1
_ROUNDING = 1e-3


def check_lengths(rows_by_name: Mapping[str, int]) -> None:
    """Raise if the arrays do not all have the same number of rows.

    Args:
        rows_by_name: the number of rows of each array, by name.

    Raises:
        DataError: names the first array and the first that differs from it.

    >>> check_lengths({"x": 100, "y": 100})
    """
    for name, rows in rows_by_name.items():
        first, expected = next(iter(rows_by_name.items()))
        if rows != expected:
            raise DataError(f"{first} has {expected} rows but {name} has {rows}: every array needs one row per sample.")


def check_not_empty(rows_by_name: Mapping[str, int]) -> None:
    """Raise if an array has no rows.

    Args:
        rows_by_name: the number of rows of each array, by name.

    Raises:
        DataError: names the first empty array.
    """
    for name, rows in rows_by_name.items():
        if rows == 0:
            raise DataError(f"{name} has 0 rows, at least 1 is needed: look at the file or the selection it came from.")


def check_batch_size(batch_size: object, rows: int, strict: bool = False) -> None:
    """Raise if the batch size is not a whole number of 1 or more.

    Args:
        batch_size: samples per training step.
        rows: number of samples.
        strict: also raise if the batch is larger than the data, which `keras.Model.fit` trains as one smaller batch.

    Raises:
        ArgumentError: states the received value.
    """
    size = _whole_number("batch_size", batch_size, 1)
    if strict and size > rows:
        raise ArgumentError(f"batch_size is {size} but the data has {rows} rows: give a number from 1 to {rows}.")


def check_count(name: str, value: object) -> None:
    """Raise ArgumentError if the value of an argument is not a whole number of 1 or more."""
    _whole_number(name, value, 1)


def check_flag(name: str, value: object) -> None:
    """Raise ArgumentError if the value of an argument is neither True nor False."""
    if not isinstance(value, bool):
        raise ArgumentError(f"Expected {name} to be True or False, received {one_line(value)}.")


def check_choice(name: str, value: object, *allowed: object) -> None:
    """Raise ArgumentError if the value of an argument is none of those allowed; 1 and NumPy's True count as True."""
    if isinstance(value, bool | np.bool_ | int | np.integer | str) and value in allowed:
        return
    *first, last = map(repr, allowed)
    raise ArgumentError(f"Expected {name} to be {', '.join(first)} or {last}, received {one_line(value)}.")


def check_timeout(timeout: Any) -> None:
    """Raise an ArgumentError unless a time-out is a number of seconds above 0."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
        raise ArgumentError(f"Expected timeout to be a number of seconds above 0, received {timeout!r}.")


def check_validation_freq(value: object) -> int | list[Any]:
    """Return how often to validate.

    Raises:
        ArgumentError: it is neither a whole number of 1 or more nor a list of epochs.
    """
    if isinstance(value, list | tuple | set) and all(_is_whole(epoch) and epoch >= 1 for epoch in value):
        return list(value)
    if _is_whole(value) and int(value) >= 1:  # type: ignore[call-overload]
        frequency: int = int(value)  # type: ignore[call-overload]
        return frequency
    raise ArgumentError(
        f"Expected validation_freq to be a whole number of 1 or more, or a list of epochs from 1; received "
        f"{one_line(value)}."
    )


def check_epochs(epochs: object, initial_epoch: object = 0) -> None:
    """Raise if a number of epochs is negative or not whole.

    As in Keras, `epochs=0` and an `initial_epoch` of `epochs` or more train nothing and are allowed.

    Args:
        epochs: the epoch at which training ends.
        initial_epoch: the epoch at which it starts, counted from 0.

    Raises:
        ArgumentError: states the received value.
    """
    _whole_number("epochs", epochs, 0)
    _whole_number("initial_epoch", initial_epoch, 0)


def check_validation_split(split: object) -> None:
    """Raise unless 0 <= split < 1.

    Raises:
        ArgumentError: states the received value.
    """
    if isinstance(split, int | float | np.integer | np.floating) and not isinstance(split, bool) and 0 <= split < 1:
        return
    raise ArgumentError(
        f"validation_split must be a number from 0 up to, but not including, 1; received {one_line(split)}. "
        "Pass 0.1 to validate on the last tenth of the data."
    )


def check_seed(seed: object) -> None:
    """Raise if the seed is not an integer from 0 to 2**32 - 1.

    Raises:
        ArgumentError: states the received value.
    """
    _whole_number("seed", seed, 0, MAX_SEED)


def check_labels(labels: NDArray[Any], classes: int, ignore_class: int | None = None, name: str = "y") -> None:
    """Raise if labels of a sparse loss are outside the classes of the model.

    Labels may have a floating dtype as long as their values are whole.

    Args:
        labels: class numbers, of any shape with samples first.
        classes: width of the model's output; labels run from 0 to classes - 1.
        ignore_class: a label that the loss ignores; it may have any value.
        name: name of the array in messages.

    Raises:
        DataError: names the first wrong label and its row, the number of wrong labels, and the allowed range.

    >>> check_labels(np.array([0, 9, 255]), classes=10, ignore_class=255)
    """
    labels = np.atleast_1d(labels)
    invalid = invalid_labels(labels, classes, ignore_class, name)
    if invalid is not None:
        raise labels_error(labels, invalid, classes, ignore_class, name)


def invalid_labels(
    labels: NDArray[Any], classes: int, ignore_class: int | None = None, name: str = "y"
) -> NDArray[np.bool_] | None:
    """Return which labels are outside the classes of the model; None if all are inside.

    Args:
        labels, classes, ignore_class, name: as for `check_labels`; an array of one or more axes.

    Raises:
        DataError: the labels are not numbers.
    """
    if labels.dtype.kind in "OSU" and labels.size and isinstance(labels.flat[0], str | bytes):
        raise DataError(text_message(name, labels))
    if labels.dtype.kind not in "iufb":
        raise DataError(f"{name} must contain class numbers from 0 to {classes - 1}; received {labels.dtype} values.")
    if labels.size == 0 or (labels.dtype.kind in "iub" and labels.min() >= 0 and labels.max() < classes):
        return None  # the common case, checked without allocating memory
    valid = (labels >= 0) & (labels < classes) & (labels == np.floor(labels))
    if ignore_class is not None:
        valid |= labels == ignore_class
    return None if valid.all() else ~valid


def labels_error(
    labels: NDArray[Any], invalid: NDArray[np.bool_], classes: int, ignore_class: int | None = None, name: str = "y"
) -> DataError:
    """Return the error about invalid labels, which the second array marks."""
    return DataError(_invalid_labels_message(labels, invalid, classes, ignore_class, name))


def text_message(name: str, array: NDArray[Any]) -> str:
    """Return the message about an array of texts where numbers are expected."""
    first = array.reshape(-1)[:1].tolist()[0]
    advice = "Number the values, np.unique(values, return_inverse=True)[1], or pass them to keras.layers.StringLookup"
    with contextlib.suppress(ValueError):
        float(first)
        advice = "Convert it, .astype('float32')"
    return f"Expected {name} to be numbers, received text such as {one_line(first)}. {advice}."


def check_probabilities(labels: NDArray[Any], counted: NDArray[np.bool_] | None = None, name: str = "y") -> None:
    """Raise if labels of a binary crossentropy are outside 0 to 1 by more than rounding; NaN passes.

    Args:
        labels: numbers of any shape with samples first.
        counted: which of them count; by default all.
        name: name of the array in messages.

    Raises:
        DataError: names the first such label and its row.
    """
    labels = np.atleast_1d(labels)
    if labels.dtype.kind not in "iuf" or labels.size == 0 or (labels.min() >= 0 and labels.max() <= 1):
        return
    invalid = (labels < -_ROUNDING) | (labels > 1 + _ROUNDING)
    invalid &= True if counted is None else counted
    if invalid.any():
        raise DataError(
            f"{name} contains the label {labels[invalid][0]} in row {_first_row(invalid)}{_more(invalid)}: a binary "
            "crossentropy of probabilities takes numbers from 0 to 1. Scale the labels, or choose another loss."
        )


def check_indices(indices: NDArray[Any], size: int, layer: str, name: str = "x") -> None:
    """Raise if indices of an embedding are outside its table.

    Args:
        indices: numbers of any shape with samples first; an embedding drops their fractions.
        size: rows of the table; indices run from 0 to size - 1, and as in Keras those from -size on count from its end.
        layer: name of the embedding.
        name: name of the array in messages.

    Raises:
        DataError: names the first wrong index and its row, the number of wrong ones, and the allowed range.
    """
    if indices.dtype.kind not in "iuf" or indices.size == 0 or (indices.min() >= -size and indices.max() < size):
        return
    invalid = np.atleast_1d(~((indices >= -size) & (indices < size)))
    if indices.dtype.kind == "f":
        invalid &= np.isfinite(np.atleast_1d(indices))
    if invalid.any():
        first = np.atleast_1d(indices)[invalid][0]
        raise DataError(
            f"{name} contains the index {int(first)} in row {_first_row(invalid)}{_more(invalid)}: the Embedding "
            f"{layer!r} takes whole numbers from 0 to {size - 1}. Number the entries from 0, or raise its input_dim."
        )


def check_finite(array: NDArray[Any], name: str) -> None:
    """Raise if an array contains NaN or infinity.

    Args:
        array: numbers of any dtype and shape, with samples first.
        name: name of the array in messages.

    Raises:
        DataError: states how many there are of each, and the first row with one.
    """
    message = nonfinite_message(array, name)
    if message:
        raise DataError(f"{message}, where finite numbers are expected: fix or remove these rows.")


def nonfinite_message(array: NDArray[Any], name: str) -> str | None:
    """Return which numbers of an array are NaN or infinite, as part of a sentence; None if all are finite.

    Args:
        array, name: as for `check_finite`.
    """
    array = np.atleast_1d(array)
    if array.dtype.kind != "f":
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.add.reduce(array, axis=None)):  # as soon as one number is not, nor is the sum
            return None
    finite = np.isfinite(array)
    if finite.all():
        return None
    return (
        f"{name} contains {np.isnan(array).sum()} NaN and {np.isinf(array).sum()} infinite values, the first in row "
        f"{_first_row(~finite)}"
    )


def _whole_number(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return `value` as an int, or raise ArgumentError if it is not a whole number from `low` to `high`."""
    if _is_whole(value):
        number: int = int(value)  # type: ignore[call-overload]
        if low <= number and (high is None or number <= high):
            return number
    allowed = f"of {low} or more" if high is None else f"from {low} to {high}"
    raise ArgumentError(f"{name} must be a whole number {allowed}; received {one_line(value)}.")


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _invalid_labels_message(
    labels: NDArray[Any], invalid: NDArray[np.bool_], classes: int, ignore_class: int | None, name: str
) -> str:
    ignored = "" if ignore_class is None else f" (or {ignore_class}, which is ignored)"
    first = labels[invalid][0]
    advice = " or widen the last layer"
    if first < 0:
        advice = f"; to leave samples out, pass ignore_class={first:g} to the loss, or a sample_weight of 0"
    return (
        f"{name} contains the label {first} in row {_first_row(invalid)}{_more(invalid)}: the model's {classes} "
        f"outputs take whole numbers from 0 to {classes - 1}{ignored}. Number the classes from 0{advice}."
    )


def _more(invalid: NDArray[np.bool_]) -> str:
    count = np.count_nonzero(invalid)
    return "" if count == 1 else f", and {count - 1} more like it"


def _first_row(invalid: NDArray[np.bool_]) -> int:
    """Return the sample of the first wrong value."""
    return int(np.argmax(invalid)) // (invalid.size // len(invalid))
