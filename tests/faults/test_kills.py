"""A run that is killed again and again, also while it saves, ends with the weights of the undisturbed one."""

import contextlib
import json
import random
import subprocess
import sys

import numpy as np
import pytest

from kerasbridge.runtime.backend import BACKENDS, child_environment
from tests.paths import ROOT, SHARED

KILLS_OF_A_RUN = 3
CALLS_OF_SAVES = 60  # system calls of about three saves
SHARE_IN_SAVES = 0.4
FULL_MNIST = SHARED / "data" / "mnist.npz"


class Server:
    """A process that trains in children and kills them; see training_server.py."""

    def __init__(self, backend):
        command = [sys.executable, "-m", "tests.faults.training_server"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        environment = child_environment(backend, threads=1)
        self._process = subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **pipes)
        assert self._process.stdout.readline() == "ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def train(self, folder, epochs=5, every="20 steps", data=None, **kill):
        """Return how a training ended: its result if it finished."""
        job = {"folder": str(folder), "epochs": epochs, "every": every, "data": data, **kill}
        print(json.dumps(job), file=self._process.stdin, flush=True)
        ended = json.loads(self._process.stdout.readline())
        assert "error" not in ended, ended["error"]
        return ended


def killed_run(server, folder, rng, seconds, kills):
    """Train, with some kills; return the result, and how many kills happened, and how many of them in a save."""
    happened = in_saves = 0
    for _ in range(kills):
        in_save = rng.random() < SHARE_IN_SAVES
        kill = {"call": rng.randint(1, CALLS_OF_SAVES)} if in_save else {"seconds": rng.uniform(0, seconds)}
        ended = server.train(folder, **kill)
        if not ended["killed"]:
            return ended["result"], happened, in_saves
        happened, in_saves = happened + 1, in_saves + in_save
    return server.train(folder)["result"], happened, in_saves


@pytest.mark.parametrize(
    ("backend", "kills"),
    [("torch", 10), *(pytest.param(backend, 100, marks=pytest.mark.long) for backend in BACKENDS)],
)
def test_killed_runs_end_as_the_undisturbed_one(tmp_path, backend, kills):
    rng = random.Random(kills)
    total = in_saves = 0
    with Server(backend) as server:
        undisturbed = server.train(tmp_path / "undisturbed")
        for run in range(kills):
            wanted = min(KILLS_OF_A_RUN, kills - total)
            result, *counts = killed_run(server, tmp_path / str(run), rng, undisturbed["seconds"], wanted)
            assert result["digest"] == undisturbed["result"]["digest"], run
            assert result["history"] == undisturbed["result"]["history"], run
            total, in_saves = total + counts[0], in_saves + counts[1]
            if total >= kills:
                break
    assert total >= kills
    assert in_saves >= 0.2 * total
    print(f"{backend}: {total} kills, {in_saves} of them while saving, in {run + 1} runs")


@pytest.mark.long
@pytest.mark.parametrize("backend", BACKENDS)
def test_backups_of_stock_keras_for_comparison(tmp_path, backend):
    rng, stock = random.Random(0), {"stock": True}
    ended = {"as the undisturbed run": 0, "otherwise": 0, "with an error at the restart": 0}
    with Server(backend) as server:
        undisturbed = server.train(tmp_path / "undisturbed", **stock)
        for run in range(20):
            folder = tmp_path / str(run)
            server.train(folder, **stock, seconds=rng.uniform(0.3, 1) * undisturbed["seconds"])
            try:
                same = server.train(folder, **stock)["result"]["digest"] == undisturbed["result"]["digest"]
                ended["as the undisturbed run" if same else "otherwise"] += 1
            except AssertionError:
                ended["with an error at the restart"] += 1
    print(f"{backend}, 20 kills of stock Keras with BackupAndRestore, runs that ended: {ended}")
    assert sum(ended.values()) == 20


@pytest.mark.long
@pytest.mark.skipif(not FULL_MNIST.exists(), reason="needs ../shared/data/mnist.npz")
def test_runs_that_change_the_backend_at_a_kill_end_alike(tmp_path):
    rng, settings = random.Random(0), {"epochs": 3, "every": "1 epoch", "data": str(FULL_MNIST)}
    with contextlib.ExitStack() as stack:
        servers = {backend: stack.enter_context(Server(backend)) for backend in BACKENDS}
        whole = {backend: server.train(tmp_path / backend, **settings) for backend, server in servers.items()}
        for run in range(30):
            first, second = rng.sample(BACKENDS, 2)
            folder, losses = tmp_path / f"run {run}", whole[first]["result"]["first"]
            servers[first].train(folder, **settings, seconds=rng.uniform(0.3, 1) * whole[first]["seconds"])
            result = servers[second].train(folder, **settings)["result"]
            if result["first"]:
                epoch = min(result["first"])  # that of the change
                np.testing.assert_allclose(
                    result["first"][epoch], losses[epoch], rtol=1e-5, err_msg=f"{first}, {second}"
                )
            assert abs(result["accuracy"] - whole[first]["result"]["accuracy"]) < 0.003, (first, second)
