"""Checkpoints: a table of what each variable is and where its numbers lie, and the files with the numbers.

`tensorflow/core/util/tensor_bundle`; a variable that is held in pieces has an entry for each, whose key is written so
that keys sort as they should (`saved_tensor_slice_util.cc`, `ordered_code.cc`).
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow import sstable, tensors
from kerasbridge.importers.tensorflow.crc32c import masked_crc32c
from kerasbridge.importers.tensorflow.schema import parse_message

_MAX_BYTES = 2**31 - 1
"""Bytes of one variable."""

_CHECKSUM = "do not have the checksum that they should."


class TensorBundle:
    """The variables of a checkpoint.

    Args:
        prefix: the files' common path, without ".index" and ".data-00000-of-00001".

    Raises:
        LegacyFileError: the table is missing or damaged.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self._index = SourceFile(f"{prefix}.index")
        try:
            self._entries = dict(sstable.read_entries(self._index.content))
        except LegacyFileError as error:
            raise LegacyFileError(f"{self._index.path} {error}") from None
        header = parse_message("BundleHeaderProto", self._entries.pop(b"", b""), self._index.path)
        self._shards = header.num_shards
        if header.endianness:
            raise LegacyFileError(f"{self._index.path} holds numbers with the greatest byte first, which are not read.")

    @property
    def names(self) -> list[str]:
        """The keys of all variables."""
        return [key.decode("utf-8", "replace") for key in self._entries if not key.startswith(b"\0")]

    def expect_data(self) -> None:
        """Raise an error where a file with numbers is missing."""
        for shard in range(max(self._shards, 1)):
            if not self._shard(shard).is_file():
                raise LegacyFileError(f"{self._shard(shard)} is missing, which holds the variables.")

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a variable."""
        return tensors.parse_shape(self._entry(name.encode()).shape)

    def is_read(self, name: str) -> bool:
        """Return whether a variable is of numbers of a type that is read."""
        return tensors.base_dtype(self._entry(name.encode()).dtype) in tensors.DTYPES

    def read(self, name: str) -> NDArray[Any]:
        """The numbers of a variable.

        Raises:
            LegacyFileError: they are not there, or not as the table says.
        """
        try:
            entry = self._entry(name.encode())
            return self._sliced(name, entry) if entry.slices else self._whole(entry)
        except LegacyFileError as error:
            raise LegacyFileError(f"{self.prefix}: variable {name!r} {error}") from None

    def text(self, name: str) -> bytes:
        """The bytes of an entry that is one text: its length, the length's checksum, and they themselves.

        Raises:
            LegacyFileError: it is none.
        """
        try:
            entry = self._entry(name.encode())
            if entry.dtype != tensors.STRING or tensors.parse_shape(entry.shape):
                raise LegacyFileError("is not one text.")
            return _parse_string(self._content(entry), entry.crc32c)
        except LegacyFileError as error:
            raise LegacyFileError(f"{self.prefix}: {name!r} {error}") from None

    def _entry(self, key: bytes) -> Any:
        if key not in self._entries:
            raise LegacyFileError("is not in the checkpoint.")
        return parse_message("BundleEntryProto", self._entries[key], "its entry")

    def _whole(self, entry: Any) -> NDArray[Any]:
        content = self._content(entry)
        if masked_crc32c(content) != entry.crc32c:
            raise LegacyFileError(f"is damaged: its numbers in {self._shard(entry.shard_id).name} {_CHECKSUM}")
        return tensors.from_bytes(content, tensors.base_dtype(entry.dtype), tensors.parse_shape(entry.shape))

    def _content(self, entry: Any) -> bytes:
        if not 0 <= entry.size <= _MAX_BYTES or entry.offset < 0 or not 0 <= entry.shard_id < max(self._shards, 1):
            raise LegacyFileError("should lie where no file reaches.")
        return _read_range(self._shard(entry.shard_id), entry.offset, entry.size)

    def _shard(self, shard: int) -> Path:
        return Path(f"{self.prefix}.data-{shard:05d}-of-{max(self._shards, 1):05d}")

    def _sliced(self, name: str, entry: Any) -> NDArray[Any]:
        shape = tensors.parse_shape(entry.shape)
        if math.prod(shape) * 8 > _MAX_BYTES:
            raise LegacyFileError("is larger than any that is read.")
        whole = np.zeros(shape, tensors.DTYPES.get(tensors.base_dtype(entry.dtype), np.float32))
        covered = 0
        for piece in entry.slices:
            extents = [(extent.start, extent.length or -1) for extent in piece.extent]
            found = self._whole(self._entry(slice_key(name, extents)))
            place = tuple(slice(start, None if length < 0 else start + length) for start, length in extents)
            if len(extents) != len(shape) or whole[place].shape != found.shape:
                raise LegacyFileError("is held in pieces that do not fit together.")
            whole[place] = found
            covered += found.size
        if covered < whole.size:
            raise LegacyFileError("is not whole: pieces of it are missing.")
        return whole


def _parse_string(content: bytes, checksum: int) -> bytes:
    """The one text of an entry, whose checksum is of its length as a number, not as it is written."""
    place = next((at for at, byte in enumerate(content[:9], 1) if byte < 128), 0)
    length = sum((byte & 127) << 7 * at for at, byte in enumerate(content[:place]))
    number, text = length.to_bytes(8 if length > 0xFFFFFFFF else 4, "little"), content[place + 4 :]
    of_length = masked_crc32c(number).to_bytes(4, "little")
    if (
        content[place : place + 4] != of_length
        or len(text) != length
        or masked_crc32c(number + of_length + text) != checksum
    ):
        raise LegacyFileError(f"is damaged: its bytes {_CHECKSUM}")
    return text


def _read_range(path: Path, offset: int, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read(size)
    except OSError as error:
        raise LegacyFileError(f"should lie in {path}, which cannot be read: {error.strerror}.") from error
    if len(content) < size:
        raise LegacyFileError(f"reaches beyond the end of {path.name}, which is cut short.")
    return content


def slice_key(name: str, extents: list[tuple[int, int]]) -> bytes:
    """The key of a piece of a variable: along each axis its first place and its length, -1 for all.

    >>> slice_key("v", [(0, 2), (5, -1)])
    b'\\x00v\\x00\\x01\\x01\\x02\\x80\\x82\\x85\\x7f'
    """
    escaped = {0: b"\0\xff", 255: b"\xff\0"}
    text = b"".join(escaped.get(byte, bytes([byte])) for byte in name.encode()) + b"\0\1"
    numbers = b"".join(_ordered_signed(number) for extent in extents for number in extent)
    return _ordered_number(0) + text + _ordered_number(len(extents)) + numbers


def _ordered_number(value: int) -> bytes:
    content = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(content)]) + content


def _ordered_signed(value: int) -> bytes:
    """The number in as few bytes as hold it and as many bits of 1 as there are bytes before it, or of 0 below 0."""
    length = next(n for n in range(1, 9) if -(1 << (7 * n - 1)) <= value < 1 << (7 * n - 1))
    header = ((1 << length) - 1) << (8 * length - length)
    return ((value & ((1 << (8 * length)) - 1)) ^ header).to_bytes(length, "big")
