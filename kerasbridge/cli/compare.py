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
    Target,
    Timeout,
    names,
)
from kerasbridge.cli.partial_result import end_with, result_of

if TYPE_CHECKING:
    from kerasbridge.parity.compare import Comparison
    from kerasbridge.parity.verdict import Pair

_VERDICTS = {
    "identical": "identical: every loss is equal, bit for bit.",
    "rounding": "rounding: the backends compute the same, up to the effect of rounding on this training.",
    "disagree": "disagree: the backends differ by more than rounding.",
}


@app.command(epilog="Example: kerasbridge compare --model cnn --dtype float64 --report report.html")
def compare(
    backends: Backends = None,
    model: Annotated[str, typer.Option(metavar="mlp|cnn|FILE.keras", help="The model to train.")] = "mlp",
    script: Script = "",
    data: Data = "",
    target: Target = "",
    dtype: Dtype = "float32",
    correct_leaks: CorrectLeaks = False,
    seed: Seed = 0,
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 1,
    batch_size: BatchSize = 32,
    rows: Annotated[int | None, typer.Option(help="Use at most this many samples.")] = None,
    against: Annotated[Path | None, typer.Option(metavar="RECORD", help="A record written with --save.")] = None,
    save: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the record of each backend there.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a report with curves.")] = None,
    timeout: Timeout = 3600,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on every backend and check that the numbers are the same.

    Each backend trains in its own process, from the seed alone. Random numbers must be identical, and losses equal up
    to the effect of rounding on this training. The exit code is 1 if they disagree, or if the process of a backend
    fails; the others are compared.
    """
    with errors_in_one_line(quiet):
        from kerasbridge.parity import compare as parity_compare

        _check_output_paths(report, save)
        with spinner("Training twice on each backend …", silent=as_json or quiet):
            comparison, failure = result_of(
                parity_compare.compare,
                model,
                script=script,
                backends=names(backends),
                data=data,
                target=target,
                dtype=dtype,
                correct_leaks=correct_leaks,
                seed=seed,
                epochs=epochs,
                batch_size=batch_size,
                rows=rows,
                against=against,
                save=save,
                timeout=timeout,
            )
        if report is not None and comparison.judgement.pairs:
            _write_report(comparison, report)
    if as_json:
        print(json.dumps(comparison.as_dict()))
    elif not quiet:
        _print(comparison)
    end_with(comparison, failure)


def _check_output_paths(report: Path | None, save: Path | None) -> None:
    """Refuse paths that cannot be written to, before minutes of training."""
    from kerasbridge.errors import ArgumentError
    from kerasbridge.parity import report as parity_report

    if report is not None:
        parity_report.check_replaceable(report)
    if save is not None and save.exists() and not save.is_dir():
        raise ArgumentError(f"Expected --save to be a folder, received the file {save}.")


def _write_report(comparison: "Comparison", path: Path) -> None:
    from kerasbridge.errors import ArgumentError
    from kerasbridge.parity import report

    try:
        report.write(comparison, path)
    except OSError as error:
        raise ArgumentError(f"Expected --report to be a file that can be written, received {path}: {error}") from error


def _print(comparison: "Comparison") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not comparison.judgement.pairs and comparison.failures:
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in comparison.records[0].metrics[-1].items())
        console.print(f"{comparison.records[0].label}: trained, {metrics}. There is nothing to compare it with.")
        return
    if not comparison.judgement.pairs:
        console.print(f"{comparison.records[0].label}: recorded. Compare another run with it by --against.")
        return
    console.print(_digest_table(comparison))
    table = Table("relative difference of the loss", *comparison.judgement.pairs[0].shown(), "final weights", "verdict")
    for pair in comparison.judgement.pairs:
        shown = (f"{value:.1e}" for value in (*pair.shown().values(), pair.weights))
        verdict = pair.verdict if pair.step is None else f"{pair.verdict} from step {pair.step} ({pair.quantity})"
        table.add_row(f"{pair.first} - {pair.second}", *shown, verdict)
    nudged = comparison.judgement.nudged
    table.add_row("the same run, nudged", *_nudged_cells(nudged, comparison.judgement.pairs[0]), "", "")
    console.print(table)
    console.print(_VERDICTS[comparison.verdict], highlight=False, markup=False)
    if comparison.diverged is not None:
        console.print(f"The losses are not finite from step {comparison.diverged} on: this training diverges.")
    if comparison.verdict == "disagree":
        console.print("To find the layer: kerasbridge diagnose, with the same model.", highlight=False)


def _digest_table(comparison: "Comparison") -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table("bit for bit", "on " + ", ".join(record.label for record in comparison.records))
    for check in comparison.judgement.digests:
        table.add_row(check.name, Text("identical" if check.equal else f"differ: {check.where}"))
    return table


def _nudged_cells(nudged: Any, pair: "Pair") -> list[str]:
    steps = [int(name.removeprefix("step ")) if name != "end" else len(nudged) for name in pair.shown()]
    return [f"{nudged[step - 1]:.1e}" for step in steps]
