"""Targets: the classes of a column, of the folders of images or of an array, as the loss of a model takes them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.errors import DataError
from kerasbridge.subjects.spec import BINARY, NUMBERS, ONE_HOT, ModelSpec
from kerasbridge.subjects.table import GAP_ADVICE, is_gap, is_number, listed, shown


def classes_of(values: Sequence[str], spec: ModelSpec, where: str) -> list[str] | None:
    """Return the names of the classes by number, or None if the targets are numbers.

    Whole numbers from 0 that the outputs can count are their own numbers. Other values are numbered in their order.

    Args:
        values: the targets.
        spec: the model.
        where: what contains them, for messages: "the column 'kind' of table.csv".

    Raises:
        DataError: the number of classes is not that of the outputs of the model.
    """
    if spec.targets == NUMBERS:
        return None
    _check_no_gaps(values, where)
    names = in_order(values)
    if spec.targets == BINARY and all(is_number(name) and 0 <= float(name) <= 1 for name in names):
        return None
    if spec.targets != BINARY and all(name.isdecimal() and int(name) < (spec.outputs or len(names)) for name in names):
        return [str(number) for number in range(spec.outputs or len(names))]
    check_classes(names, spec, where)
    return names


def check_classes(names: Sequence[str], spec: ModelSpec, where: str) -> None:
    """Raise a DataError unless the model has as many outputs as there are classes."""
    if spec.targets == BINARY and spec.outputs not in (1, None):
        raise DataError(
            f"Expected targets for {spec.outputs} outputs with the loss {spec.loss}, received {where} alone. Return "
            "them from a script: --script FILE.py:FUNCTION."
        )
    wanted = 2 if spec.targets == BINARY else spec.outputs or len(names)
    if len(names) != wanted:
        advice = f"give its last layer {len(names)} units"
        if spec.targets == BINARY:
            advice = f"use {len(names)} outputs and the loss sparse_categorical_crossentropy"
        raise DataError(
            f"Expected {wanted} classes, as the model has outputs for, in {where}; received {len(names)} "
            f"({listed(names)}). If they are right, {advice}."
        )


def in_order(values: Sequence[str]) -> list[str]:
    """Return the different values in their order: of numbers if all are numbers, else of the alphabet.

    >>> in_order(["10", "9", "9.0"]), in_order(["b", "a", "10"])
    (['9', '10'], ['10', 'a', 'b'])
    """
    names = set(map(label, values))
    return sorted(names, key=float if all(map(is_number, names)) else None)


def label(value: str) -> str:
    """Return a value without the fraction that a whole number may have."""
    return str(int(float(value))) if value.endswith(".0") and is_number(value) else value


def numbers_of(values: Sequence[str], classes: Sequence[str] | None, spec: ModelSpec, where: str) -> Any:
    """Return targets as the loss of the model takes them.

    Args:
        values: the targets.
        classes: what `classes_of` returned.
        spec: the model.
        where: as for `classes_of`.

    Raises:
        DataError: a target is not a number, or is a class that is unknown; the message names its row.
    """
    if classes is None:
        return _numbers(values, spec, where)
    _check_no_gaps(values, where)
    number = {label(name): index for index, name in enumerate(classes)}
    labels = list(map(label, values))
    for row, name in enumerate(labels, 1):
        if name not in number:
            raise DataError(f"Expected the classes {listed(classes)} in {where}, received {name!r} in row {row}.")
    indices = np.array([number[name] for name in labels], np.int32)
    if spec.targets == ONE_HOT:
        return np.eye(len(classes))[indices]
    return indices[:, None].astype(np.float64) if spec.targets == BINARY else indices


def _numbers(values: Sequence[str], spec: ModelSpec, where: str) -> Any:
    for row, value in enumerate(values, 1):
        if not is_number(value) or not np.isfinite(float(value)):
            advice = (
                "For classes, compile the model with a crossentropy, such as sparse_categorical_crossentropy; its loss "
                f"is {spec.loss or 'not known'}."
            )
            raise DataError(
                f"Expected numbers in {where}, received {shown(value)} in row {row}. "
                f"{GAP_ADVICE if is_gap(value) else advice}"
            )
    return np.array(values, object).astype(np.float64)[:, None]


def _check_no_gaps(values: Sequence[str], where: str) -> None:
    if "" in values:
        raise DataError(
            f"Expected a class in each row of {where}, received an empty cell in row {[*values].index('') + 1}. "
            f"{GAP_ADVICE}"
        )
