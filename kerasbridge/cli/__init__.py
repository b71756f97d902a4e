"""The command line: one file per command.

Importing it loads only typer and the standard library; each command imports what it needs when it runs. An error of
kerasbridge becomes one line and exit code 2; any other exception is a bug and keeps its traceback.
"""

import io
import sys

from kerasbridge.cli import backends as backends
from kerasbridge.cli import bench as bench
from kerasbridge.cli import compare as compare
from kerasbridge.cli import demo as demo
from kerasbridge.cli import diagnose as diagnose
from kerasbridge.cli import evaluate as evaluate
from kerasbridge.cli import export as export
from kerasbridge.cli import import_ as import_
from kerasbridge.cli import predict as predict
from kerasbridge.cli import runs as runs
from kerasbridge.cli import train as train
from kerasbridge.cli.app import app as app
from kerasbridge.cli.app import print_error
from kerasbridge.runtime.signals import NotedSignals, leave_at_once, leave_on_signals, note_signals


def main() -> None:
    """Run the console script `kerasbridge`; characters that the terminal cannot show are escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with note_signals(leave_at_once) as noted:
            _run(noted)
    finally:
        leave_on_signals()


def _run(noted: NotedSignals) -> None:
    try:
        app(prog_name="kerasbridge")
    except SystemExit as ended:
        if noted.number is None or ended.code:
            raise
        print_error("interrupted when all was done.")
        sys.exit(128 + noted.number)
