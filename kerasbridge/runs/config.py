"""`config.json`: how a run was made and what came out."""

import importlib.metadata
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerasbridge._version import __version__
from kerasbridge.errors import RunFolderError
from kerasbridge.runs.folder import CONFIG, atomic_write, written_by_kerasbridge
from kerasbridge.runs.validators import KINDS
from kerasbridge.runtime.backend_status import FRAMEWORKS

_FORMER_EXECUTION_NAMES = {"step by step": "eager", "jitted steps": "jit"}


@dataclass(frozen=True)
class Config:
    """How a run was made and what came out: the content of `config.json`.

    Attributes:
        arguments: what the command, or `kb.fit`, was given, defaults included.
        versions: of kerasbridge, keras, the backend, numpy and python.
        backend, device: where it ran, the device by its own name ("cpu", "gpu:0").
        seed, rng: what settles the random numbers.
        data: of digits, name, source, checksum and scaling; of other data, what it is, its shapes and types.
        started: UTC, in ISO 8601.
        model: the model's name.
        epochs: how many were to be trained.
        execution, execution_reason: how the steps ran ("looped", "traced", "jit", "eager"), and why not faster.
        test: the numbers on the test digits, by name.
        mistakes: which of the test digits were taken for another, and for which: predicted class by index.
        seconds: how long the training itself took, compilation included.
        finished: UTC, in ISO 8601; None while the run is trained, and where that broke off.
    """

    arguments: dict[str, Any]
    versions: dict[str, str | None]
    backend: str
    device: str
    seed: int | None
    rng: str | None
    data: dict[str, Any]
    started: str
    model: str = ""
    epochs: int | None = None
    execution: str | None = None
    execution_reason: str | None = None
    test: dict[str, float] = field(default_factory=dict)
    mistakes: dict[int, int] | None = None
    seconds: float | None = None
    finished: str | None = None

    def write(self, folder: Path) -> None:
        """Write `config.json` into a folder; numbers that are not finite, which JSON has not, become null."""
        text = json.dumps(_finite(asdict(self)), indent=2, ensure_ascii=False, allow_nan=False)
        with atomic_write(folder / CONFIG) as file:
            file.write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Config:
    """The configuration of a run; fields that this version does not know are left out, newer ones have their default.

    Raises:
        RunFolderError: the folder holds no run of kerasbridge, or one whose `config.json` is damaged.
    """
    found = raw(folder)
    known = {each.name: found[each.name] for each in fields(Config) if each.name in found}
    for each in fields(Config):
        if each.name not in known and each.default is MISSING and each.default_factory is MISSING:
            raise _damaged(folder, f"{each.name} is missing")
        if each.name in known and not KINDS[each.name](known[each.name]):
            raise _damaged(folder, f"{each.name} is {_in_short(known[each.name])}")
    known["test"] = {name: math.nan if value is None else value for name, value in known.get("test", {}).items()}
    known["mistakes"] = _by_number(known.get("mistakes"))
    known["execution"] = current_execution_name(known.get("execution"))
    return Config(**known)


def current_execution_name(name: str | None) -> str | None:
    """Return today's name of an execution mode that an older file may spell as it was called until November 2026."""
    return _FORMER_EXECUTION_NAMES.get(name, name) if name else name


def raw(folder: Path) -> dict[str, Any]:
    """What `config.json` says, unchecked but for being a run's.

    Raises:
        RunFolderError: as for `read`.
    """
    try:
        found = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        there = "holds no run" if folder.is_dir() else "is not there"
        raise RunFolderError(
            f"{folder} {there}: expected a folder with a {CONFIG} of kerasbridge. `kerasbridge runs` lists those here."
        ) from error
    except NotADirectoryError as error:
        raise RunFolderError(f"{folder} is a file: expected a run folder, as kerasbridge runs lists.") from error
    except OSError as error:
        raise RunFolderError(f"{folder / CONFIG} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, "it is no JSON") from error
    if not written_by_kerasbridge(found):
        raise RunFolderError(f"{folder} holds no run: its {CONFIG} was not written by kerasbridge.")
    return dict(found)


def versions(backend: str) -> dict[str, str | None]:
    """The versions a run depends on, read from the installed packages without importing them."""
    return {
        "kerasbridge": __version__,
        "keras": FRAMEWORKS["keras"].distribution()[1],
        backend: FRAMEWORKS[backend].distribution()[1],
        "numpy": importlib.metadata.version("numpy"),
        "python": platform.python_version(),
    }


def timestamp(at: datetime | None = None) -> str:
    """A moment, now unless given, as `started` and `finished` say it."""
    return (at or datetime.now(UTC)).isoformat(timespec="seconds")


def _by_number(mistakes: Mapping[str, int] | None) -> dict[int, int] | None:
    return None if mistakes is None else {int(index): predicted for index, predicted in mistakes.items()}


def _damaged(folder: Path, why: str) -> RunFolderError:
    return RunFolderError(f"{folder / CONFIG} is damaged, {why}: train the run again, or take another.")


def _in_short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 40 else f"{text[:40]} …"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
