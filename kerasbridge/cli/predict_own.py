"""`kerasbridge predict` with a model of the user's: rows of a table, images, arrays."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasbridge.cli import own_run

if TYPE_CHECKING:
    from kerasbridge.cli.own_run import OwnRun
    from kerasbridge.errors import DataError
    from kerasbridge.subjects.forms import Form

_SHOWN = 3
"""The number of classes of which the probability is printed."""


@dataclass(frozen=True)
class OwnPrediction:
    """Prediction of a model for one row or image.

    Attributes:
        input: the image as it was typed, or the row, counted from 1 without the line of names.
        prediction: the most probable class, or the output of the model: a number, or nested lists of numbers.
        probabilities: of each class, by name; None if the model has none.
    """

    input: str | int
    prediction: Any
    probabilities: dict[str, float] | None = None

    def __str__(self) -> str:
        if self.probabilities is None:
            return f"{self._name}: {_short(self.prediction)}"
        best = sorted(self.probabilities.items(), key=lambda item: -item[1])[:_SHOWN]
        return f"{self._name}: {self.prediction}  ({', '.join(f'{name} {value:.1%}' for name, value in best)})"

    @property
    def _name(self) -> str:
        return self.input if isinstance(self.input, str) else f"row {self.input}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers and strings, for JSON."""
        return asdict(self)


def predict(
    path: Path, inputs: Sequence[str], backend: str | None, device: str | None, script: str
) -> "tuple[list[OwnPrediction], list[DataError]]":
    """Predict rows or images; return also the errors of images that cannot be read.

    Args:
        path: the run folder, or a .keras file.
        inputs: what is typed: images, a .csv or .npz file, or the cells of one row, such as "age=42".
        backend, device, script: as for `own_run.load`.

    Raises:
        KerasbridgeError: the model cannot be loaded, or an input is not what it takes.
    """
    own = own_run.load(path, backend, device, script)
    kind = own.form.kind if own.form else _kind(inputs)
    if kind == "images":
        return _predict_images(own, inputs)
    return list(_predict_rows(own, inputs, kind)), []


def _kind(inputs: Sequence[str]) -> str:
    """Return the kind of data that is typed for a .keras file, which has no form."""
    from kerasbridge.files.pictures import SUFFIXES
    from kerasbridge.subjects.source import kind_of

    if Path(inputs[0]).suffix.lower() in SUFFIXES:
        return "images"
    return "table" if _are_cells(inputs) else kind_of(inputs[0])


def _are_cells(inputs: Sequence[str]) -> bool:
    return "=" in inputs[0] and not Path(inputs[0]).exists()


def _predict_rows(own: "OwnRun", inputs: Sequence[str], kind: str) -> Iterator[OwnPrediction]:
    from kerasbridge.errors import ArgumentError
    from kerasbridge.subjects import forms, table
    from kerasbridge.subjects.inspection import in_structure, inspect
    from kerasbridge.subjects.load import read_inputs

    if kind == "table" and not _are_cells(inputs) and (len(inputs) > 1 or not _is_file_name(inputs[0])):
        raise ArgumentError(_expected_cells(own, inputs))
    if kind == "table" and _are_cells(inputs):
        rows, spec = table.of_row(inputs), inspect(own.model)
        form = own.form or forms.of_table_without_target(rows, spec)
        x = in_structure(own.model, forms.inputs_of_table(rows, form, spec))
    elif len(inputs) == 1:
        form = own.form or forms.Form(kind)
        x = read_inputs(own.model, inputs[0], form)
    else:
        raise ArgumentError(f"Expected one file of arrays, received {inputs[0]!r} and {len(inputs) - 1} more.")
    yield from _named(own.model, x, own.form, None)


def _is_file_name(text: str) -> bool:
    from kerasbridge.subjects.table import is_number

    return Path(text).exists() or (bool(Path(text).suffix) and not is_number(text))


def _expected_cells(own: "OwnRun", inputs: Sequence[str]) -> str:
    """Return the message for something else than a file or cells, with the columns that the model takes."""
    import shlex

    form, received = own.form, " ".join(inputs)
    received = received if len(received) <= 60 else f"{received[:60]} …"
    if form is None:
        return f"Expected one file with rows, or the cells of one row as in age=42 city=Oslo; received {received}."
    columns = [name for names in form.columns.values() for name in names]
    cells = (f"{name}={form.categories.get(name, ['1'])[0]}" for name in columns)
    command = shlex.join(["kerasbridge", "predict", str(own.path), *cells])
    return (
        f"Expected one file with rows, or the cells of one row with the columns {', '.join(columns)}; received "
        f"{received}. For example: {command}"
    )


def _predict_images(own: "OwnRun", inputs: Sequence[str]) -> "tuple[list[OwnPrediction], list[DataError]]":
    import numpy as np

    from kerasbridge.errors import DataError
    from kerasbridge.subjects import forms, images
    from kerasbridge.subjects.inspection import inspect

    spec = inspect(own.model)
    form = own.form or forms.Form("images", size=forms.image_size(spec, inputs[0]), divided_by=forms.divisor(spec))
    read, errors = {}, []
    for name in inputs:
        try:
            read[name] = images.read([Path(name)], form.size)
        except DataError as error:
            errors.append(error)
    if not read:
        return [], errors
    x = forms.scaled(np.concatenate([*read.values()]), form, spec)
    return list(_named(own.model, x, form, [*read])), errors


def _named(model: Any, x: Any, form: "Form | None", names: Sequence[str] | None) -> Iterator[OwnPrediction]:
    """Yield the predictions for inputs, with the names of their classes."""
    import numpy as np

    import kerasbridge as kb
    from kerasbridge.errors import ArgumentError, RunFolderError
    from kerasbridge.subjects.inspection import inspect
    from kerasbridge.subjects.scoring import probabilities_of

    outputs = kb.predict(model, x, verbose=0)
    if not hasattr(outputs, "dtype"):
        raise ArgumentError(
            f"Expected a model with one output, received {len(outputs)}. In Python: kb.predict(model, x) returns all."
        )
    if not np.isfinite(outputs).all():
        raise RunFolderError(
            "Expected the model to return numbers, received values that are not finite: its training diverged. Train "
            "another: kerasbridge train."
        )
    probabilities = probabilities_of(outputs, inspect(model))
    for index, output in enumerate(outputs if probabilities is None else probabilities):
        name = names[index] if names else index + 1
        if probabilities is None:
            yield OwnPrediction(name, output.item() if output.size == 1 else output.tolist())
        else:
            classes = form.classes if form and form.classes else [str(number) for number in range(len(output))]
            yield OwnPrediction(name, classes[int(output.argmax())], dict(zip(classes, output.tolist(), strict=False)))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]} … (--json prints all)"
