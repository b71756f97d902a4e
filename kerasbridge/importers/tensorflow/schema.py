"""TensorFlow's messages as classes of protobuf."""

import functools
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.io.protobuf import MessageClasses
from kerasbridge.importers.tensorflow.messages import MESSAGES


@functools.cache
def message_classes() -> MessageClasses:
    """All of them; made when they are needed, so that files are recognised without protobuf."""
    return MessageClasses("tensorflow", MESSAGES, "TensorFlow's files need", syntax="proto3")


@functools.cache
def message_class(name: str) -> Any:
    """The class of a message.

    >>> message("GraphDef")(node=[{"name": "x", "op": "Placeholder"}]).node[0].op
    'Placeholder'
    """
    return message_classes()(name)


def parse_message(name: str, content: bytes, where: object) -> Any:
    """The message that the bytes are.

    Raises:
        LegacyFileError: they are none.
    """
    kind = message_class(name)
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(content)
    except (DecodeError, RecursionError) as error:
        raise LegacyFileError(f"{where} is damaged or cut short: expected a whole {name} of TensorFlow's.") from error
