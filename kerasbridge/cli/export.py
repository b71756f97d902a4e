"""`kerasbridge export`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kerasbridge.cli.app import app, errors_in_one_line, spinner
from kerasbridge.cli.options import Backend, Device, Json, Quiet

if TYPE_CHECKING:
    from kerasbridge.exporters import ExportResult

FORMATS = ("onnx", "tf_saved_model", "litert", "openvino", "torch", "stablehlo")


@app.command("export", epilog="Example: kerasbridge export runs/first -o first.onnx")
def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras file, or a run's folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PATH", help="Where it is saved.")],
    target: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="onnx|tf_saved_model|litert|openvino|torch|stablehlo",
            help="Else what PATH ends in says.",
        ),
    ] = None,
    example: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npy|FILE.npz", help="A batch to check it on; else numbers are drawn."),
    ] = None,
    tolerance: Annotated[float, typer.Option(help="How far outputs may differ, of the largest.")] = 1e-5,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is at PATH.")] = False,
    backend: Backend = None,
    device: Device = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a model in a format of deployment, and check that the file computes what the model does.

    PATH ends in .onnx, .tflite (litert), .xml (openvino), .pt2 (torch) or .stablehlo; one without a suffix is the
    folder of a tf_saved_model. Where another backend has to write the file, it does so in a process of its own. The
    outputs are held beside the model's in the format's own runtime before the file is put in place.
    """
    with errors_in_one_line(quiet):
        import kerasbridge as kb
        from kerasbridge import exporters

        exporters.check(output, target, tolerance=tolerance, overwrite=overwrite)
        with spinner("Exporting the model …", silent=as_json or quiet):
            opened = _opened(model, backend, device)
            batch = None if example is None else _example(example)
            found = kb.export(opened, output, target, example=batch, tolerance=tolerance, overwrite=overwrite)
    _print(found, as_json, quiet)


def _opened(path: Path, backend: str | None, device: str | None) -> Any:
    """The model of a .keras file, or of a run's folder."""
    from kerasbridge import engines, runs
    from kerasbridge.errors import ArgumentError
    from kerasbridge.runtime import backend as choice

    run = runs.load(path) if path.is_dir() else None
    if run is None and not path.is_file():
        raise ArgumentError(f"Expected MODEL to be a .keras file or a run's folder, received {path}, which is neither.")
    choice.configure(backend, device)
    engines.current()
    from kerasbridge import saving

    if run is not None:
        return run.load_model()
    try:
        return saving.load_model(path)
    except Exception as error:  # of a file that may hold anything
        raise ArgumentError(f"Expected MODEL to be a .keras file, received {path}: {error}") from error


def _example(path: Path) -> Any:
    """The array of a file, or several by name."""
    import numpy as np

    from kerasbridge.errors import DataError

    try:
        read = np.load(path, allow_pickle=False)
        arrays = read if isinstance(read, np.ndarray) else dict(read)
    except Exception as error:  # of a file that may hold anything
        raise DataError(f"Expected --example to be a file of NumPy arrays, received {path}: {error}") from error
    return next(iter(arrays.values())) if isinstance(arrays, dict) and len(arrays) == 1 else arrays


def _print(found: "ExportResult", as_json: bool, quiet: bool) -> None:
    if as_json:
        print(json.dumps(found.as_dict()))
    elif not quiet:
        print(found)
