"""Child side: an error raised on purpose becomes the last line on stderr and exit code 2, for the parent to pass on."""

import contextlib
import sys
from collections.abc import Iterator

from kerasbridge.errors import KerasbridgeError


@contextlib.contextmanager
def in_one_line() -> Iterator[None]:
    """End the process where the body raises a `KerasbridgeError`; others keep their traceback."""
    try:
        yield
    except KerasbridgeError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        sys.exit(2)
