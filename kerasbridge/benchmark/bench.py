"""`kb.bench`: training with kerasbridge, with stock Keras and by hand, side by side in one run."""

import contextlib
import itertools
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from kerasbridge.benchmark.result import BenchResult, Measured, WorkloadResult
from kerasbridge.benchmark.settings import CONTENDERS, OURS, QUICK, Effort
from kerasbridge.benchmark.timing import Lap
from kerasbridge.benchmark.worker import Task
from kerasbridge.benchmark.workloads import WORKLOADS, Workload
from kerasbridge.checks import check_timeout
from kerasbridge.errors import ArgumentError
from kerasbridge.parity.workers import TIMEOUT, check_backends
from kerasbridge.runtime import backend, subprocesses
from kerasbridge.runtime.backend_status import FRAMEWORKS
from kerasbridge.runtime.conversation import ChildEnded, Conversation
from kerasbridge.runtime.scripts import check_script, script_of

_WORKER = "kerasbridge.benchmark.worker"
_STOCK_SCRIPT = "kerasbridge.benchmark.contenders.stock_keras"
ALL = "all"


@dataclass(frozen=True)
class Plan:
    """Checked settings of a benchmark.

    Attributes:
        workloads: what is trained.
        script: FILE.py:FUNCTION for a model of the user's; "" for built-in workloads.
        arrays: the user's x and y; empty if the script returns them.
        backends, contenders: who trains; kerasbridge always does.
        digits: an .npz file of digits for the built-in workloads, instead of those of kerasbridge.
        effort: how much is measured.
        threads: processor cores of a process; None for all.
        timeout: seconds after which a process that does not answer is ended.
    """

    workloads: Sequence[Workload]
    script: str
    backends: Sequence[str]
    contenders: Sequence[str]
    digits: str = ""
    arrays: Mapping[str, Any] = field(default_factory=dict)
    effort: Effort = field(default_factory=Effort)
    threads: int | None = None
    timeout: float = TIMEOUT

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield contender and backend of each process."""
        for name, contender in itertools.product(self.backends, map(CONTENDERS.__getitem__, self.contenders)):
            if name in contender.module and (contender.any_model or not self.script):
                yield contender.name, name


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
    timeout: float = TIMEOUT,
) -> BenchResult:
    """Measure training, evaluation and prediction with kerasbridge, with stock Keras and by hand, in alternation.

    Args:
        workload: the name of a built-in workload or several, "all", or a model of yours: a function at the top level of
            a .py file, or "FILE.py:FUNCTION". It takes no arguments and returns a compiled model, (model, x, y), or a
            dict with the keys model, x, y and batch_size. Each contender is a process that imports this file: guard the
            call of `kb.bench` in it by ``if __name__ == "__main__":``.
        x, y: arrays for a model of yours, if the function returns the model alone.
        backends: the backends to run; by default all that are installed.
        contenders: of "stock", "stock-in-steps", "by-hand" and "by-hand-compiled"; by default all that apply. A model
            of yours is compared with stock Keras.
        batch_size: samples per step for a model of yours; the dict of the function has precedence.
        data: an .npz file of digits such as the full MNIST, for the built-in workloads; then the time until 97.5 % of
            the test digits are recognised is measured too.
        rows: use at most this many rows of a built-in workload.
        rounds: rounds of each contender, 5 by default.
        threads: processor cores of each process; by default all.
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
        timeout=timeout,
    )
    result = empty_result(plan)
    measure(plan, result)
    return result


def make_plan(
    workload: str | Sequence[str] | Callable[[], Any],
    x: Any,
    y: Any,
    *,
    backends: Sequence[str] | None,
    contenders: Sequence[str] | None,
    batch_size: int,
    data: str | os.PathLike[str],
    rows: int | None,
    rounds: int | None,
    threads: int | None,
    quick: bool,
    timeout: float,
) -> Plan:
    """Return the settings of `bench`, checked, before any process starts."""
    numbers = {"rows": rows, "rounds": rounds, "threads": threads, "batch_size": batch_size}
    for name, value in numbers.items():
        if value is not None and (not isinstance(value, int) or value < 1):
            raise ArgumentError(f"Expected {name} to be at least 1, received {value!r}.")
    check_timeout(timeout)
    if data and not Path(data).is_file():
        raise ArgumentError(f"Expected data to be an .npz file of digits, received {str(data)!r}, which is no file.")
    if script := _script(workload):
        check_script(script)
        path, _, function = script.rpartition(":")
        workloads = [Workload(f"{Path(path).name}:{function}", batch_size=batch_size)]
        script = f"{Path(path).resolve()}:{function}"
    else:
        if x is not None or y is not None:
            raise ArgumentError("Expected x and y with a model of yours only; built-in workloads have their data.")
        workloads = [_sized(one, bool(data), rows, quick) for one in _built_in(workload)]
    effort = QUICK if quick else Effort()
    return Plan(
        workloads=workloads,
        script=script,
        backends=check_backends(backends, at_least=1),
        contenders=_contenders(contenders),
        digits=str(Path(data).resolve()) if data else "",
        arrays=_arrays(x, y),
        effort=replace(effort, rounds=rounds or effort.rounds),
        threads=threads,
        timeout=timeout,
    )


def _script(workload: Any) -> str:
    """Return FILE.py:FUNCTION for a model of the user's, or "" for a built-in workload."""
    if callable(workload):
        return script_of(workload)
    return workload if isinstance(workload, str) and (":" in workload or workload.endswith(".py")) else ""


def _built_in(names: Any) -> list[Workload]:
    chosen = [names] if isinstance(names, str) else list(names)
    if chosen == [ALL]:
        chosen = list(WORKLOADS)
    for name in chosen:
        if name not in WORKLOADS:
            raise ArgumentError(
                f"Expected a workload of {', '.join(WORKLOADS)}, all, or FILE.py:FUNCTION for a model of yours; "
                f"received {name!r}."
            )
    if not chosen:
        raise ArgumentError("Expected at least one workload, received none.")
    return [WORKLOADS[name] for name in chosen]


def _sized(workload: Workload, all_digits: bool, rows: int | None, quick: bool) -> Workload:
    """Return a workload with the rows that are asked for: of a file of digits, all by default."""
    if rows is None and all_digits and workload.model != "lstm":
        return replace(workload, rows=0, test_rows=0)
    return workload.limited(rows) if quick or rows is not None else workload


def _contenders(names: Sequence[str] | None) -> list[str]:
    """Return the contenders in the order of their table; kerasbridge is always one of them."""
    for name in names or ():
        if name not in CONTENDERS:
            raise ArgumentError(f"Expected contenders of {', '.join(CONTENDERS)}; received {name!r}.")
    return [name for name in CONTENDERS if names is None or name in (OURS, *names)]


def _arrays(x: Any, y: Any) -> dict[str, Any]:
    import numpy as np

    try:
        arrays = {name: np.asarray(value) for name, value in (("x", x), ("y", y)) if value is not None}
    except ValueError:  # a list of arrays of different shapes
        arrays = {"x": np.array(None)}
    if any(array.dtype == object for array in arrays.values()):
        raise ArgumentError(
            "Expected x and y to be arrays, which are passed to other processes in a file; received several or "
            "something else. Let the function of the model return (model, x, y)."
        )
    return {**arrays, **{f"{name}_test": array for name, array in arrays.items()}}


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


def machine(backends: Sequence[str], threads: int | None = None) -> dict[str, Any]:
    """Return the processor, the number of cores, the system, and the versions of Python and the packages."""
    packages = {name: metadata.version(name) for name in ("kerasbridge", "keras")}
    frameworks = {name: FRAMEWORKS[name].distribution()[1] for name in backends}
    cores = f"{os.cpu_count()} cores" + (f", {threads} used" if threads else "")
    system = f"{platform.system()} {platform.release()}"
    return {_processor(): cores, "on": system, "Python": platform.python_version(), **packages, **frameworks}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8", "replace").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or platform.machine())


def measure(plan: Plan, result: BenchResult, report: Callable[[str], None] = lambda text: None) -> None:
    """Measure all workloads into a result, which contains at any time what has been measured so far.

    Args:
        plan: what to measure.
        result: the result to extend; after an interruption it contains what was measured until then.
        report: called with what is measured next.
    """
    _note_load(result)
    try:
        for workload in plan.workloads:
            with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
                _Measurement(plan, workload, Path(folder), result, report).run()
    finally:
        _note_load(result)


def _note_load(result: BenchResult) -> None:
    if hasattr(os, "getloadavg"):
        result.load = [*result.load[:1], os.getloadavg()[0]]


class _Measurement:
    """The measurement of one workload."""

    def __init__(
        self, plan: Plan, workload: Workload, folder: Path, result: BenchResult, report: Callable[[str], None]
    ) -> None:
        self._plan, self._workload, self._folder, self._report = plan, workload, folder, report
        self._measured = [Measured(*pair) for pair in plan.pairs()]
        self._result = WorkloadResult(workload.name, None, workload.batch_size, self._measured)
        result.workloads.append(self._result)

    def run(self) -> None:
        """Measure everything; a contender that fails is left out from then on."""
        if not self._prepare():
            return
        with contextlib.ExitStack() as open_children:
            children: dict[str, Conversation] = {}
            for start in range(self._plan.effort.starts):
                last = start == self._plan.effort.starts - 1
                for one in self._working():
                    with contextlib.ExitStack() as own:
                        child = (open_children if last else own).enter_context(self._start(one))
                        children[one.label] = child
                        self._ask(one, child, "start", "first")
            for _ in range(self._plan.effort.rounds):
                for one in self._working():
                    self._ask(one, children[one.label], "round")
            if self._plan.digits and self._workload.model in ("mlp", "cnn"):
                for one in self._working():
                    self._ask(one, children[one.label], "reach")
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
            script=self._plan.script,
            digits=self._plan.digits,
            data=str(self._data),
            epochs=self._plan.effort.epochs,
            cores=self._plan.threads,
        )
        path = self._folder / f"{one.contender}-{one.backend}.json"
        path.write_text(json.dumps(asdict(task)), encoding="utf-8")
        environment = backend.child_environment(one.backend, threads=self._plan.threads)
        return Conversation(_WORKER, path, environment=environment)

    def _ask(self, one: Measured, child: Conversation, *requests: str) -> None:
        self._report(f"{self._workload.name}: {one.label}")
        try:
            for request in requests:
                one.add(child.ask({"do": request}, self._plan.timeout))
        except ChildEnded as ended:
            one.failure = ended.result.failure_message()

    def _measure_from_shell(self) -> None:
        """Measure `kerasbridge train` against the same script in stock Keras, from the shell to the saved model."""
        commands = {
            OURS: ("kerasbridge", "train", "--overwrite", "--run-dir", self._folder / "run"),
            "stock": (_STOCK_SCRIPT, _sample(self._folder), self._folder / "model.keras"),
        }
        ones = [one for one in self._working() if one.contender in commands]
        for _, one in itertools.product(range(self._plan.effort.starts), ones):
            self._report(f"{self._workload.name}: {one.label}, from the shell")
            environment = backend.child_environment(one.backend, threads=self._plan.threads)
            module, *arguments = commands[one.contender]
            begin, used = time.perf_counter(), _children_cpu()
            child = subprocesses.run(str(module), *arguments, environment=environment, timeout=self._plan.timeout)
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
