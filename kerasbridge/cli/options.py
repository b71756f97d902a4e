"""Options shared by several commands."""

from pathlib import Path
from typing import Annotated

import typer

Backend = Annotated[str | None, typer.Option(metavar="jax|tensorflow|torch", help="Default: KERAS_BACKEND.")]
Device = Annotated[
    str | None, typer.Option(metavar="cpu|gpu|gpu:1|mps|tpu|auto", help="Default: KERASBRIDGE_DEVICE, or auto.")
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of the run; `kerasbridge runs` lists them.")]
RunOrFile = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="The folder of the run; `kerasbridge runs` lists them. Or a .keras file."),
]
RunScript = Annotated[
    str,
    typer.Option(
        metavar="FILE.py:FUNCTION", help="The script that the run was trained with, for its custom layers or its data."
    ),
]
Backends = Annotated[str | None, typer.Option(metavar="A,B,C", help="Default: all that are installed.")]
Script = Annotated[
    str,
    typer.Option(
        metavar="FILE.py:FUNCTION",
        help="A function that returns a compiled model, (model, x, y), (model, x, y, validation_data), or a dict of "
        "these with batch_size and callbacks.",
    ),
]
Target = Annotated[
    str, typer.Option(metavar="COLUMN", help="The column of the table, or the array in the .npz file, to predict.")
]
Data = Annotated[
    str,
    typer.Option(
        metavar="sample|full|FILE|FOLDER",
        help="Digits, FILE.npz, FILE.csv or a folder of images. Default: the data of the script, the sample, or random "
        "data that fits the model.",
    ),
]
Dtype = Annotated[str, typer.Option(metavar="float32|float64", help="The floating-point type of the computation.")]
CorrectLeaks = Annotated[
    bool, typer.Option("--correct-leaks", help="In float64: fix computations of Keras that differ on one backend.")
]
Seed = Annotated[int, typer.Option(help="Seed for weights, sample order, random layers and random data.")]
BatchSize = Annotated[int, typer.Option(help="Samples per step.")]
Timeout = Annotated[
    float, typer.Option(metavar="SECONDS", help="The time after which the process of a backend is ended.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only errors; the result is the exit code.")]


def names(backends: str | None) -> list[str] | None:
    """Split a comma-separated list such as ``"jax, torch"``."""
    return None if backends is None else [name.strip() for name in backends.split(",") if name.strip()]
