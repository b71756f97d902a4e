"""The files of a run: all that a training and `kerasbridge evaluate` write into a run folder, by name."""

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from kerasbridge.runtime.files import PREFIX, is_real_folder

CONFIG = "config.json"
MODEL = "model.keras"
CURVES = "curves.png"
HISTORY = "history.jsonl"
TABLE = "history.csv"
EVALUATION = "evaluation.png"
EVENTS = "tensorboard"
CHECKPOINTS = "checkpoints"

FILES = (CONFIG, MODEL, CURVES, HISTORY, TABLE, EVALUATION)
FOLDERS = {EVENTS: ("events.out.tfevents.*",), CHECKPOINTS: ("*.safetensors", "*.json")}
"""The folders of a run, with the files in them at any depth."""


def files_of_run(folder: Path) -> Iterator[str]:
    """Yield the files of a run, relative to its folder, with slashes; files of others are left out."""
    for name in FILES:
        if os.path.lexists(folder / name) and not is_real_folder(folder / name):
            yield name
    for name in FOLDERS:
        if is_real_folder(folder / name):
            for root, _, files in os.walk(folder / name):
                paths = (Path(root, file).relative_to(folder).as_posix() for file in files)
                yield from filter(is_file_of_run, paths)


def is_file_of_run(path: object) -> bool:
    """Return whether a relative path, with slashes, is one that a run may have."""
    if not isinstance(path, str) or "\0" in path or "\\" in path:
        return False
    first, *below = PurePosixPath(path).parts or ("",)
    if not below:
        return path in FILES
    return ".." not in below and any(fnmatch.fnmatchcase(below[-1], pattern) for pattern in FOLDERS.get(first, ()))


def others(folder: Path) -> list[str]:
    """Return the names of all in a folder that is no part of a run, nor left by a dead process."""
    names = (entry.name for entry in folder.iterdir())
    return sorted(name for name in names if name not in (*FILES, *FOLDERS) and not name.startswith(PREFIX))


def obstacle(folder: Path) -> str | None:
    """Return the name of something in a folder that stands where a run has a file or a folder of its own."""
    for name in FILES:
        if is_real_folder(folder / name):
            return name
    for name in FOLDERS:
        if os.path.lexists(folder / name) and not is_real_folder(folder / name):
            return name
    return None
