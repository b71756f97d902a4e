"""Workers of a training, for tests: start a script of this folder once for each, and read how each ended."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from kerasbridge.runtime import backend as choice
from kerasbridge.runtime.ports import free_ports
from tests.paths import ROOT

SECONDS = 240
"""Time limit of a script; what is left of it then is killed."""

_FOLDER = "TEST_WORKER_RESULTS"


@dataclass(frozen=True)
class Ended:
    """The end of a worker: the exit code (-9 if it was killed), what it reported, and what it wrote to stderr."""

    code: int
    result: object
    errors: str


class Workers:
    """Processes that train together; all of them are killed at the end.

    Args:
        folder: for their results.
        commands: the command of each process.
        environments: the environment of each process.
        size: the number of workers; a launcher is one process for all of them.
    """

    def __init__(self, folder, commands, environments, size):
        self._folder, self._size, self.processes = Path(folder), size, []
        for number, (command, environment) in enumerate(zip(commands, environments, strict=True)):
            with self._errors_of(number).open("w") as errors:
                process = subprocess.Popen(
                    command, env=environment, cwd=ROOT, stdout=errors, stderr=errors, start_new_session=True
                )
            self.processes.append(process)
        self._end = time.monotonic() + SECONDS

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self._folder)

    def wait(self):
        """Wait until every process has ended, and return how each did."""
        ended = []
        for number, process in enumerate(self.processes):
            try:
                code = process.wait(max(0, self._end - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise AssertionError(f"worker {number} did not end: {self.errors(number)}") from None
            ended.append(Ended(code, self.result(number), self.errors(number)))
        return ended

    def results(self):
        """Wait until every process has ended without an error, and return what each worker reported."""
        for number, worker in enumerate(self.wait()):
            assert worker.code == 0, f"worker {number} ended with {worker.code}: {worker.errors}"
        return [self.result(rank) for rank in range(self._size)]

    def result(self, rank):
        """Return what a worker has reported so far; None if nothing."""
        path = self._folder / f"{rank}.pickle"
        return pickle.loads(path.read_bytes()) if path.exists() else None

    def attempts(self):
        """Return how often a launcher has restarted the workers, which each attempt notes."""
        return max(int(path.suffix[1:]) for path in self._folder.glob("attempt.*"))

    def errors(self, number):
        """Return what a process has printed so far."""
        return self._errors_of(number).read_text("utf-8")

    def _errors_of(self, number):
        return self._folder / f"{number}.txt"


def start(script, size, *arguments, backend=None, **variables):
    """Start `python -m tests.distributed.SCRIPT` for each worker, with the variables that a launcher sets.

    Args:
        script: the name of the module.
        size: the number of workers.
        arguments: its arguments.
        backend: that of this process by default; or one for each worker.
        variables: further environment variables; a list has one value for each worker.
    """
    folder, (port, *peers) = tempfile.mkdtemp(prefix="workers-"), free_ports(size + 1)
    backends = backend if isinstance(backend, list) else [backend or choice.configure().backend] * size
    common = {
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "KERASBRIDGE_PEERS": ",".join(f"127.0.0.1:{peer}" for peer in peers),
        _FOLDER: folder,
    }
    environments = []
    for rank, each in enumerate(backends):
        own = {name: value[rank] if isinstance(value, list) else value for name, value in variables.items()}
        environments.append({**choice.child_environment(each, threads=1), **common, "RANK": str(rank), **own})
    return Workers(folder, [_command(script, arguments)] * size, environments, size)


def torchrun(script, size, *arguments, restarts=0, backend=None, **variables):
    """Start a script by the launcher of torch, which is one process; `restarts` is how often it may restart all."""
    folder = tempfile.mkdtemp(prefix="workers-")
    options = [f"--nproc-per-node={size}", f"--max-restarts={restarts}", "--master-addr=127.0.0.1"]
    options += [f"--master-port={free_ports(1)[0]}", "-m", f"tests.distributed.{script}", *arguments]
    environment = choice.child_environment(backend or choice.configure().backend, threads=1)
    command = [sys.executable, "-m", "torch.distributed.run", *options]
    return Workers(folder, [command], [{**environment, **variables, _FOLDER: folder}], size)


def note_attempt(attempt):
    """Note in a script that this attempt of the launcher has begun."""
    Path(os.environ[_FOLDER], f"attempt.{attempt}").touch()


def run(script, size, *arguments, **variables):
    """Start a script as `start` does, and return what each worker reported."""
    with start(script, size, *arguments, **variables) as workers:
        return workers.results()


def report(result):
    """Report a result to the test, in a script; `rank` is that of the launcher."""
    path = Path(os.environ[_FOLDER], f"{os.environ['RANK']}.pickle")
    path.with_suffix(".new").write_bytes(pickle.dumps(result))
    path.with_suffix(".new").replace(path)


def _command(script, arguments):
    return [sys.executable, "-m", f"tests.distributed.{script}", *arguments]
