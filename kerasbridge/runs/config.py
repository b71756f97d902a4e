"""`config.json`: settings and results of a run."""

import importlib.metadata
import json
import math
import platform
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerasbridge._version import __version__
from kerasbridge.errors import RunFileError, RunFolderError
from kerasbridge.runs import swap
from kerasbridge.runs.contents import CONFIG
from kerasbridge.runs.folder import written_by_kerasbridge
from kerasbridge.runs.validators import VALIDATORS
from kerasbridge.runtime.backend_status import FRAMEWORKS
from kerasbridge.runtime.files import atomic_write

_FORMER_EXECUTION_NAMES = {"step by step": "eager", "jitted steps": "jit"}


@dataclass(frozen=True)
class Config:
    """Settings and results of a run: the content of `config.json`.

    Attributes:
        arguments: the arguments of the command or of `kb.fit`, including defaults.
        versions: the versions of kerasbridge, keras, the backend, numpy and python.
        backend, device: the backend, and the device such as "cpu" or "gpu:0".
        seed, rng: the seed and the generator of the random numbers.
        data: for digits, name, source, checksum and scaling; for data of `kerasbridge train --data` or `--script`,
            where it came from and its form (`subjects.forms.Form`); for data of `kb.fit`, its kind, shapes and dtypes.
        started: the start time in UTC, in ISO 8601.
        model: the name of the model.
        epochs: the number of epochs to train.
        workers, devices: the number of workers of `kb.fit`, and the device of each.
        execution, execution_reason: how the steps ran ("looped", "traced", "jit", "eager"), and why not faster.
        fast_paths: the names of the fast paths that it may use; None if it was started by an older version.
        test: loss and metrics on the test digits, by name.
        validation: for other data, loss and metrics of the saved model on the validation data, by name; None if they
            are not known.
        mistakes: the test digits, or the rows to validate on, that were predicted wrongly: predicted class by index.
        seconds: the duration of the training, including compilation.
        finished: the end time in UTC, in ISO 8601; None during training and after an interruption.
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
    workers: int = 1
    devices: list[str] | None = None
    execution: str | None = None
    execution_reason: str | None = None
    fast_paths: list[str] | None = None
    test: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] | None = None
    mistakes: dict[int, int] | None = None
    seconds: float | None = None
    finished: str | None = None

    def write(self, folder: Path) -> None:
        """Write `config.json` into a folder; numbers that are not finite become null, as JSON requires."""
        text = json.dumps(_finite(asdict(self)), indent=2, ensure_ascii=False, allow_nan=False)
        with atomic_write(folder / CONFIG) as file:
            file.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")  # as JSON escapes names of files


def read(folder: Path) -> Config:
    """Read the configuration of a run; unknown fields are ignored, and missing ones have their defaults.

    Raises:
        RunFolderError: the folder contains no run of kerasbridge, or its `config.json` is damaged.
    """
    content = raw(folder)
    values = {each.name: content[each.name] for each in fields(Config) if each.name in content}
    for each in fields(Config):
        if each.name not in values and each.default is MISSING and each.default_factory is MISSING:
            raise _damaged(folder, f"{each.name} is missing")
        if each.name in values and not VALIDATORS[each.name](values[each.name]):
            raise _damaged(folder, f"{each.name} is {_shorten(values[each.name])}")
    for name in ("test", "validation"):
        values[name] = _with_nan(values.get(name))
    values["test"] = values["test"] or {}
    if values.get("mistakes") is not None:
        values["mistakes"] = {int(index): predicted for index, predicted in values["mistakes"].items()}
    values["execution"] = current_execution_name(values.get("execution"))
    return Config(**values)


def _with_nan(scores: dict[str, float | None] | None) -> dict[str, float] | None:
    """Return scores with NaN instead of None, as which JSON stores it."""
    if scores is None:
        return None
    return {name: math.nan if value is None else value for name, value in scores.items()}


def current_execution_name(name: str | None) -> str | None:
    """Return the current name of an execution mode; files written before November 2026 use older names."""
    return _FORMER_EXECUTION_NAMES.get(name, name) if name else name


def raw(folder: Path) -> dict[str, Any]:
    """Read `config.json`, and check only that kerasbridge wrote it.

    Raises:
        RunFolderError: as for `read`.
    """
    try:
        text = swap.read(folder, CONFIG)
        content = json.loads(text or "{}")
    except FileNotFoundError as error:
        problem = "contains no run" if folder.is_dir() else "does not exist"
        raise RunFolderError(
            f"{folder} {problem}: expected a folder with a {CONFIG} of kerasbridge. To list the runs, type: "
            "kerasbridge runs"
        ) from error
    except NotADirectoryError as error:
        raise RunFolderError(
            f"{folder} is a file: expected a run folder. To list the runs, type: kerasbridge runs"
        ) from error
    except OSError as error:
        raise RunFileError(f"{folder / CONFIG} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, "it is not valid JSON") from error
    if not text:
        raise RunFolderError(f"{folder} contains no run: its {CONFIG} is empty, the training was killed at its start.")
    if not written_by_kerasbridge(content):
        raise RunFolderError(f"{folder} contains no run: its {CONFIG} was not written by kerasbridge.")
    return dict(content)


def versions(backend: str) -> dict[str, str | None]:
    """Return the versions of the packages a run depends on, without importing them."""
    return {
        "kerasbridge": __version__,
        "keras": FRAMEWORKS["keras"].distribution()[1],
        backend: FRAMEWORKS[backend].distribution()[1],
        "numpy": importlib.metadata.version("numpy"),
        "python": platform.python_version(),
    }


def timestamp(at: datetime | None = None) -> str:
    """Format a time, by default the current one, as in `started` and `finished`."""
    return (at or datetime.now(UTC)).isoformat(timespec="seconds")


def _damaged(folder: Path, reason: str) -> RunFileError:
    return RunFileError(f"{folder / CONFIG} is damaged, {reason}: train the run again, or use another.")


def _shorten(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 40 else f"{text[:40]} …"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
