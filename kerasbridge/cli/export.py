"""`kerasbridge export`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from kerasbridge.cli import own_run
from kerasbridge.cli.app import app, errors_in_one_line, spinner
from kerasbridge.cli.options import Backend, Device, Json, Quiet, RunScript, Timeout

FORMATS = ("onnx", "tf_saved_model", "litert", "openvino", "torch", "stablehlo")


@app.command("export", epilog="Example: kerasbridge export runs/first -o first.onnx")
def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras file or a run folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PATH", help="The file or folder to write.")],
    target: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="onnx|tf_saved_model|litert|openvino|torch|stablehlo",
            help="Default: from the suffix of PATH.",
        ),
    ] = None,
    example: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npy|FILE.npz", help="A batch to check the file on; default: random numbers."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Largest difference of outputs, relative to the largest output.")
    ] = 1e-5,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file at PATH.")] = False,
    script: RunScript = "",
    backend: Backend = None,
    device: Device = None,
    timeout: Timeout = 3600,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Export a model to a deployment format and verify the file.

    PATH ends in .onnx, .tflite (litert), .xml (openvino), .pt2 (torch) or .stablehlo; a PATH without a suffix is the
    folder of a tf_saved_model. If another backend has to write the file, it does so in its own process. The outputs of
    the file, in the runtime of its format, are compared with those of the model before the file is moved into place.
    The exit code is 1 if a process that writes or runs the file crashes, or does not end in time.
    """
    with errors_in_one_line(quiet):
        import kerasbridge as kb
        from kerasbridge import exporters

        exporters.check(output, target, tolerance=tolerance, overwrite=overwrite, timeout=timeout)
        with spinner("Exporting the model …", silent=as_json or quiet):
            loaded = _load_model(model, backend, device, script)
            batch = None if example is None else _load_example(example)
            result = kb.export(
                loaded, output, target, example=batch, tolerance=tolerance, overwrite=overwrite, timeout=timeout
            )
    if as_json:
        print(json.dumps(result.as_dict()))
    elif not quiet:
        print(result)


def _load_model(path: Path, backend: str | None, device: str | None, script: str) -> Any:
    """Load the model of a .keras file or of a run folder; a script defines the classes of custom layers."""
    from kerasbridge import engines, runs
    from kerasbridge.errors import ArgumentError
    from kerasbridge.runtime import backend as backend_module

    run = runs.load(path) if path.is_dir() else None
    if run is None and not path.is_file():
        raise ArgumentError(f"Expected MODEL to be a .keras file or a run folder, received {path}, which is neither.")
    backend_module.configure(backend, device, "--backend")
    engines.current()
    from kerasbridge import saving

    called = own_run.call_script(script, run) if script else None
    if run is not None:
        return own_run.load_model(run, called)
    try:
        return saving.load_model(path, dict(called.custom_objects) if called else None)
    except Exception as error:  # a file may contain anything
        raise ArgumentError(f"Expected MODEL to be a .keras file, received {path}: {error}") from error


def _load_example(path: Path) -> Any:
    """Load the array of a file, or its arrays by name."""
    from kerasbridge.errors import DataFileError
    from kerasbridge.files import npy
    from kerasbridge.files.budget import reading

    with reading(DataFileError, path):
        try:
            arrays = npy.read_file(path)
        except (OSError, ValueError) as error:
            raise DataFileError(
                f"Expected --example to be a file of NumPy arrays, received {path}: {error}."
            ) from error
    return next(iter(arrays.values())) if isinstance(arrays, dict) and len(arrays) == 1 else arrays
