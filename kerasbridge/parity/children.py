"""One child process a backend, as many at a time as there are cores; what it says on failure becomes one error."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from kerasbridge import backend
from kerasbridge.errors import ArgumentError, BackendNotInstalled, ParityError
from kerasbridge.parity.jobs import Job

_LINES_SHOWN = 12


def check_backends(names: Sequence[str] | None, at_least: int) -> tuple[str, ...]:
    """The backends to run: those named, else all that are installed.

    Raises:
        ArgumentError: a name is unknown or comes twice, or there are too few to hold beside each other.
        BackendNotInstalled: one is not installed.
    """
    installed = backend.installed()
    chosen = tuple(names) if names is not None else installed
    for name in chosen:
        if name not in backend.BACKENDS:
            raise ArgumentError(f"Expected backends of {', '.join(backend.BACKENDS)}, received {name!r}.")
        if name not in installed:
            raise BackendNotInstalled(f"{name} is not installed. Install it with: {backend.install_line(name)}")
    if len(set(chosen)) != len(chosen):
        raise ArgumentError(f"Expected each backend once, received {', '.join(chosen)}.")
    if len(chosen) < at_least:
        raise ArgumentError(
            f"Expected at least {at_least} backends to hold beside each other, received {', '.join(chosen) or 'none'}. "
            "`kerasbridge backends` shows what is installed."
        )
    return chosen


@contextmanager
def run_on_each(module: str, job: Job, backends: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Runs ``python -m module JOB OUT`` once a backend.

    Args:
        module: the child's module.
        job: what it is asked to do.
        backends: on which backends.

    Yields:
        What each child wrote, by backend; gone when the body ends.

    Raises:
        ParityError: a child failed; its own words are in the message.
    """
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        path = Path(folder, "job.json")
        job.write(path)
        at_once = min(len(backends), os.cpu_count() or 1)
        threads = max(1, (os.cpu_count() or 1) // at_once)
        with ThreadPoolExecutor(at_once) as pool:
            outputs = {name: Path(folder, f"{name}.out") for name in backends}
            runs = [pool.submit(_run, module, job, path, name, output, threads) for name, output in outputs.items()]
            for run in runs:
                run.result()
        yield outputs


def _run(module: str, job: Job, path: Path, name: str, output: Path, threads: int) -> None:
    environment = backend.child_environment(name, float64=job.dtype == "float64", threads=threads)
    command = [sys.executable, "-m", module, str(path), str(output)]
    child = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if child.returncode or not output.is_file():
        raise ParityError(f"{name}: {_last_words(child)}")


def _last_words(child: subprocess.CompletedProcess[bytes]) -> str:
    """One line where the child says what is wrong on purpose (exit code 2), else the end of its traceback."""
    lines = child.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    if child.returncode == 2:
        return lines[-1]
    shown = "\n".join(lines[-_LINES_SHOWN:])
    return f"the process ended with code {child.returncode}:\n{shown}"
