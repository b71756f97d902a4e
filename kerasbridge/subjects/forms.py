"""The form in which data becomes inputs and targets of a model; later data is prepared by the form in its run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from kerasbridge.errors import DataError, RunFileError
from kerasbridge.files.json_fields import check_fields
from kerasbridge.subjects import targets
from kerasbridge.subjects.images import ImageFolder
from kerasbridge.subjects.spec import NUMBERS, InputSpec, ModelSpec
from kerasbridge.subjects.table import Table, listed

GREY_LEVELS = 255
Inputs = dict[str, Any]


@dataclass(frozen=True)
class Form:
    """The form in which data becomes the inputs and targets of a model.

    Attributes:
        kind: "table", "images", or "arrays" for those of a file or a script.
        columns: of a table, the columns of each input of the model, by its name.
        categories: of a table, the categories of each column of text, in the order of their numbers, from 1; 0 is any
            other text.
        size: of images, height, width and channels.
        divided_by: what images are divided by: 255, or 1 if the model scales them.
        target: the column or array that the model predicts.
        classes: the names of the classes, in the order of their numbers; None if the targets are numbers.
    """

    kind: str = "arrays"
    columns: dict[str, list[str]] = field(default_factory=dict)
    categories: dict[str, list[str]] = field(default_factory=dict)
    size: list[int] = field(default_factory=list)
    divided_by: int = 1
    target: str = ""
    classes: list[str] | None = None

    def summary(self) -> list[str]:
        """Return phrases for people to read: what the inputs take, and what is predicted."""
        phrases = []
        columns = [name for names in self.columns.values() for name in names]
        if columns:
            marked = (f"{name} ({len(self.categories[name])} categories)" if name in self.categories else name
                      for name in columns)  # fmt: skip
            phrases.append(f"from {listed(marked)}")
        if self.size:
            height, width, channels = self.size
            divided = " divided by 255" if self.divided_by != 1 else ""
            phrases.append(
                f"images of {height}x{width} pixels, {channels} channel{'s' * (channels > 1)}, from 0 to 255{divided}"
            )
        if self.target or self.classes:
            classes = f" ({listed(self.classes)})" if self.classes else ""
            phrases.append(f"to predict {self.target or 'the class'}{classes}")
        return phrases

    def as_dict(self) -> dict[str, Any]:
        """Return the form as JSON data."""
        return asdict(self)


def from_dict(values: Any, folder: object) -> Form:
    """Return the form that a run folder records.

    Raises:
        RunFileError: it is damaged.
    """
    try:
        if not isinstance(values, Mapping):
            raise ValueError("it is not an object")
        return Form(**check_fields(Form, values))
    except ValueError as error:
        raise RunFileError(
            f"The form of the data in {folder}/config.json is damaged, {error}: train the run again."
        ) from error


def of_table(table: Table, target: str, spec: ModelSpec) -> Form:
    """Decide which columns each input takes, which columns have categories, and which classes there are.

    An input of one column that has the name of a column takes it; an input of another name takes all that remain, in
    the order of the table. Text is a category where the input takes whole numbers.

    Raises:
        DataError: a column is missing, or the number of columns or classes is not that of the model.
    """
    if not target:
        raise DataError(f"Expected the column that the model predicts, --target with one of: {table.names}.")
    if target not in table.columns:
        raise DataError(
            f"Expected --target to be a column of {table.name}, received {target!r}; they are {table.names}."
        )
    columns = _columns(table, target, spec)
    categories = {
        name: targets.in_order([cell for cell in table.column(name) if cell])
        for each in spec.inputs
        if each.takes_whole_numbers
        for name in columns[each.name]
        if table.has_text(name)
    }
    classes = targets.classes_of(table.column(target), spec, _where(table, target))
    return Form("table", columns, categories, target=target, classes=classes)


def of_table_without_target(table: Table, spec: ModelSpec) -> Form:
    """Decide which columns each input takes, for a model without a record of its training: all of numbers.

    Raises:
        DataError: a column is missing, or the number of columns is not that of the model.
    """
    return Form("table", _columns(table, "", spec))


def of_images(folder: ImageFolder, spec: ModelSpec) -> Form:
    """Decide the size of the images, what they are divided by, and the classes.

    Raises:
        DataError: the model takes no images of a fixed size, or has another number of classes.
    """
    if spec.targets == NUMBERS:
        raise DataError(
            f"Expected a model with a crossentropy for the classes of {folder.name}, received one with the loss "
            f"{spec.loss or 'None'}."
        )
    targets.check_classes(folder.classes, spec, f"the folders of {folder.name}")
    return Form("images", size=image_size(spec, folder.name), divided_by=divisor(spec), classes=folder.classes)


def image_size(spec: ModelSpec, name: str) -> list[int]:
    """Return height, width and channels of the images that a model takes.

    Raises:
        DataError: it takes something else.
    """
    shape = spec.inputs[0].shape if len(spec.inputs) == 1 else ()
    size = [*shape, 1] if len(shape) == 2 else [*shape]
    if len(size) != 3 or size[2] not in (1, 3, 4) or None in size:
        raise DataError(
            f"Expected a model that takes images for {name}, with an input such as keras.Input((64, 64, 3)); received "
            f"one that takes shape {shape}."
        )
    return [int(length) for length in size if length is not None]


def divisor(spec: ModelSpec) -> int:
    """Return what grey levels from 0 to 255 are divided by: nothing if the model scales them or takes whole numbers."""
    return 1 if spec.scales or any(each.takes_whole_numbers for each in spec.inputs) else GREY_LEVELS


def inputs_of_table(table: Table, form: Form, spec: ModelSpec) -> Inputs:
    """Return the inputs of a model, by name, for the rows of a table.

    Raises:
        DataError: a column is missing, or a cell is not a number.
    """
    return {each.name: _input(table, form, each) for each in spec.inputs}


def targets_of_table(table: Table, form: Form, spec: ModelSpec) -> Any:
    """Return the targets for the rows of a table.

    Raises:
        DataError: the column is missing, a cell is not a number, or its class is unknown.
    """
    return targets.numbers_of(table.column(form.target), form.classes, spec, _where(table, form.target))


def targets_of_images(folder: ImageFolder, form: Form, spec: ModelSpec) -> Any:
    """Return the classes of the images in a folder, as the loss takes them.

    Raises:
        DataError: a folder has the name of no class of the form.
    """
    return targets.numbers_of(folder.labels, form.classes, spec, f"the folders of {folder.name}")


def scaled(levels: Any, form: Form, spec: ModelSpec) -> Any:
    """Return grey levels divided as the form states, in the shape that the model takes: without channels if need be."""
    without_channels = len(spec.inputs[0].shape) == 2 and levels.ndim == 4
    levels = levels[..., 0] if without_channels else levels
    return levels if form.divided_by == 1 else levels / np.float32(form.divided_by)


def _where(table: Table, target: str) -> str:
    return f"the column {target!r} of {table.name}"


def _columns(table: Table, target: str, spec: ModelSpec) -> dict[str, list[str]]:
    names = [name for name in table.columns if name != target]
    columns = {each.name: [each.name] for each in spec.inputs if each.name in names and each.width == 1}
    others = [each for each in spec.inputs if each.name not in columns]
    rest = [name for name in names if name not in columns]
    missing = [each.name for each in others if len(spec.inputs) > 1 and each.width == 1] or [
        each.name for each in others[1:]
    ]
    if missing:
        raise DataError(
            f"Expected a column in {table.name} for each input of the model, which takes {listed(missing)} too; its "
            f"columns are {table.names}."
        )
    for each in others:
        columns[each.name] = rest
        _check_width(table, each, rest)
    return columns


def _check_width(table: Table, each: InputSpec, columns: Sequence[str]) -> None:
    if len(each.shape) > 1:
        raise DataError(
            f"Expected a model that takes rows of {table.name}, received one that takes arrays of shape {each.shape}. "
            "Return the data from a script: --script FILE.py:FUNCTION."
        )
    if each.width is not None and each.width != len(columns):
        raise DataError(
            f"Expected {each.width} columns, as the model takes, next to the target in {table.name}; received "
            f"{len(columns)} ({listed(columns)}). Remove columns, or name the inputs of the model after them."
        )


def _input(table: Table, form: Form, each: InputSpec) -> Any:
    columns = form.columns.get(each.name)
    if not columns:
        raise DataError(f"Expected a form with columns for the input {each.name!r} of the model: train the run again.")
    if each.dtype == "string":
        values = [np.array(table.column(name), object) for name in columns]
    else:
        values = [_column(table, form, name, each) for name in columns]
    return values[0] if not each.shape else np.stack(values, axis=1)


def _column(table: Table, form: Form, name: str, each: InputSpec) -> Any:
    if name in form.categories:
        number = {category: index for index, category in enumerate(form.categories[name], 1)}
        return np.array([number.get(targets.label(cell), 0) for cell in table.column(name)], np.int32)
    if not each.takes_whole_numbers:
        return table.numbers(
            name, f'For categories, give the model an input keras.Input((1,), dtype="int32", name={name!r}).'
        )
    numbers = table.numbers(name, "The training had numbers there.")
    if (broken := numbers != np.floor(numbers)).any():
        row = int(np.argmax(broken))
        raise DataError(
            f"Expected whole numbers in the column {name!r} of {table.name}, as an input of dtype {each.dtype} takes; "
            f"received {numbers[row]:g} in row {row + 1}."
        )
    return numbers.astype(np.int64)
