"""`kerasbridge predict`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kerasbridge.cli import predict_own
from kerasbridge.cli.app import app, errors_in_one_line, print_error, spinner
from kerasbridge.cli.options import Backend, Device, RunOrFile, RunScript
from kerasbridge.cli.own_run import is_own

if TYPE_CHECKING:
    from kerasbridge.errors import DataError


@dataclass(frozen=True)
class Prediction:
    """Prediction of a model for one picture.

    Attributes:
        image: the file of the picture, as it was typed.
        digit: the most probable digit.
        probabilities: one for each digit from 0 to 9.
        pixels: the input of the model, uint8 of shape (28, 28).
    """

    image: str
    digit: int
    probabilities: list[float]
    pixels: Any

    def as_dict(self, with_pixels: bool) -> dict[str, Any]:
        """Return plain numbers and strings, for JSON."""
        plain = {"image": self.image, "digit": self.digit, "probabilities": self.probabilities}
        return {**plain, "pixels": self.pixels.tolist()} if with_pixels else plain


@app.command(epilog="Example: kerasbridge predict runs/first photo.jpg --show")
def predict(
    run: RunOrFile,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="Images (PNG, JPEG, GIF, BMP, WebP), FILE.csv, FILE.npz, or cells of a row, as in age=42 city=Oslo.",
        ),
    ],
    backend: Backend = None,
    device: Device = None,
    script: RunScript = "",
    show: Annotated[bool, typer.Option("--show", help="Also draw the digits as the model sees them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the predictions, one per line.")] = False,
) -> None:
    """Predict with the model of a run, or of a .keras file.

    Digits: a picture may have any size and colour, dark on light or light on dark, or be a photo of paper: the digit is
    cut out and converted to the form of MNIST images. Rows, images and arrays for a model of yours are prepared as in
    its training; columns that the model does not take are left out. The exit code is 2 if a picture cannot be read; the
    others are predicted.
    """
    errors: Sequence[DataError] = []
    try:
        with errors_in_one_line(quiet):
            if is_own(run):
                with spinner("Running the model …", silent=as_json or quiet):
                    predicted, errors = predict_own.predict(run, inputs, backend, device, script)
                _print_own(predicted, as_json, quiet)
            else:
                pictures, errors = _read([Path(name) for name in inputs])
                with spinner("Running the model …", silent=as_json or quiet):
                    predictions = _predict(run, pictures, backend, device) if pictures else []
                _print(predictions, show, as_json, quiet)
    finally:
        for error in errors:
            print_error(error)
    if errors:
        raise typer.Exit(2)


def _read(paths: Sequence[Path]) -> "tuple[dict[Path, Any], list[DataError]]":
    """Read the digits of pictures; return also the errors of those that cannot be read."""
    from kerasbridge import mnist
    from kerasbridge.errors import DataError

    digits, errors = {}, []
    for path in paths:
        try:
            digits[path] = mnist.read(path)
        except DataError as error:
            errors.append(error)
    return digits, errors


def _predict(run: Path, pictures: dict[Path, Any], backend: str | None, device: str | None) -> list[Prediction]:
    import numpy as np

    from kerasbridge.cli.load_run import finite_probabilities, load_run

    _, model = load_run(run, backend, device)
    rows = finite_probabilities(run, model, np.stack([*pictures.values()]))
    return [
        Prediction(str(path), int(row.argmax()), row.tolist(), pixels)
        for (path, pixels), row in zip(pictures.items(), rows, strict=True)
    ]


def _print_own(predictions: Sequence[predict_own.OwnPrediction], as_json: bool, quiet: bool) -> None:
    if as_json:
        print(json.dumps([prediction.as_dict() for prediction in predictions]))
        return
    for prediction in predictions:
        print(prediction.prediction if quiet else prediction)


def _print(predictions: Sequence[Prediction], show: bool, as_json: bool, quiet: bool) -> None:
    if as_json:
        print(json.dumps([prediction.as_dict(with_pixels=show) for prediction in predictions]))
    elif quiet:
        for prediction in predictions:
            print(prediction.digit)
    else:
        from kerasbridge.cli import terminal_art

        terminal_art.show([(each.image, each.probabilities, each.pixels if show else None) for each in predictions])
