"""Write an exported file to a temporary path, and move it into place once it is verified."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerasbridge.errors import ArgumentError
from kerasbridge.runtime.files import PREFIX, check_output, is_real_folder, sync_folder, sync_tree

COMPANIONS = {".xml": ".bin"}
"""The suffix of a second file that a format writes next to the first."""

_SAVED_MODEL = {"saved_model.pb", "fingerprint.pb", "keras_metadata.pb", "variables", "assets", "assets.extra"}


def check(path: Path, overwrite: bool, is_folder: bool = False) -> None:
    """Refuse a path that cannot be written to.

    Args:
        path: the file or folder that the user names.
        overwrite: whether what exists there may be replaced.
        is_folder: whether the format is a folder, a SavedModel.

    Raises:
        ArgumentError: its folder does not exist, or the path, or that of the second file of the format, exists and must
            not be replaced.
    """
    if is_folder and overwrite and is_real_folder(path):
        _check_saved_model(path)
        return
    check_output(path, overwrite)
    if path.suffix in COMPANIONS:
        check_output(path.with_suffix(COMPANIONS[path.suffix]), overwrite)


def _check_saved_model(folder: Path) -> None:
    """Refuse to replace a folder with anything but a SavedModel in it."""
    others = sorted({entry.name for entry in folder.iterdir()} - _SAVED_MODEL)
    if others:
        raise ArgumentError(
            f"Expected a path of a SavedModel to replace, received {folder}, which also contains {others[0]}: choose "
            "another path."
        )


@contextlib.contextmanager
def staging_path(path: Path) -> Iterator[Path]:
    """Yield a path of the same name in a temporary folder next to it, which is deleted when the body ends.

    Raises:
        ArgumentError: the folder of the path cannot be written to.
    """
    try:
        folder = tempfile.mkdtemp(prefix=PREFIX, dir=path.absolute().parent)
    except OSError as error:
        raise ArgumentError(f"Expected a path that can be written to, received {path}: {error}") from error
    try:
        yield Path(folder, path.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def commit(staged: Path, path: Path) -> int:
    """Move all files of the staging folder to the folder of the path, replacing existing ones.

    Returns:
        The size in bytes.
    """
    sync_tree(staged.parent)
    size = sum(file.stat().st_size for file in staged.parent.rglob("*") if file.is_file())
    for entry in sorted(staged.parent.iterdir(), key=lambda entry: entry == staged):
        _replace(entry, path.absolute().parent / entry.name)
    sync_folder(path.absolute().parent)
    return size


def _replace(source: Path, target: Path) -> None:
    """Replace a file or folder; an existing folder is moved away first, and back if the new one cannot be moved."""
    if not is_real_folder(target):
        source.replace(target)
        return
    old = target.rename(source.with_name(f"old-{source.name}"))
    try:
        source.rename(target)
    except BaseException:
        old.rename(target)
        raise
