"""Each invalid training input raises one sentence, whose text is tested."""

import numpy as np
import pytest

from kerasbridge import checks
from kerasbridge.errors import ArgumentError, DataError


def message(error, check, *arguments, **keywords):
    with pytest.raises(error) as caught:
        check(*arguments, **keywords)
    return str(caught.value)


def test_unequal_lengths_name_both_arrays():
    assert message(DataError, checks.check_lengths, {"x": 100, "sample_weight": 100, "y": 90}) == (
        "x has 100 rows but y has 90: every array needs one row per sample."
    )


@pytest.mark.parametrize("named", [{}, {"x": 3}, {"x": 3, "y": 3}, {"x": 0, "y": 0}])
def test_equal_lengths_pass(named):
    checks.check_lengths(named)


def test_an_empty_array_is_named():
    assert message(DataError, checks.check_not_empty, {"x": 5, "y": 0}) == (
        "y has 0 rows, at least 1 is needed: look at the file or the selection it came from."
    )


@pytest.mark.parametrize("batch_size", [0, -1, 32.0, "32", None, True, np.bool_(True), np.float32(8)])
def test_a_batch_size_must_be_a_positive_integer(batch_size):
    assert message(ArgumentError, checks.check_batch_size, batch_size, rows=100) == (
        f"batch_size must be a whole number of 1 or more; received {batch_size!r}."
    )


@pytest.mark.parametrize("batch_size", [1, 100, np.int64(32)])
def test_batch_sizes_up_to_the_whole_data_pass(batch_size):
    checks.check_batch_size(batch_size, rows=100, strict=True)


def test_fit_accepts_a_batch_larger_than_the_data_but_the_command_line_rejects_it():
    checks.check_batch_size(101, rows=100)
    assert message(ArgumentError, checks.check_batch_size, 101, rows=100, strict=True) == (
        "batch_size is 101 but the data has 100 rows: give a number from 1 to 100."
    )


@pytest.mark.parametrize(("epochs", "initial_epoch"), [(5, 0), (0, 0), (5, 5), (3, 7), (np.int32(5), np.int64(2))])
def test_epochs_that_keras_takes_pass(epochs, initial_epoch):
    checks.check_epochs(epochs, initial_epoch)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((-1, 0), "epochs must be a whole number of 0 or more; received -1."),
        ((2.5, 0), "epochs must be a whole number of 0 or more; received 2.5."),
        ((5, -2), "initial_epoch must be a whole number of 0 or more; received -2."),
        ((5, False), "initial_epoch must be a whole number of 0 or more; received False."),
    ],
)
def test_fractional_and_negative_epochs_are_rejected(arguments, expected):
    assert message(ArgumentError, checks.check_epochs, *arguments) == expected


@pytest.mark.parametrize("split", [0, 0.0, 0.2, 0.999, np.float32(0.5)])
def test_a_validation_split_below_1_passes(split):
    checks.check_validation_split(split)


@pytest.mark.parametrize("split", [1, 1.0, -0.1, float("nan"), "0.1", True, None])
def test_another_validation_split_is_rejected(split):
    assert message(ArgumentError, checks.check_validation_split, split) == (
        f"validation_split must be a number from 0 up to, but not including, 1; received {split!r}. "
        "Pass 0.1 to validate on the last tenth of the data."
    )


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, np.uint32(2**32 - 1)])
def test_a_seed_of_32_bits_passes(seed):
    checks.check_seed(seed)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, None, "7", True])
def test_another_seed_is_rejected(seed):
    assert message(ArgumentError, checks.check_seed, seed) == (
        f"seed must be a whole number from 0 to 4294967295; received {seed!r}."
    )


def test_a_label_out_of_range_is_named_with_its_row_and_the_range():
    assert message(DataError, checks.check_labels, np.array([0, 9, 3, 12, 10]), classes=10) == (
        "y contains the label 12 in row 3, and 1 more like it: the model's 10 outputs take whole numbers from 0 to 9. "
        "Number the classes from 0 or widen the last layer."
    )


def test_labels_numbered_from_1_are_rejected():
    assert "the label 3 in row 2:" in message(DataError, checks.check_labels, np.array([1, 2, 3]), 3)


def test_the_message_names_the_array_and_the_ignored_class():
    assert message(DataError, checks.check_labels, np.array([-1, -2]), 3, ignore_class=-1, name="mask") == (
        "mask contains the label -2 in row 1: the model's 3 outputs take whole numbers from 0 to 2 "
        "(or -1, which is ignored). Number the classes from 0; to leave samples out, pass ignore_class=-2 to the loss, "
        "or a sample_weight of 0."
    )


def test_the_row_of_a_label_is_its_sample_also_in_label_maps():
    labels = np.zeros((6, 4, 4), dtype=np.uint8)
    labels[4, 2, 1] = 7
    assert "the label 7 in row 4:" in message(DataError, checks.check_labels, labels, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.5, -1.0, 3.0])
def test_a_fractional_label_is_rejected(bad):
    assert f"the label {bad} in row 1:" in message(DataError, checks.check_labels, np.array([0.0, bad, 2.0]), 3)


def test_labels_that_are_not_numbers_are_rejected():
    assert message(DataError, checks.check_labels, np.array(["cat", "dog"]), 2).startswith(
        "Expected y to be numbers, received text such as 'cat'. Number the values, "
    )


@pytest.mark.parametrize(
    ("labels", "ignore_class"),
    [
        (np.array([0, 1, 2]), None),
        (np.array([0.0, 2.0], dtype=np.float32), None),
        (np.array([[0], [2]], dtype=np.uint8), None),
        (np.array([True, False]), None),
        (np.array([0, -1, 2]), -1),
        (np.array([0.0, 255.0]), 255),
        (np.array([], dtype=np.int64), None),
    ],
)
def test_class_numbers_of_any_type_and_the_ignored_class_pass(labels, ignore_class):
    checks.check_labels(labels, classes=3, ignore_class=ignore_class)


def test_nan_and_infinity_are_counted_and_their_first_row_named():
    images = np.zeros((5, 2, 2), dtype=np.float32)
    images[3] = np.nan
    images[4, 0, 0] = -np.inf
    assert message(DataError, checks.check_finite, images, "x") == (
        "x contains 4 NaN and 1 infinite values, the first in row 3, where finite numbers are expected: "
        "fix or remove these rows."
    )


@pytest.mark.parametrize("array", [np.ones((2, 3)), np.arange(4), np.array([], dtype=np.float32), np.array(1.0)])
def test_finite_arrays_pass(array):
    checks.check_finite(array, "x")
