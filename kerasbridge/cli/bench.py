"""`kerasbridge bench`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kerasbridge.cli.app import app, errors_in_one_line, progress_lines, spinner
from kerasbridge.cli.options import Quiet, Script, Target, Timeout

if TYPE_CHECKING:
    from kerasbridge.benchmark.result import BenchResult

_STDOUT = Path("-")


@app.command(epilog="Example: kerasbridge bench --workload cnn --backend torch --quick")
def bench(
    workload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="mlp, mlp-128, mlp-1024, cnn, lstm, transformer, autoencoder or all; may be repeated. Default: mlp.",
        ),
    ] = None,
    script: Script = "",
    model: Annotated[str, typer.Option(metavar="FILE.keras", help="A compiled model of yours, with --data.")] = "",
    backend: Annotated[
        list[str] | None,
        typer.Option(metavar="jax|tensorflow|torch", help="May be repeated. Default: all that are installed."),
    ] = None,
    contender: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="stock, stock-in-steps, by-hand or by-hand-compiled; may be repeated. Default: all that apply.",
        ),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            metavar="FILE|FOLDER",
            help="Digits such as the full MNIST in an .npz file; then also the time to 97.5 % accuracy. For a model of "
            "yours, FILE.csv, FILE.npz or a folder of images.",
        ),
    ] = "",
    target: Target = "",
    rows: Annotated[int | None, typer.Option(help="Use at most this many rows of a built-in workload.")] = None,
    rounds: Annotated[int | None, typer.Option(help="Rounds of each contender. Default: 5.")] = None,
    threads: Annotated[int | None, typer.Option(help="Processor cores of each process. Default: all.")] = None,
    clock: Annotated[
        str, typer.Option(metavar="wall|cpu", help="The clock of the table; cpu on a machine that is busy.")
    ] = "wall",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all samples there; - for stdout, no table.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw the table as .svg or .png.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Epochs of 100 steps, two rounds.")] = False,
    timeout: Timeout = 3600,
    quiet: Quiet = False,
) -> None:
    """Compare the speed of kerasbridge with stock Keras and other loops.

    The others are loops written by hand. Each contender is a process that stays alive; they train, evaluate and predict
    in turn, round by round. In a pipe, a line on stderr names each measurement that is done. The table shows medians
    with quartiles, and ratios within a round. Ctrl-C shows what has been measured so far. A contender that learns
    something else, by its loss, is not compared. The exit code is 1 if a process fails; the others are shown.
    """
    with errors_in_one_line(quiet):
        from kerasbridge.benchmark import bench as benchmark
        from kerasbridge.benchmark.plan import make_plan

        _check_outputs(clock, json_file, plot)
        plan = make_plan(
            _subject(workload, script, model),
            backends=backend,
            contenders=contender,
            data=data,
            rows=rows,
            rounds=rounds,
            threads=threads,
            quick=quick,
            target=target,
            timeout=timeout,
        )
        result = benchmark.empty_result(plan)
        result.clock = clock
        try:
            with spinner("Measuring …", silent=quiet) as report:
                benchmark.measure(plan, result, report, progress_lines(silent=quiet))
        except (KeyboardInterrupt, SystemExit) as interruption:
            interruption.add_note("interrupted: this is what was measured until then.")
            raise
        finally:
            _show(result, json_file, plot, quiet)
    if result.failed:
        raise typer.Exit(1)


def _subject(workloads: list[str] | None, script: str, model: str) -> "str | list[str]":
    from kerasbridge.errors import ArgumentError

    if script and model:
        raise ArgumentError("Expected --model or --script, received both. Leave one of them out.")
    if (own := script or model) and workloads:
        raise ArgumentError(
            f"Expected --workload or {'--script' if script else '--model'}, received both. Leave one of them out."
        )
    return own or workloads or "mlp"


def _check_outputs(clock: str, json_file: Path | None, plot: Path | None) -> None:
    """Refuse files that cannot be written, before minutes of measuring."""
    from kerasbridge.benchmark import picture
    from kerasbridge.errors import ArgumentError

    if clock not in ("wall", "cpu"):
        raise ArgumentError(f"Expected --clock wall or cpu, received {clock!r}.")
    if json_file is not None and json_file != _STDOUT and (json_file.is_dir() or not json_file.parent.is_dir()):
        raise ArgumentError(f"Expected --json to be a file in an existing folder, received {json_file}.")
    if plot is not None:
        picture.check_path(plot)


def _show(result: "BenchResult", json_file: Path | None, plot: Path | None, quiet: bool) -> None:
    from kerasbridge.benchmark import picture

    text = json.dumps(result.as_dict(), indent=1)
    if json_file == _STDOUT:
        print(text)
    elif json_file is not None:
        json_file.write_text(text, encoding="utf-8")
    if not quiet and json_file != _STDOUT:
        print(result)
    if plot is not None:
        picture.draw(plot, result)
