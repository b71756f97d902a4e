"""The command line: one file a command.

Importing it loads typer and the standard library; everything else comes with the command that needs it. Errors that
kerasbridge raises on purpose become one line and exit code 2; another exception is a bug and keeps its traceback.
"""

from kerasbridge.cli import backends as backends
from kerasbridge.cli import compare as compare
from kerasbridge.cli import diagnose as diagnose
from kerasbridge.cli import evaluate as evaluate
from kerasbridge.cli import export as export
from kerasbridge.cli import import_ as import_
from kerasbridge.cli import predict as predict
from kerasbridge.cli import runs as runs
from kerasbridge.cli import train as train
from kerasbridge.cli.app import app as app


def main() -> None:
    """The console script `kerasbridge`."""
    app(prog_name="kerasbridge")
