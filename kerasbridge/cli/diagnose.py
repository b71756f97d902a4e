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
    Target,
    Timeout,
    names,
)
from kerasbridge.cli.partial_result import end_with, result_of

if TYPE_CHECKING:
    from kerasbridge.parity.diagnose import Diagnosis

_MAIN = ("output", "loss", "gradient", "update")


@app.command(epilog="Example: kerasbridge diagnose model.keras --backends jax,torch")
def diagnose(
    model: Annotated[str, typer.Argument(metavar="MODEL.keras|mlp|cnn", help="The model to diagnose.")] = "mlp",
    backends: Backends = None,
    script: Script = "",
    data: Data = "",
    target: Target = "",
    dtype: Dtype = "float32",
    correct_leaks: CorrectLeaks = False,
    seed: Seed = 0,
    batch_size: BatchSize = 32,
    show_all: Annotated[
        bool, typer.Option("--all", help="Also show the rows that agree, such as optimizer slots.")
    ] = False,
    timeout: Timeout = 3600,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the first wrong value in a training step.

    Runs one step on every backend and compares the output of each layer, the loss, each gradient and each update with a
    float64 reference. The exit code is 1 if one is outside its tolerance, or if the process of a backend fails; the
    others are compared.
    """
    with errors_in_one_line(quiet):
        from kerasbridge.parity import diagnose as parity_diagnose

        with spinner("Running a step on each backend …", silent=as_json or quiet):
            diagnosis, failure = result_of(
                parity_diagnose.diagnose,
                model,
                script=script,
                backends=names(backends),
                data=data,
                target=target,
                dtype=dtype,
                correct_leaks=correct_leaks,
                seed=seed,
                batch_size=batch_size,
                timeout=timeout,
            )
    if as_json:
        print(json.dumps(diagnosis.as_dict()))
    elif not quiet:
        _print(diagnosis, show_all)
    end_with(diagnosis, failure)


def _print(diagnosis: "Diagnosis", show_all: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    heading, *rows = diagnosis.table_rows()
    table = Table(box=box.SIMPLE)
    for title in heading:
        table.add_column(title, overflow="fold")
    details = zip(rows, diagnosis.rows, strict=True)
    shown = [row for row, detail in details if show_all or detail.beyond or detail.kind in _MAIN]
    for row in shown:
        table.add_row(*map(Text, row))
    console.print(table)
    if len(shown) < len(rows):
        console.print(f"{len(rows) - len(shown)} more rows are within their tolerance; --all shows them.")
    for note in diagnosis.notes:
        console.print(note, highlight=False, markup=False)
    console.print(_summary(diagnosis), highlight=False, markup=False)


def _summary(diagnosis: "Diagnosis") -> str:
    if not diagnosis.findings:
        return "Every row is within its tolerance on every backend."
    return "\n".join(finding.sentence() for finding in diagnosis.findings)
