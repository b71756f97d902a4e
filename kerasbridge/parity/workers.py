"""One child process a backend, as many at a time as there are cores; what it says on failure becomes one error."""

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from kerasbridge.errors import ArgumentError, BackendNotInstalled, ParityError
from kerasbridge.parity.jobs import Job
from kerasbridge.runtime import backend, subprocesses


def check_backends(names: Sequence[str] | None, at_least: int) -> tuple[str, ...]:
    """The backends to run: those named, else all that are installed.

    Raises:
        ArgumentError: a name is unknown or comes twice, or there are too few to hold beside each other.
        BackendNotInstalled: one is not installed.
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
            f"Expected at least {at_least} backends to hold beside each other, received {', '.join(chosen) or 'none'}. "
            "`kerasbridge backends` shows what is installed."
        )
    return chosen


@contextmanager
def run_on_each(module: str, job: Job, backends: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Run ``python -m module JOB OUT`` once a backend.

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
        crew = _ProcessGroup()
        outputs = {name: Path(folder, f"{name}.out") for name in backends}
        with ThreadPoolExecutor(at_once) as pool:
            runs = [pool.submit(_run, crew, module, job, path, name, out, threads) for name, out in outputs.items()]
            try:
                for run in as_completed(runs):
                    run.result()
            except BaseException:
                crew.stop()
                raise
        yield outputs


class _ProcessGroup:
    """The children that run now. Once stopped, they end and no other starts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[subprocess.Popen[bytes]] = []
        self._stopped = False

    def run(self, command: Sequence[str], environment: dict[str, str]) -> tuple[int, str]:
        """The exit code of a child, and what it wrote on stderr."""
        with self._lock:
            if self._stopped:
                return 1, "not started"
            child = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            self._running.append(child)
        _, words = child.communicate()
        return child.returncode, words.decode(errors="replace")

    def stop(self) -> None:
        """End every child."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                child.kill()


def _run(crew: _ProcessGroup, module: str, job: Job, path: Path, name: str, output: Path, threads: int) -> None:
    environment = backend.child_environment(name, float64=job.dtype == "float64", threads=threads)
    code, words = crew.run(subprocesses.child_command(module, path, output), environment)
    if code or not output.is_file():
        raise ParityError(f"{name}: {subprocesses.failure_message(code, words)}")
