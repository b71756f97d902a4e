"""Checkpoints: a table with the type, shape and offset of each variable, and data files with the values.

`tensorflow/core/util/tensor_bundle`; a variable that is stored in slices has an entry for each, with a key whose
encoding keeps the sort order (`saved_tensor_slice_util.cc`, `ordered_code.cc`).
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import LegacyFileError
from kerasbridge.files import regular
from kerasbridge.files.budget import current, spend
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow import sstable, tensors
from kerasbridge.importers.tensorflow.crc32c import masked_crc32c
from kerasbridge.importers.tensorflow.schema import parse_message

_MAX_BYTES = 2**31 - 1
"""The maximum size of one variable."""

_STEPS_PER_ENTRY = 50
_CHECKSUM = "do not match their checksum."


class TensorBundle:
    """The variables of a checkpoint.

    Args:
        prefix: the common path of the files, without ".index" and ".data-00000-of-00001".

    Raises:
        LegacyFileError: the table is missing or damaged.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self._index = SourceFile(f"{prefix}.index")
        current().grow(_size_of_shards(prefix))
        try:
            self._entries = dict(sstable.read_entries(self._index.content))
        except LegacyFileError as error:
            raise LegacyFileError(f"{self._index.path} {error}") from None
        header = parse_message("BundleHeaderProto", self._entries.pop(b"", b""), self._index.path)
        self._shards = header.num_shards
        if header.endianness:
            raise LegacyFileError(f"{self._index.path} contains big-endian numbers, which are not supported.")

    @property
    def names(self) -> list[str]:
        """All variables."""
        return [key.decode("utf-8", "replace") for key in self._entries if not key.startswith(b"\0")]

    def check_shards(self) -> None:
        """Raise LegacyFileError if a data file is missing."""
        for shard in range(max(self._shards, 1)):
            if not self._shard(shard).is_file():
                raise LegacyFileError(f"{self._shard(shard)} is missing, which contains variables.")

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a variable."""
        return tensors.parse_shape(self._entry(name.encode()).shape)

    def is_supported(self, name: str) -> bool:
        """Return whether the dtype of a variable is supported."""
        return tensors.base_dtype(self._entry(name.encode()).dtype) in tensors.DTYPES

    def read(self, name: str) -> NDArray[Any]:
        """Return the value of a variable.

        Raises:
            LegacyFileError: it is missing or damaged.
        """
        try:
            entry = self._entry(name.encode())
            return self._read_slices(name, entry) if entry.slices else self._read_value(entry)
        except LegacyFileError as error:
            raise LegacyFileError(f"{self.prefix}: variable {name!r} {error}") from None

    def read_string(self, name: str) -> bytes:
        """Return the bytes of an entry that is one string: stored as the length, the length's checksum, and the bytes.

        Raises:
            LegacyFileError: it is not one string, or is damaged.
        """
        try:
            entry = self._entry(name.encode())
            if entry.dtype != tensors.STRING or tensors.parse_shape(entry.shape):
                raise LegacyFileError("is not one string.")
            return _parse_string(self._content(entry), entry.crc32c)
        except LegacyFileError as error:
            raise LegacyFileError(f"{self.prefix}: {name!r} {error}") from None

    def _entry(self, key: bytes) -> Any:
        if key not in self._entries:
            raise LegacyFileError("is not in the checkpoint.")
        return parse_message("BundleEntryProto", self._entries[key], "its entry")

    def _read_value(self, entry: Any) -> NDArray[Any]:
        content = self._content(entry)
        if masked_crc32c(content) != entry.crc32c:
            raise LegacyFileError(f"is damaged: its values in {self._shard(entry.shard_id).name} {_CHECKSUM}")
        return tensors.from_bytes(content, tensors.base_dtype(entry.dtype), tensors.parse_shape(entry.shape))

    def _content(self, entry: Any) -> bytes:
        if not 0 <= entry.size <= _MAX_BYTES or entry.offset < 0 or not 0 <= entry.shard_id < max(self._shards, 1):
            raise LegacyFileError("has an offset or size outside the checkpoint's data files.")
        return _read_range(self._shard(entry.shard_id), entry.offset, entry.size)

    def _shard(self, shard: int) -> Path:
        return Path(f"{self.prefix}.data-{shard:05d}-of-{max(self._shards, 1):05d}")

    def _read_slices(self, name: str, entry: Any) -> NDArray[Any]:
        shape = tensors.parse_shape(entry.shape)
        if math.prod(shape) * 8 > _MAX_BYTES:
            raise LegacyFileError(f"is larger than {_MAX_BYTES:,} bytes.")
        spend(memory=math.prod(shape) * 8)
        array = np.zeros(shape, tensors.DTYPES.get(tensors.base_dtype(entry.dtype), np.float32))
        covered = 0
        for piece in entry.slices:
            extents = [(extent.start, extent.length or -1) for extent in piece.extent]
            part = self._read_value(self._entry(slice_key(name, extents)))
            position = tuple(slice(start, None if length < 0 else start + length) for start, length in extents)
            if len(extents) != len(shape) or array[position].shape != part.shape:
                raise LegacyFileError("is stored in slices that do not fit together.")
            array[position] = part
            covered += part.size
        if covered < array.size:
            raise LegacyFileError("is incomplete: slices of it are missing.")
        return array


def _parse_string(content: bytes, checksum: int) -> bytes:
    """Return the string in an entry, whose checksum covers the length as an integer, not as it is stored."""
    start = next((index for index, byte in enumerate(content[:9], 1) if byte < 128), 0)
    length = sum((byte & 127) << 7 * index for index, byte in enumerate(content[:start]))
    length_bytes, string = length.to_bytes(8 if length > 0xFFFFFFFF else 4, "little"), content[start + 4 :]
    length_crc = masked_crc32c(length_bytes).to_bytes(4, "little")
    if (
        content[start : start + 4] != length_crc
        or len(string) != length
        or masked_crc32c(length_bytes + length_crc + string) != checksum
    ):
        raise LegacyFileError(f"is damaged: its bytes {_CHECKSUM}")
    return string


def _read_range(path: Path, offset: int, size: int) -> bytes:
    spend(steps=_STEPS_PER_ENTRY, memory=size)
    if problem := regular.problem(path):
        raise LegacyFileError(f"is stored in {path}, which cannot be read: it {problem}.")
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read(size)
    except OSError as error:
        raise LegacyFileError(f"is stored in {path}, which cannot be read: {error.strerror}.") from error
    if len(content) < size:
        raise LegacyFileError(f"reaches beyond the end of {path.name}, which is cut short.")
    return content


def _size_of_shards(prefix: Path) -> int:
    paths = prefix.parent.glob("*.data-?????-of-?????")
    return sum(path.stat().st_size for path in paths if path.name.startswith(prefix.name) and path.is_file())


def slice_key(name: str, extents: list[tuple[int, int]]) -> bytes:
    """Return the key of a slice of a variable: along each axis the start and the length, -1 for all.

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
    """Encode a number in as few bytes as possible: one leading bit of 1 for each byte, or of 0 if negative."""
    length = next(n for n in range(1, 9) if -(1 << (7 * n - 1)) <= value < 1 << (7 * n - 1))
    header = ((1 << length) - 1) << (8 * length - length)
    return ((value & ((1 << (8 * length)) - 1)) ^ header).to_bytes(length, "big")
