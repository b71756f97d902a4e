"""What writes a model down, one file a framework; each is loaded in the process that has that framework alone."""

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


def write(model: Any, target: Format, way: Route, signature: Signature, batch: Any, path: Path) -> None:
    """Write the model down, in a process that runs on the way's backend, on the CPU.

    Args:
        model: computes in float32.
        target, way: in which format, and how.
        signature: which sizes the file leaves open.
        batch: arrays to trace the model with.
        path: where; other files may be written beside it.

    Raises:
        Exception: whatever the framework says of a model that it cannot write.
    """
    writer = importlib.import_module(f"kerasbridge.exporters.writers.{way.backend}")
    with suppress_output():
        getattr(writer, f"to_{target.name}")(model, signature, batch, path)


@contextlib.contextmanager
def suppress_output() -> Iterator[None]:
    """What converters print, log and warn of is dropped, also of one that fails: its error says it."""
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
