"""Run commands of kerasbridge in the process of the tests."""

import contextlib

import rich.console  # noqa: F401, reads COLUMNS in the environment that is there when it is imported
from typer.testing import CliRunner

from kerasbridge.cli import app


def run(folder, *arguments, charset="utf-8"):
    """Run a command in a folder: return the exit code, stdout and stderr."""
    with contextlib.chdir(folder):
        result = CliRunner(charset=charset).invoke(app, [*map(str, arguments)], prog_name="kerasbridge")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr
