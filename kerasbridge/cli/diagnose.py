"""`kerasbridge diagnose`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from kerasbridge.cli.app import app, errors_in_one_line, spinner
from kerasbridge.cli.options import (
    Backends,
    BatchSize,
    CorrectLeaks,
    Data,
    Dtype,
    Json,
    Quiet,
    Script,
    Seed,
    names,
)

if TYPE_CHECKING:
    from kerasbridge.parity.diagnose import Diagnosis

_MAIN = ("output", "loss", "gradient", "update")


@app.command(epilog="Example: kerasbridge diagnose model.keras --backends jax,torch")
def diagnose(
    model: Annotated[str, typer.Argument(metavar="MODEL.keras|mlp|cnn", help="The model to take apart.")] = "mlp",
    backends: Backends = None,
    script: Script = "",
    data: Data = "",
    dtype: Dtype = "float32",
    correct_leaks: CorrectLeaks = False,
    seed: Seed = 0,
    batch_size: BatchSize = 32,
    everything: Annotated[bool, typer.Option("--all", help="Show also what agrees, as the optimizer's slots.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take one training step apart on every backend, and name the first thing that is wrong.

    Every layer's output, the loss, every gradient and every update, each beside a float64 reference. The exit code is
    1 if one lies beyond its tolerance.
    """
    with errors_in_one_line(quiet):
        from kerasbridge.parity import diagnose as diagnosing

        with spinner("Taking a step apart on each backend …", silent=as_json or quiet):
            found = diagnosing.diagnose(
                model,
                script=script,
                backends=names(backends),
                data=data,
                dtype=dtype,
                correct_leaks=correct_leaks,
                seed=seed,
                batch_size=batch_size,
            )
    if as_json:
        print(json.dumps(found.as_dict()))
    elif not quiet:
        _print(found, everything)
    if not found.agree:
        raise typer.Exit(1)


def _print(found: "Diagnosis", everything: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    heading, *cells = found.table_rows()
    table = Table(box=box.SIMPLE)
    for title in heading:
        table.add_column(title, overflow="fold")
    shown = [
        row for row, line in zip(cells, found.rows, strict=True) if everything or line.beyond or line.kind in _MAIN
    ]
    for row in shown:
        table.add_row(*map(Text, row))
    console.print(table)
    if len(shown) < len(cells):
        console.print(f"{len(cells) - len(shown)} more rows are within their tolerance; --all shows them.")
    for note in found.notes:
        console.print(note, highlight=False, markup=False)
    console.print(_said(found), highlight=False, markup=False)


def _said(found: "Diagnosis") -> str:
    if found.agree:
        return "Every row is within its tolerance on every backend."
    return "\n".join(
        f"{one.backend}: {one.kind} {one.name} is {one.error:.1e} off and may be {one.tolerance:.1e}. {one.explanation}"
        for one in found.findings
    )
