"""Writers of exported files, one module per framework, imported only in a process that runs this framework."""

import contextlib
import importlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasbridge.exporters.formats import Format, Route
from kerasbridge.exporters.signatures import Signature
from kerasbridge.runtime.stderr import suppress_stderr


def write(model: Any, target: Format, route: Route, signature: Signature, batch: Any, path: Path) -> None:
    """Write a model, in a process that runs the backend of the route on the CPU.

    Args:
        model: a model that computes in float32.
        target: the format.
        route: the way to write it.
        signature: inputs and outputs of the file; None in a shape is a size that the file leaves open.
        batch: arrays to trace the model with.
        path: the file to write; a format may write other files next to it.

    Raises:
        Exception: the framework cannot write the model; it may raise anything.
    """
    writer = importlib.import_module(f"kerasbridge.exporters.writers.{route.backend}")
    with suppress_output():
        getattr(writer, f"to_{target.name}")(model, signature, batch, path)


@contextlib.contextmanager
def suppress_output() -> Iterator[None]:
    """Discard the output, logs and warnings of a converter, even if it fails: its error is enough."""
    disabled, failure = logging.root.manager.disable, None
    with suppress_stderr(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        except Exception as error:
            failure = error
        finally:
            logging.disable(disabled)
    if failure is not None:
        raise failure
