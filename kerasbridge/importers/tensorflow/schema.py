"""Protobuf classes of the TensorFlow messages."""

import functools
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.files.budget import spend
from kerasbridge.importers.io.protobuf import MessageClasses
from kerasbridge.importers.tensorflow.messages import MESSAGES


@functools.cache
def message_classes() -> MessageClasses:
    """Return all classes, created on first use so that files are detected without protobuf."""
    return MessageClasses("tensorflow", MESSAGES, "TensorFlow files need", syntax="proto3")


@functools.cache
def message_class(name: str) -> Any:
    """Return the class of a message.

    >>> message_class("GraphDef")(node=[{"name": "x", "op": "Placeholder"}]).node[0].op
    'Placeholder'
    """
    return message_classes()(name)


def parse_message(name: str, content: bytes, where: object) -> Any:
    """Parse a message.

    Raises:
        LegacyFileError: the bytes are not such a message.
    """
    kind = message_class(name)
    spend(memory=4 * len(content))
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(content)
    except (DecodeError, RecursionError) as error:
        raise LegacyFileError(f"{where} is damaged or cut short: expected a complete TensorFlow {name}.") from error
