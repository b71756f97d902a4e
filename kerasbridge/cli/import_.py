"""`kerasbridge import`."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kerasbridge.cli.app import app, errors_in_one_line, spinner
from kerasbridge.cli.options import Json, Quiet

if TYPE_CHECKING:
    from kerasbridge.importers.report import Report


@app.command("import", epilog="Example: kerasbridge import lenet.prototxt lenet.caffemodel -o lenet.keras")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="The files of one model, in any order.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL.keras", help="The file to save the model in.")
    ],
    origin: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="FORMAT", help="The format of the files, as for kb.import_model; default: detected."
        ),
    ] = None,
    onto: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL.keras", help="The model to load the weights into, if the files contain only weights."
        ),
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="LAYER=MODULE",
            help="With --onto: the module of the file to load a layer from, or 'as stored'. Can be repeated.",
        ),
    ] = None,
    data_format: Annotated[
        str, typer.Option(metavar="channels_last|channels_first", help="The axis order of images in the new model.")
    ] = "channels_last",
    flip_kernels: Annotated[
        bool | None, typer.Option(help="Whether to flip convolution kernels, if the files do not define it.")
    ] = None,
    input_shape: Annotated[
        str | None,
        typer.Option(metavar="3,224,224", help="Shape of the input as C,H,W, if the files do not define it."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--inputs",
            metavar="NODE",
            help="For TensorFlow graphs: the name of an input of the new model. Can be repeated.",
        ),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--outputs",
            metavar="NODE",
            help="For TensorFlow graphs: the name of an output of the new model. Can be repeated.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file at MODEL.keras.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Convert a trained model of another framework to Keras.

    Prints the layers that were converted, substituted and skipped, and the scaling of the input that the files define;
    for files that contain only weights, the arrays that each layer of the model takes. No code in the files is run.
    """
    with errors_in_one_line(quiet):
        from kerasbridge.importers import import_with_report
        from kerasbridge.runtime import signals

        _check_output(output, overwrite)
        with spinner("Reading the files …", silent=as_json or quiet):
            model, report = import_with_report(
                *files,
                format=origin,
                model=_load_target(onto),
                data_format=data_format,
                flip_kernels=flip_kernels,
                input_shape=_parse_shape(input_shape),
                mapping=_parse_mapping(mapped),
                inputs=inputs or None,
                outputs=outputs or None,
            )
            signals.check()
            _save(model, output)
        custom_layers = [layer.name for layer in model.layers if type(layer).__module__.startswith("kerasbridge.")]
    if as_json:
        print(json.dumps({**report.as_dict(), "own_layers": custom_layers, "saved": str(output)}))
    elif not quiet:
        _print(report, custom_layers, output)


def _check_output(output: Path, overwrite: bool) -> None:
    from kerasbridge.errors import ArgumentError
    from kerasbridge.runtime import files
    from kerasbridge.runtime.staging import recover_outputs

    if output.suffix != ".keras":
        raise ArgumentError(f"Expected --output to be a .keras file in a folder that exists, received {output}.")
    recover_outputs(_folder_of(output))
    files.check_output(output, overwrite, "--output to be a .keras file")


def _folder_of(output: Path) -> Path:
    """Return the folder of the file that a path names, which may be a link."""
    return Path(os.path.realpath(output)).parent


def _parse_shape(text: str | None) -> list[int] | None:
    """Parse sizes such as "3,224,224"."""
    from kerasbridge.errors import ArgumentError

    if text is None:
        return None
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise ArgumentError(f"Expected --input-shape as 3,224,224, received {text}.") from None


def _load_target(path: Path | None) -> Any:
    """Load the model that the weights are loaded into, if any."""
    from kerasbridge.errors import ArgumentError, InvalidFileError

    if path is None:
        return None
    from kerasbridge.saving import load_model

    try:
        return load_model(path)
    except InvalidFileError as error:
        raise ArgumentError(f"Expected --onto to be a .keras file, received another: {error}") from error


def _parse_mapping(items: list[str] | None) -> dict[str, str | None] | None:
    """Parse LAYER=MODULE items; a layer without a module keeps its weights."""
    from kerasbridge.errors import ArgumentError

    mapping: dict[str, str | None] = {}
    for item in items or ():
        layer, equals, module = item.partition("=")
        if not layer or not equals:
            raise ArgumentError(f"Expected --map as LAYER=MODULE, for example dense=fc1, received {item!r}.")
        mapping[layer] = module or None
    return mapping or None


def _save(model: Any, output: Path) -> None:
    """Save the model next to its path, and move it there once it is complete."""
    from kerasbridge.errors import ArgumentError
    from kerasbridge.runtime import files
    from kerasbridge.runtime.staging import staging_folder

    try:
        with staging_folder(_folder_of(output)) as folder, files.atomic_write(output, folder) as part:
            model.save(part)
    except OSError as error:
        raise ArgumentError(f"Expected --output to be a file to write to, received {output}: {error}") from error


def _print(report: "Report", custom_layers: list[str], output: Path) -> None:
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
    if custom_layers:
        console.print(
            f"Layers of kerasbridge: {', '.join(custom_layers)}. Before loading the model: import kerasbridge.layers",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    console.print(f"Saved in {output}", highlight=False, markup=False, soft_wrap=True)
