"""The typer application, its options without a command, and how errors are printed."""

import contextlib
import logging
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer
import typer.core

from kerasbridge._version import __version__
from kerasbridge.runtime.signals import leave_at_once, note_signals


class Commands(typer.core.TyperGroup):
    """All commands; their help names what to type, instead of types of Python, and no summary is cut."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for command in self.commands.values():
            command.short_help = (command.help or "").partition("\n\n")[0]
            for parameter in command.params:
                if parameter.param_type_name == "argument":
                    parameter.display_type_rich = lambda ctx: None  # type: ignore[attr-defined]
                elif not parameter.is_flag:  # type: ignore[attr-defined]
                    parameter.metavar = parameter.metavar or "NUMBER"


app = typer.Typer(
    cls=Commands,
    help="One Keras 3 model and one training loop on TensorFlow, PyTorch and JAX.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(requested: bool) -> None:
    if requested:
        print(f"kerasbridge {__version__}")
        raise typer.Exit


@app.callback(epilog="Example: kerasbridge train --epochs 1")
def _kerasbridge(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@contextlib.contextmanager
def errors_in_one_line(quiet: bool) -> Iterator[None]:
    """Exit with one line: code 2 for an error of kerasbridge, 130 for Ctrl-C, 143 for SIGTERM.

    Signals wait until the work may be interrupted, a second one does not. Warnings of other packages are hidden.
    """
    from kerasbridge.errors import KerasbridgeError

    log = logging.getLogger("kerasbridge")
    level = log.level
    try:
        with warnings.catch_warnings(), note_signals(leave_at_once) as noted:
            if not sys.warnoptions:  # python -W and PYTHONWARNINGS still show them
                warnings.simplefilter("ignore")
            log.setLevel(logging.ERROR if quiet else level)
            noted.check()
            yield
    except KerasbridgeError as error:
        print_error(" ".join([str(error), *notes]) if (notes := _notes(error)) else error)
        raise typer.Exit(error.exit_code) from error
    except (KeyboardInterrupt, SystemExit) as error:
        code = 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else error.code
        if code not in (128 + signal.SIGINT, 128 + signal.SIGTERM):
            raise
        print("kerasbridge:", " ".join(_notes(error)) or "interrupted, nothing was saved.", file=sys.stderr)
        raise typer.Exit(code) from error
    finally:
        log.setLevel(level)


@contextlib.contextmanager
def spinner(message: str, silent: bool) -> Iterator[Callable[[str], None]]:
    """Show on a terminal that something is running that takes a while; yield a function that changes the message."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal or silent:
        yield lambda message: None
        return
    with console.status(message) as status:
        yield status.update


def progress_lines(silent: bool) -> Callable[[str], None]:
    """Return a function that prints a line on stderr at once, if that is not a terminal, where `spinner` shows it."""
    from rich.console import Console

    if silent or Console(stderr=True).is_terminal:
        return lambda message: None
    return lambda message: print(message, file=sys.stderr, flush=True)


def _notes(error: BaseException) -> list[str]:
    """Return the notes added to an error, such as where the history of an interrupted run is."""
    return list(getattr(error, "__notes__", ()))


def print_error(message: object) -> None:
    """Print one line on stderr, or several for the traceback of a child process."""
    from kerasbridge.errors import KerasbridgeError, ParityError

    is_of_child = isinstance(message, ParityError) or (isinstance(message, KerasbridgeError) and message.exit_code == 1)
    text = str(message).strip() if is_of_child else " ".join(str(message).split())
    print("kerasbridge:", text, file=sys.stderr)
