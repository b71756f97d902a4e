"""`kerasbridge backends`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from kerasbridge.cli.app import app, errors_in_one_line, print_error

if TYPE_CHECKING:
    from kerasbridge.runtime.backend_status import BackendStatus


@app.command(epilog="Example: kerasbridge backends --json")
def backends(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only errors; the result is the exit code.")] = False,
) -> None:
    """Show the installed backends and their problems.

    Lists versions, devices, the default, and the command that fixes a problem.
    The exit code is 1 if the default backend cannot be used, or if the process that examines a backend crashes.
    """
    with errors_in_one_line(quiet):
        from kerasbridge.runtime import backend_status

        statuses = backend_status.backends()
    if as_json:
        print(json.dumps([asdict(status) for status in statuses]))
    elif not quiet:
        _print_table(statuses)
    default = next((status for status in statuses if status.default), None)
    if default is None:
        _explain_missing_default()
    is_usable = default is not None and bool(default.devices)  # a framework that cannot be imported has none
    if not is_usable or not all(status.answered for status in statuses):
        raise typer.Exit(1)


def _print_table(statuses: "Sequence[BackendStatus]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for title in ("backend", "version", "devices", "default", "problem"):
        table.add_column(title, overflow="fold")
    for status in statuses:
        problem = status.problem or ("" if status.installed else "not installed")
        cells = (status.name, status.version or "", ", ".join(status.devices), "yes" if status.default else "", problem)
        table.add_row(*map(Text, cells))
    Console().print(table)
    for status in statuses:
        if status.remedy:  # not in the table, which breaks lines
            print(f"For {status.name}, type: {status.remedy}")


def _explain_missing_default() -> None:
    """Print why there is no default: no backend is installed, or not the one in KERAS_BACKEND."""
    from kerasbridge.errors import BackendError
    from kerasbridge.runtime import backend

    try:
        backend.configure()
    except BackendError as error:
        print_error(error)
