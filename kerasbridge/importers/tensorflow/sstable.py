"""Sorted tables of keys and values, as LevelDB and TensorFlow write them (`tensorflow/core/lib/io/table.cc`).

The file ends in a footer: the handles (offset and size) of a block of metadata and of the index block, and a magic
number. The index maps keys to the handles of blocks of entries. A block consists of entries, the offsets of restarts, a
byte for the compression, and a checksum. A key is stored as the length of the prefix that it shares with the key before
it, and the rest.
"""

import struct
from collections.abc import Iterator

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.tensorflow.crc32c import masked_crc32c

MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
_FOOTER, _TRAILER = 48, 5
_UNCOMPRESSED, _SNAPPY = 0, 1


class _CorruptTable(Exception):
    """A table is damaged, or compressed."""


def read_entries(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield all keys and values of a table, in their order.

    Raises:
        LegacyFileError: the table is damaged, or compressed.
    """
    try:
        if len(content) < _FOOTER or not content.endswith(MAGIC):
            raise _CorruptTable("its end is not that of a table")
        footer = content[-_FOOTER:]
        _, position = _read_handle(footer, 0)
        handle, _ = _read_handle(footer, position)
        for _, entry in _read_block_entries(_read_block(content, handle)):
            yield from _read_block_entries(_read_block(content, _read_handle(entry, 0)[0]))
    except (_CorruptTable, IndexError) as error:
        raise LegacyFileError(f"is not a complete TensorFlow table: {error}.") from None


def _read_handle(buffer: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Return the offset and size of a block, and the position after them."""
    offset, position = _read_varint(buffer, position)
    size, position = _read_varint(buffer, position)
    return (offset, size), position


def _read_varint(buffer: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        byte = buffer[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise _CorruptTable("a number in it does not end")


def _read_block(content: bytes, handle: tuple[int, int]) -> bytes:
    offset, size = handle
    trailer = content[offset + size : offset + size + _TRAILER]
    if len(trailer) < _TRAILER:
        raise _CorruptTable("a block reaches beyond its end")
    kind, checksum = struct.unpack("<BI", trailer)
    if masked_crc32c(content[offset : offset + size + 1]) != checksum:
        raise _CorruptTable("a block does not match its checksum")
    if kind == _SNAPPY:
        raise _CorruptTable(
            "it is compressed with snappy, which is not supported; TensorFlow itself writes checkpoints uncompressed"
        )
    if kind != _UNCOMPRESSED:
        raise _CorruptTable(f"a block is of kind {kind}")
    return content[offset : offset + size]


def _read_block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(block) < 4:
        raise _CorruptTable("a block is too short")
    (restarts,) = struct.unpack("<I", block[-4:])
    end, position, key = len(block) - 4 - 4 * restarts, 0, b""
    if end < 0:
        raise _CorruptTable("a block is too short")
    while position < end:
        shared, position = _read_varint(block, position)
        unshared, position = _read_varint(block, position)
        length, position = _read_varint(block, position)
        if shared > len(key) or position + unshared + length > end:
            raise _CorruptTable("an entry reaches beyond its block")
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length
