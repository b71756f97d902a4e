"""Load the model and the data that a `Source` names. This is the only place where a command does it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasbridge import saving
from kerasbridge.checks import check_labels
from kerasbridge.errors import ArgumentError, DataError, DataFileError
from kerasbridge.files import npy
from kerasbridge.files.budget import reading
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.random import generator
from kerasbridge.subjects import forms, images, script, table
from kerasbridge.subjects.forms import Form
from kerasbridge.subjects.inspection import in_structure, inspect
from kerasbridge.subjects.source import Source, kind_of
from kerasbridge.subjects.spec import ONE_HOT, ModelSpec
from kerasbridge.subjects.subject import Subject

_PAIRS = (("x", "y"), ("x_train", "y_train"))
_VALIDATION_PAIRS = (("x_val", "y_val"), ("x_test", "y_test"))
_PURPOSE = "validation rows"


def load(source: Source, seed: int = 0) -> Subject:
    """Load a model and its data, and set aside the rows to validate on.

    Args:
        source: what to load.
        seed: chooses the rows that are set aside.

    Raises:
        ArgumentError, InvalidFileError: the script or the file contains no model.
        DataError: the data cannot be read, or does not fit the model.
    """
    subject = load_model(source)
    if source.data:
        subject = load_data(subject, source)
    return split_rows(subject, source.split, seed)


def load_model(source: Source) -> Subject:
    """Load a model, and what its script returns with it.

    Raises:
        ArgumentError, InvalidFileError: the script or the file contains no model.
    """
    return script.read(source.script) if source.script else Subject(from_file(source.model))


def from_file(path: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Load the model of a .keras file.

    Args:
        path: the file.
        custom_objects: custom classes and functions, by the names that the file uses.

    Raises:
        ArgumentError: the file contains no model, or one with layers that are not known here.
    """
    try:
        return saving.load_model(path, dict(custom_objects or {}))
    except Exception as error:
        first_line = str(error).strip().partition("\n")[0]
        reason = first_line if path in first_line else f"{path} cannot be loaded: {first_line}"
        if "locate" in reason or "ambda" in reason:
            reason += " The code of custom layers is in a script: --script FILE.py:FUNCTION, which returns the model."
        raise ArgumentError(reason) from error


def load_data(subject: Subject, source: Source, form: Form | None = None) -> Subject:
    """Return the subject with the data of a source and its validation data, in the form of earlier data if given."""
    x, y, form, validation = read_data(subject.model, source.data, source.target, form)
    if source.validation:
        validation = read_data(subject.model, source.validation, source.target, form)[:2]
    return replace(subject, x=x, y=y, form=form, validation=validation)


def split_rows(subject: Subject, fraction: float, seed: int) -> Subject:
    """Return the subject with a fraction of its rows as validation data, unless it has some; the seed chooses them.

    Raises:
        DataError: there are too few rows, or the data has no rows to choose from, such as batches.
    """
    if subject.validation is not None or not fraction or subject.x is None:
        return subject
    arrays = leaves((subject.x, subject.y))
    if not all(hasattr(array, "__array__") and hasattr(array, "shape") for array in arrays):
        raise DataError(
            f"Expected arrays for --validation-split, received {type(subject.x).__name__}. Return the validation data "
            "from the script: (model, x, y, validation_data)."
        )
    rows = int(arrays[0].shape[0])
    count = round(rows * fraction)
    if count in (0, rows):
        raise DataError(
            f"Expected rows to train and to validate on, received {rows} in all. Type --validation-split 0."
        )
    order = generator.permutation(generator.fold_in(seed, _PURPOSE), 0, rows)
    chosen, kept = np.sort(order[:count]), np.sort(order[count:])
    x, y = (map_tensors(lambda leaf: np.asarray(leaf)[kept], part) for part in (subject.x, subject.y))
    validation = tuple(map_tensors(lambda leaf: np.asarray(leaf)[chosen], part) for part in (subject.x, subject.y))
    return replace(subject, x=x, y=y, validation=validation)


def read_data(
    model: Any, path: str, target: str = "", form: Form | None = None
) -> tuple[Any, Any, Form, tuple[Any, Any] | None]:
    """Read a file or folder of data in the form that a model takes.

    Args:
        model: the model.
        path: an .npz or .csv file, or a folder of images.
        target: what the model predicts.
        form: how earlier data was prepared, to prepare this in the same way; None to decide it.

    Returns:
        x, y, the form, and (x, y) to validate on if an .npz file contains them.

    Raises:
        DataError: the data cannot be read, or does not fit the model.
    """
    spec, kind = inspect(model), kind_of(path)
    if kind != "arrays" and len(getattr(model, "outputs", None) or []) > 1:
        raise DataError(
            f"Expected a model with one output for {path}, received {len(model.outputs)}. Return the data from a "
            "script: --script FILE.py:FUNCTION."
        )
    if form is not None and form.kind != kind:
        raise ArgumentError(f"Expected data of the kind {form.kind!r}, as in the training; received {path}, {kind}.")
    if kind == "table":
        rows = table.read(path)
        form = form or forms.of_table(rows, target, spec)
        x = in_structure(model, forms.inputs_of_table(rows, form, spec))
        return x, forms.targets_of_table(rows, form, spec), form, None
    if kind == "images":
        folder = images.find(path)
        form = form or forms.of_images(folder, spec)
        x = forms.scaled(images.read(folder.files, form.size), form, spec)
        return x, forms.targets_of_images(folder, form, spec), form, None
    arrays = read_arrays(path)
    form = form or Form("arrays", target=target, divided_by=_divisor_of(arrays, spec))
    if form.target:
        return *_by_name(model, arrays, form, path, spec), form, None
    return *_pair(arrays, form, spec, path, _PAIRS), form, _pair(arrays, form, spec, path, _VALIDATION_PAIRS, False)


def read_inputs(model: Any, path: str, form: Form) -> Any:
    """Read the inputs alone of a file of data, as for `read_data`; targets in it are left out."""
    spec, kind = inspect(model), kind_of(path)
    if kind == "table" and form.kind == "table":
        rows = table.read(path)
        form = form if form.columns else forms.of_table_without_target(rows, spec)
        return in_structure(model, forms.inputs_of_table(rows, form, spec))
    if kind != "arrays" or form.kind != "arrays":
        raise ArgumentError(f"Expected data of the kind {form.kind!r}, as in the training; received {path}, {kind}.")
    arrays = read_arrays(path)
    names = [each.name for each in spec.inputs]
    if all(name in arrays for name in names):
        return in_structure(model, {name: _grey(arrays[name], form) for name in names})
    x = next((arrays[name] for name in ("x", "x_test", "x_train") if name in arrays), None)
    if x is None and len(arrays) != 1:
        raise DataError(f"Expected an array x in {path}; it contains {table.listed(arrays)}.")
    return _grey(next(iter(arrays.values())) if x is None else x, form)


def read_arrays(path: str) -> dict[str, Any]:
    """Return the arrays of an .npz file by name; that of an .npy file is x.

    Raises:
        DataFileError: the file cannot be read.
    """
    with reading(DataFileError, path):
        try:
            arrays = npy.read_file(Path(path))
        except (OSError, ValueError) as error:
            raise DataFileError(f"Expected an .npz file with x and y, received {path}: {error}.") from error
    return arrays if isinstance(arrays, dict) else {"x": arrays}


def _pair(
    arrays: Mapping[str, Any],
    form: Form,
    spec: ModelSpec,
    path: str,
    pairs: Sequence[tuple[str, str]],
    required: bool = True,
) -> Any:
    for x, y in pairs:
        if x in arrays and y in arrays:
            return _grey(arrays[x], form), _targets(arrays[y], spec)
    if required:
        raise DataError(
            f"Expected {path} to contain x and y, or x_train and y_train; it contains "
            f"{table.listed(arrays) or 'nothing'}."
        )
    return None


def _by_name(model: Any, arrays: Mapping[str, Any], form: Form, path: str, spec: ModelSpec) -> tuple[Any, Any]:
    """Return the arrays that have the names of the inputs, or the only other one, and the target."""
    if form.target not in arrays:
        raise DataError(f"Expected an array {form.target!r} in {path}; it contains {table.listed(arrays)}.")
    others = [name for name in arrays if name != form.target]
    names = {each.name: each.name for each in spec.inputs}
    if len(names) == 1 and len(others) == 1:
        names = dict.fromkeys(names, others[0])
    missing = [name for name in names.values() if name not in others]
    if missing:
        raise DataError(
            f"Expected an array in {path} for each input of the model, which takes {table.listed(missing)}; it "
            f"contains {table.listed(arrays)}."
        )
    x = {name: _grey(arrays[array], form) for name, array in names.items()}
    return in_structure(model, x), _targets(arrays[form.target], spec)


def _divisor_of(arrays: Mapping[str, Any], spec: ModelSpec) -> int:
    return forms.divisor(spec) if any(array.dtype == np.uint8 for array in arrays.values()) else 1


def _grey(array: Any, form: Form) -> Any:
    return array / np.float64(form.divided_by) if array.dtype == np.uint8 and form.divided_by != 1 else array


def _targets(labels: Any, spec: ModelSpec) -> Any:
    """Return class numbers as rows of the identity matrix if the loss takes those; anything else is unchanged."""
    if spec.targets == ONE_HOT and labels.ndim == 1 and labels.dtype.kind in "iu" and spec.outputs:
        check_labels(labels, spec.outputs)
        return np.eye(spec.outputs)[labels]
    return labels


def leaves(nest: Any) -> list[Any]:
    """Return the arrays of a nest."""
    found: list[Any] = []
    map_tensors(found.append, nest)
    return found
