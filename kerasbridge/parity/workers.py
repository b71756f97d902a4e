"""Run a worker module on several backends: one child process each, as many at a time as there are cores."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from kerasbridge.errors import ArgumentError, BackendNotInstalled, ParityError
from kerasbridge.parity.jobs import Job
from kerasbridge.runtime import backend
from kerasbridge.runtime.subprocesses import ProcessGroup


def check_backends(names: Sequence[str] | None, at_least: int) -> tuple[str, ...]:
    """Return the backends to run: those named, else all that are installed.

    Raises:
        ArgumentError: a name is unknown or is given twice, or there are too few to compare.
        BackendNotInstalled: one of them is not installed.
    """
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
def run_on_each(module: str, job: Job, backends: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Run ``python -m module JOB OUT`` once for each backend.

    Args:
        module: the worker's module.
        job: its task.
        backends: the backends to run it on.

    Yields:
        The file that each worker wrote, by backend; deleted when the body ends.

    Raises:
        ParityError: a worker failed; the message includes the worker's own.
    """
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        path = Path(folder, "job.json")
        job.write(path)
        num_cores = os.cpu_count() or 1
        at_once = min(len(backends), num_cores)
        outputs = {name: Path(folder, f"{name}.out") for name in backends}
        # The group is left before the pool, which waits for its threads: an error ends the other children.
        with ThreadPoolExecutor(at_once) as pool, ProcessGroup() as group:

            def run(name: str) -> None:
                environment = backend.child_environment(
                    name, float64=job.dtype == "float64", threads=max(1, num_cores // at_once)
                )
                result = group.run(module, path, outputs[name], environment=environment)
                if result.failed or not outputs[name].is_file():
                    raise ParityError(f"{name}: {result.failure_message()}")

            for finished in as_completed([pool.submit(run, name) for name in backends]):
                finished.result()
        yield outputs
