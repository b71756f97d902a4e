"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

Backend = Annotated[str | None, typer.Option(metavar="jax|tensorflow|torch", help="Else KERAS_BACKEND.")]
Device = Annotated[
    str | None, typer.Option(metavar="cpu|gpu|gpu:1|mps|tpu|auto", help="Else KERASBRIDGE_DEVICE, else auto.")
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder; `kerasbridge runs` lists them.")]
Backends = Annotated[str | None, typer.Option(metavar="A,B,C", help="Else all that are installed.")]
Script = Annotated[
    str, typer.Option(metavar="FILE.py:FUNCTION", help="A function that returns a compiled model, or it, x and y.")
]
Data = Annotated[
    str, typer.Option(metavar="sample|full|FILE.npz", help="Else the sample's digits, or numbers drawn to fit.")
]
Dtype = Annotated[str, typer.Option(metavar="float32|float64", help="What to compute in.")]
CorrectLeaks = Annotated[
    bool, typer.Option("--correct-leaks", help="In float64: correct what Keras computes otherwise on one backend.")
]
Seed = Annotated[int, typer.Option(help="Settles weights, order, random layers and drawn data.")]
BatchSize = Annotated[int, typer.Option(help="Samples per step.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors; the exit code answers.")]


def names(backends: str | None) -> list[str] | None:
    """``"jax, torch"`` as a list."""
    return None if backends is None else [name.strip() for name in backends.split(",") if name.strip()]
