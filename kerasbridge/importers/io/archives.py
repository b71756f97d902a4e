"""Zip files that are not trusted: sizes are checked before anything in them is unpacked."""

import io
import zipfile
import zlib

MAX_BYTES = 4 * 2**30
MAX_MEMBERS = 100_000

# What zipfile raises for files that are cut short, damaged (ValueError among them) or encrypted (RuntimeError).
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, OverflowError, IndexError)


class DamagedArchive(ValueError):
    """What is wrong with it, to follow the file's name and "is"."""


class Archive:
    """The members of a zip file by their names, in the file's order.

    Args:
        content: the whole file.

    Raises:
        DamagedArchive: it is none, or announces more than is read from a file.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except _DAMAGE as error:
            raise DamagedArchive("a zip file that is damaged or cut short") from error
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_BYTES:
            raise DamagedArchive(f"a zip file of more than {MAX_BYTES / 2**30:.0f} GiB or {MAX_MEMBERS:,} members")
        self.names = tuple(member.filename for member in members)

    def read(self, name: str) -> bytes:
        """All of a member."""
        try:
            return self._zip.read(name)
        except KeyError:
            raise DamagedArchive(f"a zip file without {name}") from None
        except (*_DAMAGE, NotImplementedError) as error:
            raise DamagedArchive(f"a zip file whose member {name} is damaged") from error
