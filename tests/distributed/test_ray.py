"""Workers that Ray starts train as one process does, and as those of another launcher."""

import importlib.util
import re
import subprocess
import sys
import tempfile

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.runtime import backend as choice
from tests.distributed import mlp, workers
from tests.distributed.test_launchers import check_equal
from tests.paths import EXAMPLES

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


def test_a_shard_of_ray_data_gives_each_worker_its_own_rows():
    with on_ray("on_ray", 2, "shard") as launched:
        results = launched.results()
    x, y = (part[:-1] for part in mlp.data())
    alone = kb.fit(mlp.build(dropout=0), x, y, batch_size=mlp.ROWS - 1, epochs=4, verbose=0).history["loss"]
    for rows, losses in results:
        assert rows == (mlp.ROWS - 1) // 2
        np.testing.assert_allclose(losses, alone, rtol=2e-6)  # a batch of all rows, whose order does not matter


def test_the_example_runs_on_ray_and_by_torchrun_unchanged(tmp_path):
    script, environment = str(EXAMPLES / "several_workers.py"), choice.child_environment(choice.configure().backend)
    losses = []
    for words in (["-m", "torch.distributed.run", "--nproc-per-node=2", script], [script, "--ray", "2"]):
        child = subprocess.run(
            [sys.executable, *words], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=200
        )
        assert child.returncode == 0, child.stderr
        losses.append(re.search(r"2 workers, test loss after each epoch: (.*)", child.stdout)[1])
    assert losses[0] == losses[1]
    assert losses[1].endswith(re.search(r"^Ray: .*: (.*)", child.stdout, re.MULTILINE)[1])


def test_a_run_goes_on_bit_for_bit_after_a_killed_worker_and_a_lost_node(monkeypatch):
    monkeypatch.setattr(workers, "SECONDS", 600)
    with on_ray("ray_faults", 2) as launched:
        (ended,) = launched.wait()
        assert ended.code == 0, ended.errors
        results = launched.result("faults")
    digests, _ = undisturbed = results.pop("undisturbed")
    assert len(set(digests)) == 1
    assert len(results) == 3
    for fault, result in results.items():
        assert result == undisturbed, fault
