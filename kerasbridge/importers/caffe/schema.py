"""Create the protobuf classes of the Caffe messages."""

import functools
from typing import Any

from kerasbridge.importers.caffe.messages import MESSAGES
from kerasbridge.importers.io.protobuf import MessageClasses

_ALL = MessageClasses("caffe", MESSAGES, "Caffe files need")


@functools.cache
def message(name: str) -> Any:
    """Return the class of a message.

    >>> message("BlobShape")(dim=[2, 3]).dim
    [2, 3]
    """
    return _ALL(name)
