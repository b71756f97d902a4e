"""`kerasbridge import`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kerasbridge.cli.app import app, errors_in_one_line, spinner
from kerasbridge.cli.options import Json, Quiet

if TYPE_CHECKING:
    from kerasbridge.importers.report import Report


@app.command("import", epilog="Example: kerasbridge import lenet.prototxt lenet.caffemodel -o lenet.keras")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The files of one model, in any order.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="MODEL.keras", help="Where the model is saved.")],
    origin: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="As kb.load_legacy names it; else it is found.")
    ] = None,
    onto: Annotated[
        Path | None,
        typer.Option(metavar="MODEL.keras", help="The model that takes them, where files hold weights alone."),
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="LAYER=MODULE", help="With --onto: what a layer takes. May be given many times."),
    ] = None,
    data_format: Annotated[
        str, typer.Option(metavar="channels_last|channels_first", help="The order that images come in.")
    ] = "channels_last",
    flip_kernels: Annotated[
        bool | None, typer.Option(help="Turn the kernels of convolutions in space, or do not, where files do not say.")
    ] = None,
    input_shape: Annotated[
        str | None, typer.Option(metavar="3,224,224", help="What the model takes, where files do not say: C,H,W.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a Keras model of a trained model of another framework.

    Prints which layers were converted, substituted and skipped, and the scaling of the input that the files mention;
    for files that hold weights alone, which arrays each layer of the model takes. No code in the files is run.
    """
    with errors_in_one_line(quiet):
        from kerasbridge.importers import import_model

        _check_place(output)
        with spinner("Reading the files …", silent=as_json or quiet):
            model, report = import_model(
                *files,
                format=origin,
                model=_opened(onto),
                data_format=data_format,
                flip_kernels=flip_kernels,
                input_shape=_shape(input_shape),
                mapping=_mapping(mapped),
            )
            _save(model, output)
        own = _own_layers(model)
    if as_json:
        print(json.dumps({**report.as_dict(), "own_layers": own, "saved": str(output)}))
    elif not quiet:
        _print(report, own, output)


def _check_place(output: Path) -> None:
    from kerasbridge.errors import ArgumentError

    if output.suffix != ".keras" or not output.absolute().parent.is_dir():
        raise ArgumentError(f"Expected --output to be a .keras file in a folder that exists, received {output}.")


def _shape(text: str | None) -> list[int] | None:
    """The sizes in a text: 3,224,224."""
    from kerasbridge.errors import ArgumentError

    if text is None:
        return None
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise ArgumentError(f"Expected --input-shape as 3,224,224, received {text}.") from None


def _opened(path: Path | None) -> Any:
    """The model that takes weights, if one is given."""
    from kerasbridge.errors import ArgumentError

    if path is None:
        return None
    from kerasbridge.saving import load_model

    try:
        return load_model(path)
    except (OSError, ValueError, TypeError) as error:
        words = " ".join(str(error).split())
        raise ArgumentError(f"Expected --onto to be a .keras file, received {path}: {words}") from error


def _mapping(words: list[str] | None) -> dict[str, str | None] | None:
    """LAYER=MODULE by the name of each layer; nothing behind the sign is a layer that keeps its weights."""
    from kerasbridge.errors import ArgumentError

    for word in words or ():
        if not word.partition("=")[0] or "=" not in word:
            raise ArgumentError(f"Expected --map as LAYER=MODULE, for example dense=fc1, received {word!r}.")
    return {word.partition("=")[0]: word.partition("=")[2] or None for word in words} if words else None


def _save(model: Any, output: Path) -> None:
    from kerasbridge.errors import ArgumentError

    try:
        model.save(output)
    except OSError as error:
        raise ArgumentError(f"Expected --output to be a file to write to, received {output}: {error}") from error


def _own_layers(model: Any) -> list[str]:
    """The layers of kerasbridge's that the model has."""
    return [layer.name for layer in model.layers if type(layer).__module__.startswith("kerasbridge.")]


def _print(report: "Report", own: list[str], output: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for heading, text in report.rows():
        if text:
            table.add_row(heading, Text(text))
    console = Console()
    console.print(table)
    if own:
        console.print(
            f"Layers of kerasbridge's own: {', '.join(own)}. Before opening it: import kerasbridge.layers",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    console.print(f"Saved in {output}", highlight=False, markup=False, soft_wrap=True)
