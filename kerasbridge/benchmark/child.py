"""A module of the benchmarks in a process of its own, on one backend."""

import json
from typing import Any

from kerasbridge.runtime import backend as backends
from kerasbridge.runtime import subprocesses


def run_child(module: str, backend: str, *options: str) -> Any:
    """Run a module with `--child` and further options, and return the JSON that it prints last.

    Raises:
        SystemExit: the process failed; the message is the end of its error output.
    """
    environment = backends.child_environment(backend)
    child = subprocesses.run(module, "--child", *options, environment=environment)
    if child.failed:
        raise SystemExit(f"{backend}: {child.failure_message()}")
    return json.loads(child.stdout.splitlines()[-1])
