"""Parse Caffe files, text and binary, of version 1 and 2, into lists of layers with their weights."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.files.budget import spend
from kerasbridge.files.describe import describe
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.source_file import SourceFile

MAX_TEXT_BYTES = 2 * 2**20
"""The largest size of a .prototxt in bytes; the largest known files have about 1 MiB, and protobuf takes a second for
each."""

_STEPS_PER_LAYER, _MEMORY_PER_LAYER, _MEMORY_PER_NUMBER = 50, 3_000, 40

_TEXT = re.compile(rb"^\s*(layers?\s*:?\s*\{|input(_dim|_shape)?\b)", re.MULTILINE)
_TAGS_AFTER_NAME = (b"\x12", b"\x1a", b"\x22", b"\x28", b"\x32", b"\x38", b"\x42", b"\xa2\x06")
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
        return name.isascii() and name.decode().isprintable() and rest.startswith(_TAGS_AFTER_NAME)
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

    if len(file.content) > MAX_TEXT_BYTES:
        raise LegacyFileError(
            f"{file.path} has {len(file.content):,} bytes: expected at most {MAX_TEXT_BYTES:,} of text."
        )
    text = file.content.decode("utf-8", "replace")
    note = ""
    try:
        try:
            return text_format.Parse(text, message("NetParameter")()), note
        except text_format.ParseError as error:
            note = f"not read, {_one_line(error)}"
        return text_format.Parse(text, message("NetParameter")(), allow_unknown_field=True), note
    except text_format.ParseError as error:
        raise LegacyFileError(f"{file.path} is not a Caffe network, {_one_line(error)}") from error
    except RecursionError as error:
        raise LegacyFileError(f"{file.path} is nested too deeply to be a Caffe network.") from error


def _one_line(error: Exception) -> str:
    """Return the error "5:3 : Message type …" as "line 5: Message type …", on one line."""
    text = " ".join(str(error).split())
    return re.sub(r"^(\d+):\d+ ?: ", r"line \1: ", text)


def layers(net: Any, file: SourceFile) -> list[Layer]:
    """Return the layers of a NetParameter in order, with their weights."""
    if net.layer and net.layers:
        raise LegacyFileError(f"{file.path} has both `layer` and `layers`: expected messages of one version.")
    if any(message.HasField("layer") for message in net.layers):
        raise LegacyFileError(
            f"{file.path} has Caffe's oldest format, V0, which is not supported: upgrade it with Caffe's "
            "upgrade_net_proto_text or upgrade_net_proto_binary."
        )
    count = max(len(net.layer), len(net.layers))
    spend(steps=count * _STEPS_PER_LAYER, memory=count * _MEMORY_PER_LAYER)
    return [_layer(message, file) for message in (net.layer or net.layers)]


def _layer(message: Any, file: SourceFile) -> Layer:
    name = text(message.name)
    kind = _type_name(message) if isinstance(message.type, int) else text(message.type)
    arrays = []
    for number, blob in enumerate(message.blobs):
        try:
            arrays.append(_array(blob))
        except ValueError as error:
            raise LegacyFileError(f"{file.path}: blob {number} of layer {name!r} ({kind}) {error}") from None
    return Layer(name, kind, tuple(map(text, message.bottom)), tuple(map(text, message.top)), message, tuple(arrays))


def text(value: str | bytes) -> str:
    """Return a string of a message; protobuf returns bytes if it is not UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _type_name(message: Any) -> str:
    """Return the name in version 2 of the type of a version 1 layer."""
    types = type(message).DESCRIPTOR.enum_types_by_name["LayerType"]
    name: str = types.values_by_number[message.type].name
    return _TYPE_NAMES.get(name) or "".join(part.capitalize() for part in name.split("_"))


_TYPE_NAMES = {
    "ABSVAL": "AbsVal", "ARGMAX": "ArgMax", "BNLL": "BNLL", "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output",
    "IM2COL": "Im2col", "LRN": "LRN", "MVN": "MVN", "RELU": "ReLU", "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "TANH": "TanH", "NONE": "NONE",
}  # fmt: skip


def _array(blob: Any) -> Array:
    """Return the numbers of a blob in its shape.

    Raises:
        ValueError: the numbers do not fit the shape; the message is a predicate that follows the name of the blob.
    """
    sizes = blob.shape.dim if blob.HasField("shape") else (blob.num, blob.channels, blob.height, blob.width)
    shape = tuple(sizes)
    if len(shape) > 32 or any(size < 0 for size in shape):
        raise ValueError(f"has the shape {describe(shape)}, which no array can have.")
    numbers = np.concatenate([*_numbers(blob), np.empty(0, np.float32)])
    if not numbers.size:
        from kerasbridge.importers.caffe.schema import message

        unpacked = message("LooseBlob").FromString(blob.SerializeToString())
        numbers_alone = unpacked.data or unpacked.double_data
        spend(steps=len(numbers_alone) // 8, memory=_MEMORY_PER_NUMBER * len(numbers_alone))
        numbers = np.array(numbers_alone, np.float32)
    if math.prod(shape) != numbers.size:
        raise ValueError(f"should have {math.prod(shape):,} numbers, shape {shape}, but has {numbers.size:,}.")
    return numbers.reshape(shape)


def _numbers(blob: Any) -> Iterator[Array]:
    for chunks, dtype in ((blob.data, "<f4"), (blob.double_data, "<f8")):
        for chunk in chunks:
            if len(chunk) % int(dtype[-1]):
                raise ValueError(f"has {len(chunk):,} bytes, which is not a multiple of {dtype[-1]}.")
            spend(steps=1, memory=2 * len(chunk))
            yield np.frombuffer(chunk, dtype).astype(np.float32, copy=False)
