"""Detect which TensorFlow file a file is, by its first bytes, or by its last for the index of a checkpoint."""

import re
from collections.abc import Iterator
from enum import Enum

from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow.sstable import MAGIC

_OP = re.compile(rb"_?[A-Z][A-Za-z0-9_>]*")
_SHARD = re.compile(r"\.data-\d{5}-of-\d{5}$")
_CHECKPOINT = b"model_checkpoint_path: "


class FileKind(Enum):
    """The kinds of TensorFlow files."""

    FOLDER = "a folder of a SavedModel"
    SAVED_MODEL = "a saved_model.pb"
    META_GRAPH = "a .meta"
    GRAPH = "a graph"
    INDEX = "an .index of a checkpoint"
    SHARD = "a .data of a checkpoint"
    CHECKPOINT = "a file named checkpoint"


def detect_kind(file: SourceFile) -> FileKind | None:
    """Return which TensorFlow file a file is; None if it is not one."""
    if file.is_folder:
        return (
            FileKind.FOLDER if any((file.path / name).is_file() for name in ("saved_model.pb", "checkpoint")) else None
        )
    head = file.head
    if head.startswith(_CHECKPOINT):
        return FileKind.CHECKPOINT
    if _SHARD.search(file.name):
        return FileKind.SHARD
    if _is_sstable(file):
        return FileKind.INDEX
    if head[:1] == b"\x08" and any(_is_meta_graph(part) for number, part in _fields(head) if number == 2):
        return FileKind.SAVED_MODEL
    return FileKind.META_GRAPH if _is_meta_graph(head) else FileKind.GRAPH if _is_graph(head) else None


def _is_sstable(file: SourceFile) -> bool:
    if not file.name.endswith(".index") and len(file.head) == 1 << 16:
        return False
    return file.content.endswith(MAGIC) or (file.name.endswith(".index") and b"\0" in file.head[:3])


def _is_meta_graph(head: bytes) -> bool:
    parts = list(_fields(head))
    return len(parts) > 1 and [number for number, _ in parts[:2]] == [1, 2] and _is_graph(parts[1][1])


def _is_graph(head: bytes) -> bool:
    """Return whether the bytes begin with a node, which begins with its name and its operation."""
    for number, part in _fields(head):
        if number != 1:
            return False
        node = list(_fields(part))[:2]
        return [number for number, _ in node] == [1, 2] and bool(_OP.fullmatch(node[1][1]))
    return False


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each field of a message, and the content of fields with a length, as far as it goes."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        if tag & 7 == 0:
            _, position = _varint(message, position)
            yield tag >> 3, b""
        elif tag & 7 == 2:
            length, position = _varint(message, position)
            yield tag >> 3, message[position : position + length]
            position += length
        else:
            return


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        byte = message[position] if position < len(message) else 0
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
    return value, position
