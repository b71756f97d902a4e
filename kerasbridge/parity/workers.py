"""Run a worker module on several backends: one child process each, as many at a time as there are cores."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasbridge.errors import ArgumentError, BackendNotInstalled, ParityError
from kerasbridge.parity.jobs import Job
from kerasbridge.runtime import backend, signals
from kerasbridge.runtime.scripts import refuse_while_importing
from kerasbridge.runtime.subprocesses import ChildResult, ProcessGroup


@dataclass(frozen=True)
class Outcome:
    """The outputs of the workers, and the failures of others.

    Attributes:
        outputs: the file that each worker wrote, by backend.
        failures: the result of each worker that failed, by backend.
    """

    outputs: Mapping[str, Path]
    failures: Mapping[str, ChildResult]


TIMEOUT = 3600.0
"""Seconds after which the child process of a backend is ended, by default."""


def failed(failures: Mapping[str, ChildResult], result: Any = None) -> ParityError:
    """Return the error for workers that failed: each is named, with its message or the end of its stderr.

    Args:
        failures: the result of each that failed, by backend.
        result: the result of the others, for the error, or None.
    """
    messages: dict[str, list[str]] = {}
    for name, child in failures.items():
        messages.setdefault(child.failure_message(), []).append(name)
    error = ParityError("\n".join(f"{', '.join(names)}: {message}" for message, names in messages.items()))
    error.result = result
    if result is not None or any(child.crashed for child in failures.values()):
        error.exit_code = 1
    return error


def check_backends(names: Sequence[str] | None, at_least: int) -> tuple[str, ...]:
    """Return the backends to run: those named, else all that are installed.

    Raises:
        ArgumentError: a name is unknown or is given twice, or there are too few to compare.
        BackendNotInstalled: one of them is not installed.
    """
    refuse_while_importing("compares backends")
    if isinstance(names, str):
        raise ArgumentError(f'Expected a list of backends, received {names!r}. Type backends=["jax", "torch"].')
    installed = backend.installed()
    chosen = tuple(names) if names is not None else installed
    for name in chosen:
        if name not in backend.BACKENDS:
            raise ArgumentError(f"Expected backends of {', '.join(backend.BACKENDS)}, received {name!r}.")
        if name not in installed:
            raise BackendNotInstalled(f"{name} is not installed. Install it with: {backend.install_command(name)}")
    if len(set(chosen)) != len(chosen):
        raise ArgumentError(f"Expected each backend once, received {', '.join(chosen)}.")
    if len(chosen) < at_least:
        raise ArgumentError(
            f"Expected at least {at_least} backends to compare, received {', '.join(chosen) or 'none'}. "
            "`kerasbridge backends` shows what is installed."
        )
    return chosen


@contextmanager
def run_on_each(module: str, job: Job, backends: Sequence[str], timeout: float) -> Iterator[Outcome]:
    """Run ``python -m module JOB OUT`` once for each backend, also if one of them fails.

    Args:
        module: the worker's module.
        job: its task.
        backends: the backends to run it on.
        timeout: seconds after which a worker is ended.

    Yields:
        The files, which are deleted when the body ends, and the failures.

    Raises:
        ParityError: every worker failed.
    """
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        path = Path(folder, "job.json")
        job.write(path)
        num_cores = os.cpu_count() or 1
        at_once = min(len(backends), num_cores)
        outputs = {name: Path(folder, f"{name}.out") for name in backends}
        # The group is left before the pool, which waits for its threads: an error ends the other children.
        with ThreadPoolExecutor(at_once) as pool, ProcessGroup() as group:

            def run(name: str) -> ChildResult:
                environment = backend.child_environment(
                    name, float64=job.dtype == "float64", threads=max(1, num_cores // at_once)
                )
                return group.run(module, path, outputs[name], environment=environment, timeout=timeout)

            with signals.taking_effect():
                results = dict(zip(backends, pool.map(run, backends), strict=True))
        failures = {name: result for name, result in results.items() if result.failed or not outputs[name].is_file()}
        if len(failures) == len(backends):
            raise failed(failures)
        yield Outcome({name: output for name, output in outputs.items() if name not in failures}, failures)
