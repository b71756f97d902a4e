"""Untrusted zip files: sizes are checked before anything is unpacked."""

import io
import zipfile
import zlib

MAX_BYTES = 4 * 2**30
MAX_MEMBERS = 100_000

# Raised by zipfile for files that are truncated, damaged (ValueError among them) or encrypted (RuntimeError).
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, OverflowError, IndexError)


class DamagedArchive(ValueError):
    """A zip file is invalid; the message is a noun phrase that follows the file's name and "is"."""


class Archive:
    """The members of a zip file, by name, in the file's order.

    Args:
        content: the bytes of the file.

    Raises:
        DamagedArchive: it is not a valid zip file, or is larger than the limits.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except _ZIP_ERRORS as error:
            raise DamagedArchive("a zip file that is damaged or cut short") from error
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_BYTES:
            raise DamagedArchive(f"a zip file of more than {MAX_BYTES / 2**30:.0f} GiB or {MAX_MEMBERS:,} members")
        self.names = tuple(member.filename for member in members)

    def read(self, name: str) -> bytes:
        """Return the content of a member."""
        try:
            return self._zip.read(name)
        except KeyError:
            raise DamagedArchive(f"a zip file without {name}") from None
        except (*_ZIP_ERRORS, NotImplementedError) as error:
            raise DamagedArchive(f"a zip file whose member {name} is damaged") from error
