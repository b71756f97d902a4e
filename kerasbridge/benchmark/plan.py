"""The plan of a benchmark: the arguments of `kb.bench`, checked before any process starts."""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kerasbridge.benchmark.settings import CONTENDERS, OURS, QUICK, Effort
from kerasbridge.benchmark.workloads import WORKLOADS, Workload
from kerasbridge.checks import check_timeout
from kerasbridge.errors import ArgumentError
from kerasbridge.parity.workers import TIMEOUT, check_backends
from kerasbridge.runtime.scripts import script_of
from kerasbridge.subjects.source import Source

ALL = "all"


@dataclass(frozen=True)
class Plan:
    """Checked settings of a benchmark.

    Attributes:
        workloads: what is trained.
        source: the model of the user's, and a file of its data; empty for built-in workloads.
        arrays: the user's x and y; empty if the script returns them.
        backends, contenders: who trains; kerasbridge always does.
        digits: an .npz file of digits for the built-in workloads, instead of those of kerasbridge.
        effort: how much is measured.
        threads: processor cores of a process; None for all.
        timeout: seconds after which a process that does not answer is ended.
    """

    workloads: Sequence[Workload]
    source: Source
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
            if name in contender.module and (contender.any_model or not self.source.name):
                yield contender.name, name


def make_plan(
    workload: str | Sequence[str] | Callable[[], Any],
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
) -> Plan:
    """Return the settings of `kb.bench`, which has the same arguments, checked before any process starts."""
    numbers = {"rows": rows, "rounds": rounds, "threads": threads, "batch_size": batch_size}
    for name, value in numbers.items():
        if value is not None and (not isinstance(value, int) or value < 1):
            raise ArgumentError(f"Expected {name} to be at least 1, received {value!r}.")
    check_timeout(timeout)
    source = Source()
    if (script := _script(workload)) or _is_model(workload):
        source = Source("" if script else str(workload), script, str(data), target)
        source.check()
        if source.model and not data and x is None:
            raise ArgumentError(f"Expected data for {source.model}, received none. Type --data FILE, or pass x and y.")
        workloads = [Workload(Path(script or source.model).name, batch_size=batch_size)]
        source, data = source.absolute(), ""
    else:
        if data and not Path(data).is_file():
            raise ArgumentError(
                f"Expected data to be an .npz file of digits, received {str(data)!r}, which is no file."
            )
        if target:
            raise ArgumentError("Expected target with a model of yours only; built-in workloads have their data.")
        if x is not None or y is not None:
            raise ArgumentError("Expected x and y with a model of yours only; built-in workloads have their data.")
        workloads = [_sized(one, bool(data), rows, quick) for one in _built_in(workload)]
    effort = QUICK if quick else Effort()
    return Plan(
        workloads=workloads,
        source=source,
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


def _is_model(workload: Any) -> bool:
    return isinstance(workload, str | os.PathLike) and Path(workload).suffix == ".keras"


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
