"""`kerasbridge predict`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kerasbridge.cli.app import app, errors_in_one_line, print_error, spinner
from kerasbridge.cli.options import Backend, Device, RunFolder

if TYPE_CHECKING:
    from kerasbridge.errors import DataError


@dataclass(frozen=True)
class Prediction:
    """What the model makes of one picture.

    Attributes:
        image: the picture's file, as it was typed.
        digit: the likeliest.
        probabilities: of the ten digits, from 0 to 9.
        pixels: what the model saw, uint8 of shape (28, 28).
    """

    image: str
    digit: int
    probabilities: list[float]
    pixels: Any

    def as_dict(self, with_pixels: bool) -> dict[str, Any]:
        """Plain numbers and texts, for JSON."""
        plain = {"image": self.image, "digit": self.digit, "probabilities": self.probabilities}
        return {**plain, "pixels": self.pixels.tolist()} if with_pixels else plain


@app.command(epilog="Example: kerasbridge predict runs/first photo.jpg --show")
def predict(
    run: RunFolder,
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE", help="PNG, JPEG, GIF, BMP or WebP, one digit in each.")
    ],
    backend: Backend = None,
    device: Device = None,
    show: Annotated[bool, typer.Option("--show", help="Draw what the model saw, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the digits alone, one a line.")] = False,
) -> None:
    """Ask a run's model which digit a picture shows, on any backend.

    The picture may be of any size and colour, dark on light or light on dark, or a photo of paper: the digit is cut out
    and brought to the form of MNIST's images. The exit code is 2 if a picture cannot be read; the others are answered.
    """
    with errors_in_one_line(quiet):
        pictures, refused = _read(images)
    try:
        with errors_in_one_line(quiet), spinner("Asking the model …", silent=as_json or quiet):
            answers = _answers(run, pictures, backend, device) if pictures else []
        _print(answers, show, as_json, quiet)
    finally:
        for error in refused:
            print_error(error)
    if refused:
        raise typer.Exit(2)


def _read(paths: Sequence[Path]) -> "tuple[dict[Path, Any], list[DataError]]":
    """The digits of the pictures that can be read, and what is wrong with the others."""
    from kerasbridge import mnist
    from kerasbridge.errors import DataError

    read, refused = {}, []
    for path in paths:
        try:
            read[path] = mnist.read(path)
        except DataError as error:
            refused.append(error)
    return read, refused


def _answers(run: Path, pictures: dict[Path, Any], backend: str | None, device: str | None) -> list[Prediction]:
    import numpy as np

    from kerasbridge.cli.load_run import load_run, probabilities
    from kerasbridge.errors import RunFolderError

    _, model = load_run(run, backend, device)
    found = probabilities(model, np.stack([*pictures.values()]))
    if not np.isfinite(found).all():
        raise RunFolderError(
            f"Expected the model of {run} to give probabilities, received some that are not finite: its training "
            "diverged. Train another: kerasbridge train."
        )
    return [
        Prediction(str(path), int(row.argmax()), row.tolist(), pixels)
        for (path, pixels), row in zip(pictures.items(), found, strict=True)
    ]


def _print(answers: Sequence[Prediction], show: bool, as_json: bool, quiet: bool) -> None:
    if as_json:
        print(json.dumps([answer.as_dict(with_pixels=show) for answer in answers]))
    elif quiet:
        for answer in answers:
            print(answer.digit)
    else:
        from kerasbridge.cli import terminal_art

        terminal_art.show([(answer.image, answer.probabilities, answer.pixels if show else None) for answer in answers])
