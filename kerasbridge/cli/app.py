"""The program itself: its options without a command, and how it fails."""

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Annotated

import typer

from kerasbridge._version import __version__

app = typer.Typer(
    help="One Keras 3 model and one training loop on TensorFlow, PyTorch and JAX.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"kerasbridge {__version__}")
        raise typer.Exit


@app.callback(epilog="Example: kerasbridge train --epochs 1")
def _kerasbridge(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


@contextlib.contextmanager
def errors_in_one_line(quiet: bool) -> Iterator[None]:
    """End the program with one line and code 2 for kerasbridge's errors, 130 for Ctrl-C; drops others' warnings."""
    from kerasbridge.errors import KerasbridgeError

    log = logging.getLogger("kerasbridge")
    level = log.level
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:  # python -W and PYTHONWARNINGS still show them
                warnings.simplefilter("ignore")
            log.setLevel(logging.ERROR if quiet else level)
            yield
    except KerasbridgeError as error:
        print_error(" ".join([str(error), *_notes(error)]) if _notes(error) else error)
        raise typer.Exit(2) from error
    except KeyboardInterrupt as error:
        print_error(" ".join(_notes(error)) or "interrupted, nothing was saved.")
        raise typer.Exit(130) from error
    finally:
        log.setLevel(level)


@contextlib.contextmanager
def spinner(words: str, silent: bool) -> Iterator[None]:
    """Says on a terminal that something is going on that takes a while."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(words) if console.is_terminal and not silent else contextlib.nullcontext():
        yield


def _notes(error: BaseException) -> list[str]:
    """What was added to an error on its way: where the history of a run is that broke off."""
    return list(getattr(error, "__notes__", ()))


def print_error(message: object) -> None:
    """One line on stderr; more where a child's traceback is in it."""
    from kerasbridge.errors import ParityError

    words = str(message).strip() if isinstance(message, ParityError) else " ".join(str(message).split())
    print("kerasbridge:", words, file=sys.stderr)
