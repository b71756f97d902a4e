"""Results of several backends of which one may have failed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from kerasbridge.cli.app import print_error

if TYPE_CHECKING:
    from kerasbridge.errors import ParityError


def result_of(function: Callable[..., Any], *arguments: Any, **named: Any) -> "tuple[Any, ParityError | None]":
    """Call a function; return its result, or that of the backends that did not fail, with the error of the others."""
    from kerasbridge.errors import ParityError

    try:
        return function(*arguments, **named), None
    except ParityError as error:
        if error.result is None:
            raise
        return error.result, error


def end_with(result: Any, failure: "ParityError | None") -> None:
    """Print the error of the backends that failed, and exit with 1 if there is one or the backends disagree."""
    if failure is not None:
        print_error(failure)
    if not result.agree:
        raise typer.Exit(1)
