"""The run folder: what one training run leaves on disk, whole or not at all.

It holds `model.keras` and `config.json`, and `tensorboard/` where that was asked for. Whoever trains writes the model;
this module loads no framework.
"""

import contextlib
import importlib.metadata
import json
import math
import os
import platform
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import kerasbridge
from kerasbridge.errors import RunFolderError
from kerasbridge.probing import FRAMEWORKS

CONFIG = "config.json"
MODEL = "model.keras"
EVENTS = "tensorboard"


@dataclass(frozen=True)
class Config:
    """How a run was made and what came out: the content of `config.json`.

    Attributes:
        arguments: what the command was given, defaults included.
        versions: of kerasbridge, keras, the backend, numpy and python.
        backend, device: where it ran, the device by its own name ("cpu", "gpu:0").
        seed, rng: what settles the random numbers.
        execution, execution_reason: how the steps ran ("looped", "traced", …), and why not faster.
        data: name, source and checksum of the digits, and how they were scaled.
        history: the numbers of each epoch, by name.
        test: the numbers on the test digits, by name.
        seconds: how long the training itself took, compilation included.
        started, finished: UTC, in ISO 8601.
    """

    arguments: dict[str, Any]
    versions: dict[str, str | None]
    backend: str
    device: str
    seed: int
    rng: str
    execution: str | None
    execution_reason: str | None
    data: dict[str, str]
    history: dict[str, list[float]]
    test: dict[str, float]
    seconds: float
    started: str
    finished: str

    def write(self, folder: Path) -> None:
        """Write `config.json` into a folder; numbers that are not finite, which JSON has not, become null."""
        text = json.dumps(_finite(asdict(self)), indent=2, ensure_ascii=False, allow_nan=False)
        (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def versions(backend: str) -> dict[str, str | None]:
    """The versions a run depends on, read from the installed packages without importing them."""
    return {
        "kerasbridge": kerasbridge.__version__,
        "keras": FRAMEWORKS["keras"].distribution()[1],
        backend: FRAMEWORKS[backend].distribution()[1],
        "numpy": importlib.metadata.version("numpy"),
        "python": platform.python_version(),
    }


def default_folder(model: str, backend: str, started: datetime) -> Path:
    """`runs/<date-time>-<model>-<backend>` below the current folder, numbered where that is taken."""
    name = f"{started.astimezone():%Y%m%d-%H%M%S}-{model}-{backend}"
    folder, number = Path("runs", name), 2
    while os.path.lexists(folder):
        folder, number = Path("runs", f"{name}-{number}"), number + 1
    return folder


def check_writable(folder: Path, override: bool = False) -> None:
    """Refuse a folder that a run cannot be written into, before the run is trained; leaves nothing behind.

    Args:
        folder: where the run is to be; it and the folders above it need not be there.
        override: whether a run that is there may be replaced.

    Raises:
        RunFolderError: it is no folder, is not empty, holds something else than a run, or cannot be written.
    """
    with _plain_errors(folder):
        if os.path.lexists(folder) and not folder.is_dir():
            raise RunFolderError(f"{folder} is a file: expected a run folder, choose another with --run-dir.")
        if folder.is_dir() and any(folder.iterdir()):
            _check_replaceable(folder, override)
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        Path(tempfile.mkdtemp(prefix=".kerasbridge-", dir=existing)).rmdir()


def line_to_look(events: Path) -> str:
    """What to type to look at a folder of TensorBoard's files.

    >>> line_to_look(Path("runs/first run/tensorboard"))
    "tensorboard --logdir 'runs/first run/tensorboard'"
    """
    return shlex.join(["tensorboard", "--logdir", str(events)])


@contextlib.contextmanager
def new_folder(folder: Path, override: bool = False) -> Iterator[Path]:
    """A folder to write a run into, which takes the place of `folder` once the body has ended well.

    Where the body or the taking of the place fails, also by Ctrl-C, everything is as it was before.

    Args:
        folder, override: as for `check_writable`.

    Yields:
        An empty folder on the same disk.

    Raises:
        RunFolderError: as for `check_writable`, or something could not be written, as on a full disk.
    """
    check_writable(folder, override)
    with _plain_errors(folder), _parents(folder):
        replaces = folder.is_dir()
        holder = Path(tempfile.mkdtemp(prefix=".kerasbridge-", dir=folder if replaces else folder.parent))
        try:
            new = holder / "new"  # mkdtemp's own folder is closed to everyone else
            new.mkdir()
            yield new
            if replaces:
                _exchange(folder, holder)
            else:
                new.rename(folder)
        finally:
            shutil.rmtree(holder / "new", ignore_errors=True)
            with contextlib.suppress(OSError):  # not empty where an old run could not be brought back
                holder.rmdir()


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run: a `config.json` that kerasbridge wrote."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and "kerasbridge" in (config.get("versions") or ())


def _check_replaceable(folder: Path, override: bool) -> None:
    if not override:
        raise RunFolderError(
            f"{folder} is not empty: choose another folder with --run-dir, or replace the run in it with --override."
        )
    if not is_run(folder):
        raise RunFolderError(
            f"{folder} is not empty and holds no run ({CONFIG} of kerasbridge), so --override does not replace it: "
            "choose another folder with --run-dir."
        )


@contextlib.contextmanager
def _plain_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except RunFolderError:
        raise
    except OSError as error:
        raise RunFolderError(
            f"The run folder {folder} cannot be written ({error.strerror or error}): choose another with --run-dir."
        ) from error


@contextlib.contextmanager
def _parents(folder: Path) -> Iterator[None]:
    """The folders above `folder`; those that were missing go again if the body fails."""
    missing = [path for path in folder.absolute().parents if not path.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


def _exchange(folder: Path, holder: Path) -> None:
    """Moves what is in `folder` to `holder`/old and what is in `holder`/new to `folder`, both or neither.

    The folder itself stays: it may be a mounted disk, a link, or the shell's current folder.
    """
    new, old = holder / "new", holder / "old"
    old.mkdir()
    try:
        _move(folder, old, leave=holder)
        try:
            _move(new, folder)
        except BaseException:
            _move(folder, new, leave=holder)
            raise
    except BaseException:
        _move(old, folder)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


def _move(source: Path, target: Path, leave: Path | None = None) -> None:
    """The configuration goes last: it says that a run is there."""
    for entry in sorted(source.iterdir(), key=lambda entry: entry.name == CONFIG):
        if entry != leave:
            entry.rename(target / entry.name)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
