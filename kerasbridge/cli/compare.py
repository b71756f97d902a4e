"""`kerasbridge compare`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    from kerasbridge.parity.compare import Comparison
    from kerasbridge.parity.verdict import Pair

_SAID = {
    "identical": "identical: every loss is equal, bit for bit.",
    "rounding": "rounding: the backends compute the same; what is left is what rounding does to this training.",
    "disagree": "disagree: more than rounding lies between the backends.",
}


@app.command(epilog="Example: kerasbridge compare --model cnn --dtype float64 --report report.html")
def compare(
    backends: Backends = None,
    model: Annotated[str, typer.Option(metavar="mlp|cnn|FILE.keras", help="The model to train.")] = "mlp",
    script: Script = "",
    data: Data = "",
    dtype: Dtype = "float32",
    correct_leaks: CorrectLeaks = False,
    seed: Seed = 0,
    epochs: Annotated[int, typer.Option(help="How often to go through the data.")] = 1,
    batch_size: BatchSize = 32,
    rows: Annotated[int | None, typer.Option(help="Use at most so many samples.")] = None,
    against: Annotated[Path | None, typer.Option(metavar="RECORD", help="A record kept with --save.")] = None,
    save: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep each backend's record there.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page with curves.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on every backend, and say whether the numbers are the same.

    Each backend trains in a process of its own, from nothing but the seed. Random numbers have to be identical, losses
    equal up to what rounding does to this training. The exit code is 1 if they disagree.
    """
    with errors_in_one_line(quiet):
        from kerasbridge.parity import compare as comparing

        _check_place(report, save)
        with spinner("Training twice on each backend …", silent=as_json or quiet):
            found = comparing.compare(
                model,
                script=script,
                backends=names(backends),
                data=data,
                dtype=dtype,
                correct_leaks=correct_leaks,
                seed=seed,
                epochs=epochs,
                batch_size=batch_size,
                rows=rows,
                against=against,
                save=save,
            )
        if report is not None:
            _write(found, report)
    if as_json:
        print(json.dumps(found.as_dict()))
    elif not quiet:
        _print(found)
    if not found.agree:
        raise typer.Exit(1)


def _check_place(report: Path | None, save: Path | None) -> None:
    """Minutes of training should not end at a folder that is not there."""
    from kerasbridge.errors import ArgumentError

    if report is not None and (report.is_dir() or not report.absolute().parent.is_dir()):
        raise ArgumentError(f"Expected --report to be a file in a folder that exists, received {report}.")
    if save is not None and save.exists() and not save.is_dir():
        raise ArgumentError(f"Expected --save to be a folder, received the file {save}.")


def _write(found: "Comparison", path: Path) -> None:
    from kerasbridge.errors import ArgumentError
    from kerasbridge.parity import report

    try:
        report.write(found, path)
    except OSError as error:
        raise ArgumentError(f"Expected --report to be a file that can be written, received {path}: {error}") from error


def _print(found: "Comparison") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not found.judgement.pairs:
        console.print(f"{found.records[0].label}: recorded. Hold another run against it with --against.")
        return
    console.print(_digests(found))
    table = Table("relative difference of the loss", *found.judgement.pairs[0].shown(), "final weights", "verdict")
    for pair in found.judgement.pairs:
        shown = (f"{value:.1e}" for value in (*pair.shown().values(), pair.weights))
        table.add_row(f"{pair.first} - {pair.second}", *shown, _verdict(pair))
    nudged = found.judgement.nudged
    table.add_row("the same run, nudged", *_at_shown(nudged, found.judgement.pairs[0]), "", "")
    console.print(table)
    console.print(_SAID[found.verdict], highlight=False, markup=False)
    if found.diverged is not None:
        console.print(f"The losses are not finite from step {found.diverged} on: this training diverges.")
    if not found.agree:
        console.print("Which layer it is: kerasbridge diagnose, with the same model.", highlight=False)


def _digests(found: "Comparison") -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table("bit for bit", "on " + ", ".join(record.label for record in found.records))
    for check in found.judgement.digests:
        table.add_row(check.name, Text("identical" if check.equal else f"differ: {check.where}"))
    return table


def _verdict(pair: "Pair") -> str:
    return pair.verdict if pair.step is None else f"{pair.verdict} from step {pair.step} ({pair.quantity})"


def _at_shown(nudged: Any, pair: "Pair") -> list[str]:
    steps = [int(name.removeprefix("step ")) if name != "end" else len(nudged) for name in pair.shown()]
    return [f"{nudged[step - 1]:.1e}" for step in steps]
