"""A contender's process: `python -m kerasbridge.benchmark.worker TASK.json`, asked for one thing at a time.

The requests are `prepare` (write the data and the initial weights), `start` (import), `first` (build and train two
epochs), `round` (train, evaluate, predict), `reach` (train a new model until an accuracy), `steps` (train without bar
and files) and, for PyTorch on an NVIDIA card, `count` (launches and peaks). The import is measured first, so this
module imports only the standard library.
"""

import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from kerasbridge.benchmark.settings import ACCURACY, CONTENDERS, FIRST_FIT_EPOCHS, MAX_EPOCHS, OURS
from kerasbridge.benchmark.timing import Lap, timed
from kerasbridge.benchmark.workloads import Data, Workload, load_data
from kerasbridge.errors import ArgumentError, KerasbridgeError
from kerasbridge.runtime.conversation import answer_requests
from kerasbridge.runtime.memory import peak_bytes
from kerasbridge.runtime.scripts import describe_result, parts_of
from kerasbridge.runtime.subprocesses import exit_with_message
from kerasbridge.subjects.source import Source

_ARRAYS = ("x", "y", "x_test", "y_test")


@dataclass(frozen=True)
class Task:
    """The task of a process, passed as JSON.

    Attributes:
        contender, backend: who trains.
        workload: what is trained.
        source: the model of the user's, and a file of its data.
        digits: an .npz file of digits; "" for those that come with kerasbridge.
        data: the .npz file of the data and the initial weights, which `prepare` writes.
        epochs: epochs of a round that count.
        cores: the number of processor cores that the process may use; None for all.
    """

    contender: str
    backend: str
    workload: Workload
    source: Source
    digits: str
    data: str
    epochs: int
    cores: int | None

    @classmethod
    def read(cls, path: str) -> "Task":
        """Read the JSON file."""
        fields = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls(**fields | {"workload": Workload(**fields["workload"]), "source": Source(**fields["source"])})

    @property
    def model(self) -> Path:
        """The copy of the .keras file that every contender loads."""
        return Path(self.data).with_name("model.keras")


class Worker:
    """Answers the requests for one contender."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._place: Any = None
        self._contender: Any = None

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request: its name is under "do"."""
        answers = {
            "prepare": self._prepare,
            "start": self._start,
            "first": self._first,
            "round": self._round,
            "reach": self._reach,
            "steps": self._steps,
            "count": self._count,
        }
        return answers[request["do"]]() | {"peak_bytes": peak_bytes()}

    def _start(self) -> dict[str, Any]:
        lap, self._place = timed(self._import)
        return {"laps": {"import": [astuple(lap)]}}

    def _first(self) -> dict[str, Any]:
        self._contender = self._make()
        whole, (laps, loss) = timed(self._contender.train_first, FIRST_FIT_EPOCHS)
        evaluation, _ = timed(self._contender.evaluate)
        prediction, _ = timed(self._contender.predict)
        first = {"epoch": laps[:1], "fit": [whole], "evaluate": [evaluation], "predict": [prediction]}
        describe = getattr(self._contender, "describe", dict)
        laps_by_name = _as_json({f"first {name}": laps for name, laps in first.items()})
        return {"laps": laps_by_name, "loss": loss, "runs": describe()}

    def _round(self) -> dict[str, Any]:
        laps, _ = self._contender.train(1 + self._task.epochs)
        evaluation, _ = timed(self._contender.evaluate)
        prediction, _ = timed(self._contender.predict)
        return {"laps": _as_json({"epoch": laps[1:], "evaluate": [evaluation], "predict": [prediction]})}

    def _reach(self) -> dict[str, Any]:
        """Train a new model, compiling included, until its accuracy on the test digits is reached."""
        import numpy as np

        contender, wall, cpu = self._make(), 0.0, 0.0
        labels = _read(self._task)[0].y_test
        for _ in range(MAX_EPOCHS):
            lap, _ = timed(contender.train, 1)
            wall, cpu = wall + lap.wall, cpu + lap.cpu
            if np.mean(contender.predict().argmax(axis=1) == labels) >= ACCURACY:
                return {"laps": {"to accuracy": [(wall, cpu)]}}
        return {"laps": {"to accuracy": []}}

    def _steps(self) -> dict[str, Any]:
        laps, _ = self._contender.train_first(1 + self._task.epochs)
        return {"laps": _as_json({"epoch": laps[1:]})}

    def _count(self) -> dict[str, Any]:
        """Count the launches of an epoch; the same process must have trained before."""
        counts = importlib.import_module("kerasbridge.benchmark.contenders.gpu_counts")
        return {"launches": counts.launches(lambda: self._contender.train_first(1)), "peaks": counts.peaks()}

    def _import(self) -> Any:
        if self._task.contender == OURS:
            import kerasbridge as kb

            kb.use_backend()
        module, _, name = CONTENDERS[self._task.contender].module[self._task.backend].partition(":")
        return getattr(importlib.import_module(f"kerasbridge.benchmark.contenders.{module}"), name)

    def _make(self) -> Any:
        data, weights = _read(self._task)
        if not CONTENDERS[self._task.contender].any_model:
            return self._place(self._task.workload, data, weights)
        if self._task.contender == OURS:
            import kerasbridge as kb

            kb.seed_everything(0)
        model, x, y, batch_size = _keras_model(self._task)
        if len(weights) == len(model.weights):
            model.set_weights(weights)
        if data.x is None:
            data = Data(x, y, x, y)
        elif self._task.workload.model:
            data = data.with_targets()
        return self._place(model, data, batch_size)

    def _prepare(self) -> dict[str, Any]:
        """Write the arrays of a built-in workload and the initial weights, the same for every contender."""
        import numpy as np

        import kerasbridge as kb

        kb.seed_everything(0)
        task = self._task
        given, _ = _read(task)
        if task.source.model:
            importlib.import_module("kerasbridge.saving").write_portably(task.source.model, task.model)
        model, x, _, batch_size = _keras_model(task)
        data = load_data(task.workload, task.digits) if task.workload.model else given
        arrays = {name: getattr(data, name) for name in _ARRAYS if getattr(data, name) is not None}
        if task.source.data:
            load = importlib.import_module("kerasbridge.subjects.load")
            x, y, *_ = load.read_data(model, task.source.data, task.source.target)
            arrays = {**_by_path("x", x), **_by_path("y", y)}
        weights = {f"weight_{index}": weight for index, weight in enumerate(model.get_weights())}
        np.savez(task.data, **weights, **arrays)
        rows = next((array for name, array in arrays.items() if name.partition("/")[0] == "x"), x)
        return {"rows": len(rows) if hasattr(rows, "__len__") else None, "batch_size": batch_size}


def _read(task: Task) -> tuple[Data, Sequence[Any]]:
    import numpy as np

    arrays = {}
    if Path(task.data).exists():
        with np.load(task.data) as file:
            arrays = {name: file[name] for name in file.files}
    count = sum(name.startswith("weight_") for name in arrays)
    x, y = _nest(arrays, "x"), _nest(arrays, "y")
    data = Data(x, y, arrays.get("x_test", x), arrays.get("y_test", y))
    return data, [arrays[f"weight_{index}"] for index in range(count)]


def _by_path(part: str, nest: Any) -> dict[str, Any]:
    """Return the arrays of x or y by name: "x", or "x/age" for an entry of a dict and "x/0" for one of a list."""
    if isinstance(nest, Mapping):
        return {f"{part}/{key}": array for key, array in nest.items()}
    return {f"{part}/{index}": each for index, each in enumerate(nest)} if isinstance(nest, list) else {part: nest}


def _nest(arrays: Mapping[str, Any], part: str) -> Any:
    """Return x or y from what `_by_path` returned; None without one."""
    entries = {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{part}/")}
    if entries and all(map(str.isdecimal, entries)):
        return [entries[str(index)] for index in range(len(entries))]
    return entries or arrays.get(part)


def _keras_model(task: Task) -> tuple[Any, Any, Any, int]:
    """Return the model of the workload, or what the user's function returns: model, x, y, batch size."""
    keras_models = importlib.import_module("kerasbridge.benchmark.contenders.keras_models")
    if not task.source.name:
        return keras_models.build(task.workload.model, task.workload.dropout), None, None, task.workload.batch_size
    keras_models.keras.utils.set_random_seed(0)
    load_model = keras_models.keras.saving.load_model
    scripts = importlib.import_module("kerasbridge.keras_compat.user_scripts")
    result = load_model(task.model) if task.source.model else scripts.call_script(task.source.script)
    return _as_parts(task, result, keras_models.keras.Model)


def _as_parts(task: Task, result: Any, kind: type) -> tuple[Any, Any, Any, int]:
    parts = parts_of(result)
    if not isinstance(model := parts.get("model"), kind) or not getattr(model, "compiled", False):
        raise ArgumentError(
            f"Expected {task.workload.name} to return a compiled Keras model, (model, x, y), or a dict with the keys "
            f"model, x, y and batch_size; received {describe_result(result)}."
        )
    x, y = parts.get("x"), parts.get("y")
    if x is None and not task.source.data and _read(task)[0].x is None:
        raise ArgumentError(f"Expected {task.workload.name} to return (model, x, y): there is no data to train on.")
    return model, x, y, parts.get("batch_size") or task.workload.batch_size


def _as_json(laps: Mapping[str, Sequence[Lap]]) -> dict[str, list[tuple[float, float]]]:
    return {name: [(lap.wall, lap.cpu) for lap in values] for name, values in laps.items()}


def main() -> None:
    """Answer the requests of the parent until it ends."""
    task = Task.read(sys.argv[1])
    if task.cores is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: task.cores])
    with exit_with_message(KerasbridgeError):
        answer_requests(Worker(task).answer)


if __name__ == "__main__":
    main()
