"""`kb.bench`: training with kerasbridge, with stock Keras and by hand, side by side in one run."""

import contextlib
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerasbridge.benchmark.machine import machine
from kerasbridge.benchmark.plan import Plan, make_plan
from kerasbridge.benchmark.result import BenchResult, Measured, WorkloadResult
from kerasbridge.benchmark.settings import ACCURACY, OURS
from kerasbridge.benchmark.timing import Lap
from kerasbridge.benchmark.worker import Task
from kerasbridge.benchmark.workloads import Workload
from kerasbridge.errors import ArgumentError
from kerasbridge.parity.workers import TIMEOUT
from kerasbridge.runtime import backend, subprocesses
from kerasbridge.runtime.conversation import ChildEnded, Conversation

_WORKER = "kerasbridge.benchmark.worker"
_STOCK_SCRIPT = "kerasbridge.benchmark.contenders.stock_keras"


def bench(
    workload: str | Sequence[str] | Callable[[], Any] = "mlp",
    x: Any = None,
    y: Any = None,
    *,
    backends: Sequence[str] | None = None,
    contenders: Sequence[str] | None = None,
    batch_size: int = 32,
    data: str | os.PathLike[str] = "",
    rows: int | None = None,
    rounds: int | None = None,
    threads: int | None = None,
    quick: bool = False,
    target: str = "",
    timeout: float = TIMEOUT,
) -> BenchResult:
    """Measure training, evaluation and prediction with kerasbridge, with stock Keras and by hand, in alternation.

    Args:
        workload: the name of a built-in workload or several, "all", or a model of yours: a function at the top level of
            a .py file, or "FILE.py:FUNCTION", or the path of a compiled model saved as .keras. The function takes no
            arguments and returns a compiled model, (model, x, y), or a dict with the keys model, x, y and batch_size.
            Each contender is a process that imports this file: guard the call of `kb.bench` in it by
            ``if __name__ == "__main__":``.
        x, y: arrays for a model of yours, if the function returns the model alone.
        backends: the backends to run; by default all that are installed.
        contenders: of "stock", "stock-in-steps", "by-hand" and "by-hand-compiled"; by default all that apply. A model
            of yours is compared with stock Keras.
        batch_size: samples per step for a model of yours; the dict of the function has precedence.
        data: an .npz file of digits such as the full MNIST, for the built-in workloads; then the time until 97.5 % of
            the test digits are recognised is measured too. For a model of yours, an .npz or .csv file or a folder of
            images, as for `kb.compare`.
        rows: use at most this many rows of a built-in workload.
        rounds: rounds of each contender, 5 by default.
        threads: processor cores of each process; by default all.
        target: of a .csv file the column, of an .npz file the array that the model predicts.
        quick: measure epochs of 100 steps, two rounds and one process each, for a first impression.
        timeout: seconds after which a process that does not answer is ended.

    Returns:
        All samples, medians and ratios; its text is a table.

    Raises:
        ArgumentError, DataError: an argument is invalid.
        BackendNotInstalled: a backend is not installed.

    Example:
        >>> import kerasbridge as kb
        >>> result = kb.bench("mlp", backends=["jax"], contenders=["stock"], quick=True, rows=320)
        >>> [one.contender for one in result.workloads[0].contenders]
        ['kerasbridge', 'stock']
    """
    plan = make_plan(
        workload,
        x,
        y,
        backends=backends,
        contenders=contenders,
        batch_size=batch_size,
        data=data,
        rows=rows,
        rounds=rounds,
        threads=threads,
        quick=quick,
        target=target,
        timeout=timeout,
    )
    result = empty_result(plan)
    measure(plan, result)
    return result


def empty_result(plan: Plan) -> BenchResult:
    """Return the result of a benchmark that has not begun."""
    settings = {
        "workloads": [workload.name for workload in plan.workloads],
        "backends": list(plan.backends),
        "contenders": list(plan.contenders),
        "digits": plan.digits,
        **asdict(plan.effort),
        "threads": plan.threads,
    }
    return BenchResult(machine(plan.backends, plan.threads), settings, datetime.now(UTC).isoformat(timespec="seconds"))


def _drop(text: str) -> None:
    pass


def measure(
    plan: Plan, result: BenchResult, report: Callable[[str], None] = _drop, done: Callable[[str], None] = _drop
) -> None:
    """Measure all workloads into a result, which contains at any time what has been measured so far.

    Args:
        plan: what to measure.
        result: the result to extend; after an interruption it contains what was measured until then.
        report: called with what is measured next.
        done: called with what was measured, and how long it took.
    """
    _note_load(result)
    try:
        for workload in plan.workloads:
            with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
                _Measurement(plan, workload, Path(folder), result, report, done).run()
    finally:
        _note_load(result)


def _note_load(result: BenchResult) -> None:
    if hasattr(os, "getloadavg"):
        result.load = [*result.load[:1], os.getloadavg()[0]]


class _Measurement:
    """The measurement of one workload."""

    def __init__(
        self,
        plan: Plan,
        workload: Workload,
        folder: Path,
        result: BenchResult,
        report: Callable[[str], None],
        done: Callable[[str], None],
    ) -> None:
        self._plan, self._workload, self._folder, self._report, self._done = plan, workload, folder, report, done
        self._measured = [Measured(*pair) for pair in plan.pairs()]
        self._result = WorkloadResult(workload.name, None, workload.batch_size, self._measured)
        result.workloads.append(self._result)

    def run(self) -> None:
        """Measure everything; a contender that fails is left out from then on."""
        if not self._prepare():
            return
        with contextlib.ExitStack() as open_children:
            children: dict[str, Conversation] = {}
            starts, rounds = self._plan.effort.starts, self._plan.effort.rounds
            for start in range(1, starts + 1):
                for one in self._working():
                    with contextlib.ExitStack() as own:
                        child = (open_children if start == starts else own).enter_context(self._start(one))
                        children[one.label] = child
                        self._ask(one, child, f"start {start} of {starts}", "start", "first")
            for count in range(1, rounds + 1):
                for one in self._working():
                    self._ask(one, children[one.label], f"round {count} of {rounds}", "round")
            if self._plan.digits and self._workload.model in ("mlp", "cnn"):
                for one in self._working():
                    self._ask(one, children[one.label], f"training until {ACCURACY:.1%}", "reach")
        if self._plan.effort.from_shell and self._workload.name == "mlp":
            self._measure_from_shell()

    def _prepare(self) -> bool:
        """Write the data and the initial weights; return whether the workload can be trained."""
        self._report(f"{self._workload.name}: preparing the data")
        if self._plan.arrays:
            import numpy as np

            np.savez(self._data, **self._plan.arrays)
        first = Measured(OURS, self._plan.backends[0])
        with self._start(first) as child:
            try:
                answer = child.ask({"do": "prepare"}, self._plan.timeout)
            except ChildEnded as ended:
                if not ended.result.crashed:  # the message of an error that every contender would raise
                    raise ArgumentError(ended.result.failure_message()) from ended
                for one in self._measured:
                    one.failure = ended.result.failure_message()
                return False
        self._result.rows, self._result.batch_size = answer["rows"], answer["batch_size"]
        return True

    @property
    def _data(self) -> Path:
        return self._folder / "data.npz"

    def _working(self) -> list[Measured]:
        return [one for one in self._measured if not one.failure]

    def _start(self, one: Measured) -> Conversation:
        task = Task(
            contender=one.contender,
            backend=one.backend,
            workload=self._workload,
            source=self._plan.source,
            digits=self._plan.digits,
            data=str(self._data),
            epochs=self._plan.effort.epochs,
            cores=self._plan.threads,
        )
        path = self._folder / f"{one.contender}-{one.backend}.json"
        path.write_text(json.dumps(asdict(task)), encoding="utf-8")
        environment = backend.child_environment(one.backend, threads=self._plan.threads)
        return Conversation(_WORKER, path, environment=environment)

    def _ask(self, one: Measured, child: Conversation, title: str, *requests: str) -> None:
        with self._reported(one, title):
            try:
                for request in requests:
                    one.add(child.ask({"do": request}, self._plan.timeout))
            except ChildEnded as ended:
                one.failure = ended.result.failure_message()

    @contextlib.contextmanager
    def _reported(self, one: Measured, title: str) -> Iterator[None]:
        """Report what is measured next, and then how long it took."""
        text, begin = f"{self._workload.name}: {one.label}, {title}", time.perf_counter()
        self._report(text)
        yield
        self._done(f"{text}: {'failed' if one.failure else 'done'} in {time.perf_counter() - begin:.1f} s")

    def _measure_from_shell(self) -> None:
        """Measure `kerasbridge train` against the same script in stock Keras, from the shell to the saved model."""
        commands: dict[str, tuple[str, list[str | Path]]] = {
            OURS: ("kerasbridge", ["train", "--overwrite", "--run-dir", self._folder / "run"]),
            "stock": (_STOCK_SCRIPT, [_sample(self._folder), self._folder / "model.keras"]),
        }
        ones = [one for one in self._working() if one.contender in commands]
        for _, one in itertools.product(range(self._plan.effort.starts), ones):
            with self._reported(one, "from the shell"):
                self._run_from_shell(one, *commands[one.contender])

    def _run_from_shell(self, one: Measured, module: str, arguments: Sequence[str | Path]) -> None:
        environment = backend.child_environment(one.backend, threads=self._plan.threads)
        begin, used = time.perf_counter(), _children_cpu()
        child = subprocesses.run(module, *arguments, environment=environment, timeout=self._plan.timeout)
        lap = Lap(time.perf_counter() - begin, _children_cpu() - used)
        if child.failed:
            one.failure = f"from the shell: {child.failure_message()}"
        else:
            one.laps.setdefault("from shell", []).append(lap)


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _sample(folder: Path) -> Path:
    from importlib import resources

    path = folder / "sample.npz"
    with resources.as_file(resources.files("kerasbridge.datasets") / "mnist_sample.npz") as sample:
        shutil.copyfile(sample, path)
    return path
