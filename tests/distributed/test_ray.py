"""Workers that Ray starts train as one process does, and as those of another launcher."""

import importlib.util
import sys
import tempfile

import pytest

from kerasbridge.runtime import backend as choice
from tests.distributed import mlp, workers
from tests.distributed.test_launchers import check_equal

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")


def on_ray(script, size, *arguments):
    """Start a script that starts Ray; the processes of Ray end with it."""
    folder = tempfile.mkdtemp(prefix="workers-")
    environment = {**choice.child_environment(choice.configure().backend, threads=1), workers._FOLDER: folder}
    command = [sys.executable, "-m", f"tests.distributed.{script}", str(size), *arguments]
    return workers.Workers(folder, [command], [environment], size)


def test_workers_on_ray_train_as_one_process_and_as_those_of_another_launcher():
    with on_ray("on_ray", 2) as launched:
        results = launched.results()
        metrics = launched.result("ray")
    history = results[0]["history"]
    check_equal(results, mlp.train(mlp.build()))
    assert metrics == {"epoch": 2, **{name: values[-1] for name, values in history.items()}}
    launched = workers.run("mlp", 2)
    assert [each["weights"].tobytes() for each in launched] == [each["weights"].tobytes() for each in results]
