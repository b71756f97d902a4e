"""Write an exported file to a temporary path, and move it into place once it is verified."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from kerasbridge.errors import ArgumentError
from kerasbridge.runtime.files import check_output, is_real_folder, sync_tree
from kerasbridge.runtime.staging import move_into_place, recover_outputs, staging_folder

COMPANIONS = {".xml": ".bin"}
"""The suffix of a second file that a format writes next to the first."""

_SAVED_MODEL = {"saved_model.pb", "fingerprint.pb", "keras_metadata.pb", "variables", "assets", "assets.extra"}


def check(path: Path, overwrite: bool, is_folder: bool = False) -> None:
    """Refuse a path that cannot be written to; what a process that died has left there is recovered or removed.

    Args:
        path: the file or folder that the user names.
        overwrite: whether what exists there may be replaced.
        is_folder: whether the format is a folder, a SavedModel.

    Raises:
        ArgumentError: its folder does not exist, or the path, or that of the second file of the format, exists and must
            not be replaced.
    """
    recover_outputs(path.absolute().parent)
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
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(staging_folder(path.absolute().parent))
        except OSError as error:
            raise ArgumentError(f"Expected a path that can be written to, received {path}: {error}") from error
        yield folder / path.name


def commit(staged: Path, path: Path) -> int:
    """Move all files of the staging folder to the folder of the path, replacing existing ones.

    Returns:
        The size in bytes.
    """
    sync_tree(staged.parent)
    size = sum(file.stat().st_size for file in staged.parent.rglob("*") if file.is_file())
    move_into_place(staged.parent)
    return size
