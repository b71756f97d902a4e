"""Sorted tables of keys and values, as LevelDB and TensorFlow write them (`tensorflow/core/lib/io/table.cc`).

The file ends in a footer: where a block of metadata and the block of the index lie, and a magic number. The index holds
where each block of entries lies. A block is entries, the places where keys begin anew, a byte that tells how it is
compressed, and a checksum. A key is told by how much of the one before it keeps.
"""

import struct
from collections.abc import Iterator

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.tensorflow.crc32c import masked_crc32c

MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
_FOOTER, _TRAILER = 48, 5
_UNCOMPRESSED, _SNAPPY = 0, 1


class _CorruptTable(Exception):
    """A table is not what it should be."""


def read_entries(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All keys and values of a table, in their order.

    Raises:
        LegacyFileError: it is damaged, or compressed.
    """
    try:
        if len(content) < _FOOTER or not content.endswith(MAGIC):
            raise _CorruptTable("it does not end as one")
        footer = content[-_FOOTER:]
        _, place = _read_handle(footer, 0)
        handle, _ = _read_handle(footer, place)
        for _, where in _read_block_entries(_read_block(content, handle)):
            yield from _read_block_entries(_read_block(content, _read_handle(where, 0)[0]))
    except (_CorruptTable, IndexError) as error:
        raise LegacyFileError(f"is no whole table of TensorFlow's: {error}.") from None


def _read_handle(buffer: bytes, place: int) -> tuple[tuple[int, int], int]:
    """Where a block lies: its first byte and its length; and where reading goes on."""
    offset, place = _read_varint(buffer, place)
    size, place = _read_varint(buffer, place)
    return (offset, size), place


def _read_varint(buffer: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        byte = buffer[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise _CorruptTable("it has a number without an end")


def _read_block(content: bytes, handle: tuple[int, int]) -> bytes:
    offset, size = handle
    trailer = content[offset + size : offset + size + _TRAILER]
    if len(trailer) < _TRAILER:
        raise _CorruptTable("a block reaches beyond its end")
    kind, checksum = struct.unpack("<BI", trailer)
    if masked_crc32c(content[offset : offset + size + 1]) != checksum:
        raise _CorruptTable("a block does not have the checksum that it says")
    if kind == _SNAPPY:
        raise _CorruptTable("it is compressed with snappy, which is not read; TensorFlow itself writes it plain again")
    if kind != _UNCOMPRESSED:
        raise _CorruptTable(f"a block is of kind {kind}")
    return content[offset : offset + size]


def _read_block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(block) < 4:
        raise _CorruptTable("a block is too short")
    (restarts,) = struct.unpack("<I", block[-4:])
    end, place, key = len(block) - 4 - 4 * restarts, 0, b""
    if end < 0:
        raise _CorruptTable("a block is too short")
    while place < end:
        kept, place = _read_varint(block, place)
        added, place = _read_varint(block, place)
        length, place = _read_varint(block, place)
        if kept > len(key) or place + added + length > end:
            raise _CorruptTable("an entry reaches beyond its block")
        key = key[:kept] + block[place : place + added]
        place += added
        yield key, block[place : place + length]
        place += length
