"""Parse Caffe files, text and binary, of version 1 and 2, into lists of layers with their weights."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.source_file import SourceFile

MOST_TEXT = 64 * 2**20
"""The largest size of a .prototxt in bytes; the largest known files have about 1 MiB."""

_TEXT = re.compile(rb"^\s*(layers?\s*:?\s*\{|input(_dim|_shape)?\b)", re.MULTILINE)
_NAME_THEN = (b"\x12", b"\x1a", b"\x22", b"\x28", b"\x32", b"\x38", b"\x42", b"\xa2\x06")
"""The wire tags of the fields of a NetParameter that may follow its name."""


@dataclass(frozen=True)
class Layer:
    """A layer of either version of the messages.

    Args:
        name: the name in the file.
        type: the name of its type in version 2.
        bottoms, tops: the names of the blobs that it reads and writes.
        message: the message of the layer.
        blobs: its weights.
    """

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Any
    blobs: tuple[Array, ...] = ()

    def __str__(self) -> str:
        return f"{self.name!r} ({self.type})"

    def options(self, name: str) -> Any:
        """Return a message of options, with the defaults if the version of the layer does not have it."""
        return getattr(self.message, f"{name}_param")


def is_text(file: SourceFile) -> bool:
    """Return whether a file is a .prototxt, in the text format."""
    head = file.head.lstrip()
    return b"\0" not in head and not head[:1].isdigit() and bool(_TEXT.search(re.sub(rb"#.*", b"", head)))


def is_binary(file: SourceFile) -> bool:
    """Return whether a file begins like a NetParameter: with a name, or with a layer."""
    head = file.head
    if head[:1] == b"\x0a" and len(head) > 2 and head[1] < 128:
        name, rest = head[2 : 2 + head[1]], head[2 + head[1] :]
        return name.isascii() and name.decode().isprintable() and rest.startswith(_NAME_THEN)
    return head[:2] == b"\xa2\x06" or (head[:1] == b"\x12" and b"\x0a" in head[2:8] + head[2:12])


def parse(file: SourceFile) -> tuple[Any, str]:
    """Return the NetParameter of a file, and a note on fields that are unknown to Caffe, or ""."""
    if is_text(file):
        return _parse_text(file)
    from google.protobuf.message import DecodeError

    from kerasbridge.importers.caffe.schema import message

    try:
        return message("NetParameter").FromString(file.content), ""
    except DecodeError as error:
        raise LegacyFileError(f"{file.path} is damaged or cut short: expected a whole NetParameter.") from error


def _parse_text(file: SourceFile) -> tuple[Any, str]:
    from google.protobuf import text_format

    from kerasbridge.importers.caffe.schema import message

    if len(file.content) > MOST_TEXT:
        raise LegacyFileError(f"{file.path} has {len(file.content):,} bytes: expected at most {MOST_TEXT:,} of text.")
    text = file.content.decode("utf-8", "replace")
    strange = ""
    try:
        try:
            return text_format.Parse(text, message("NetParameter")()), ""
        except text_format.ParseError as error:
            strange = _in_words(error)
        return text_format.Parse(text, message("NetParameter")(), allow_unknown_field=True), f"left unread, {strange}"
    except text_format.ParseError as error:
        raise LegacyFileError(f"{file.path} is no network of Caffe's, {_in_words(error)}") from error
    except RecursionError as error:
        raise LegacyFileError(f"{file.path} is nested too deeply to be a network of Caffe's.") from error


def _in_words(error: Exception) -> str:
    """Return the error "5:3 : Message type …" as "line 5: Message type …", on one line."""
    text = " ".join(str(error).split())
    return re.sub(r"^(\d+):\d+ ?: ", r"line \1: ", text)


def layers(net: Any, file: SourceFile) -> list[Layer]:
    """Return the layers of a NetParameter in order, with their weights."""
    if net.layer and net.layers:
        raise LegacyFileError(f"{file.path} has both `layer` and `layers`: expected messages of one version.")
    if any(one.HasField("layer") for one in net.layers):
        raise LegacyFileError(
            f"{file.path} is of Caffe's oldest version, V0, which is not read here: Caffe's own "
            "upgrade_net_proto_text and upgrade_net_proto_binary bring it to a newer one."
        )
    return [_layer(one, file) for one in (net.layer or net.layers)]


def _layer(one: Any, file: SourceFile) -> Layer:
    name, kind = text(one.name), _modern(one) if isinstance(one.type, int) else text(one.type)
    arrays = []
    for place, blob in enumerate(one.blobs):
        try:
            arrays.append(_array(blob))
        except ValueError as error:
            raise LegacyFileError(f"{file.path}: blob {place} of layer {name!r} ({kind}) {error}") from None
    return Layer(name, kind, tuple(map(text, one.bottom)), tuple(map(text, one.top)), one, tuple(arrays))


def text(value: str | bytes) -> str:
    """Return a string of a message; protobuf returns bytes if it is not UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _modern(one: Any) -> str:
    """Return the name in version 2 of the type of a version 1 layer."""
    name: str = type(one).DESCRIPTOR.enum_types_by_name["LayerType"].values_by_number[one.type].name
    return _SPECIAL.get(name) or "".join(part.capitalize() for part in name.split("_"))


_SPECIAL = {
    "ABSVAL": "AbsVal", "ARGMAX": "ArgMax", "BNLL": "BNLL", "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output",
    "IM2COL": "Im2col", "LRN": "LRN", "MVN": "MVN", "RELU": "ReLU", "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "TANH": "TanH", "NONE": "NONE",
}  # fmt: skip


def _array(blob: Any) -> Array:
    """Return the numbers of a blob in its shape.

    Raises:
        ValueError: the numbers do not fit the shape; the message is a predicate that follows the name of the blob.
    """
    old = (blob.num, blob.channels, blob.height, blob.width)
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else old
    if len(shape) > 32 or any(size < 0 for size in shape):
        raise ValueError(f"has the shape {shape}, which no array can have.")
    numbers = np.concatenate([*_numbers(blob), np.empty(0, np.float32)])
    if not numbers.size:
        from kerasbridge.importers.caffe.schema import message

        loose = message("LooseBlob").FromString(blob.SerializeToString())
        numbers = np.array(loose.data or loose.double_data, np.float32)
    if math.prod(shape) != numbers.size:
        raise ValueError(f"should have {math.prod(shape):,} numbers, shape {shape}, but has {numbers.size:,}.")
    return numbers.reshape(shape)


def _numbers(blob: Any) -> Iterator[Array]:
    for pieces, dtype in ((blob.data, "<f4"), (blob.double_data, "<f8")):
        for piece in pieces:
            if len(piece) % int(dtype[-1]):
                raise ValueError(f"has {len(piece):,} bytes, which are no whole numbers of {dtype[-1]} bytes.")
            yield np.frombuffer(piece, dtype).astype(np.float32, copy=False)
