"""A worker that fails, is killed, stopped or interrupted: all end with one sentence, and the run can be continued."""

import random
import shutil
import signal
import socket
import time

import numpy as np
import pytest

from kerasbridge.runtime import backend as choice
from kerasbridge.runtime.backend import BACKENDS
from tests.distributed import workers

SECONDS = 10
BLOCKS = 32
"""About the blocks of the training of faulty.py, each of one step."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The result of two workers without a fault."""
    return workers.run("faulty", 2, str(tmp_path_factory.mktemp("undisturbed") / "run"))[0]


def check_same(result, undisturbed):
    """Check that a continued run ended as the undisturbed one, bit for bit."""
    assert result["history"] == undisturbed["history"]
    assert result["weights"].tobytes() == undisturbed["weights"].tobytes()


@pytest.mark.parametrize("rank", [1, pytest.param(0, marks=pytest.mark.once)])
def test_a_killed_worker_ends_the_others_with_one_sentence(tmp_path, rank):
    with workers.start("faulty", 3, str(tmp_path / "run"), "kill", str(rank), "7") as started:
        started.processes[rank].wait(workers.SECONDS)
        begin = time.monotonic()
        ended = started.wait()
        seconds = time.monotonic() - begin
    assert ended[rank].code == -signal.SIGKILL
    assert seconds < SECONDS
    for other in ended[:rank] + ended[rank + 1 :]:
        assert other.code == 1
        assert f"Worker {rank} of 3 was lost" in other.errors
        assert other.errors.count("was lost") == 1


@pytest.mark.once
def test_an_error_of_one_worker_ends_the_others_which_name_it(tmp_path):
    with workers.start("faulty", 2, str(tmp_path / "run"), "error", "1", "7") as started:
        first, second = started.wait()
    assert first.code == second.code == 1
    assert "WorkerError: Worker 1 of 2 ended the run, with ValueError: bad data." in first.errors
    assert second.errors.rstrip().endswith("ValueError: bad data")


def test_a_stopped_worker_ends_the_others(tmp_path):
    arguments = "faulty", 2, str(tmp_path / "run"), "stop", "1", "7"
    with workers.start(*arguments, KERASBRIDGE_WORKER_TIMEOUT="2") as started:
        code = started.processes[0].wait(workers.SECONDS)
        assert code == 1
        assert "Worker 1 of 2 has given no sign of life for 2 s" in started.errors(0)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """The folder of a run of two workers of which one has received SIGTERM."""
    folder = tmp_path_factory.mktemp("interrupted") / "run"
    with workers.start("faulty", 2, str(folder), "term", "1", "9") as started:
        assert [each.code for each in started.wait()] == [143, 143]
    return folder


def test_sigterm_to_one_worker_saves_and_ends_all(tmp_path, undisturbed, interrupted):
    folder = shutil.copytree(interrupted, tmp_path / "run")
    check_same(workers.run("faulty", 2, str(folder))[0], undisturbed)


@pytest.mark.once
def test_ctrl_c_to_one_worker_ends_all(tmp_path):
    with workers.start("faulty", 2, str(tmp_path / "run"), "int", "1", "9") as started:
        assert [each.code for each in started.wait()] in ([130, 130], [-signal.SIGINT] * 2)
    assert list((tmp_path / "run" / "checkpoints").iterdir())


OTHERS = [(3, None), *(pytest.param(1, backend, marks=pytest.mark.long) for backend in BACKENDS)]


@pytest.mark.parametrize(("size", "backend"), OTHERS)
def test_a_run_continues_with_another_number_of_workers(tmp_path, undisturbed, interrupted, size, backend):
    folder = shutil.copytree(interrupted, tmp_path / "run")
    losses = workers.run("faulty", size, str(folder), backend=backend)[0]["losses"]
    first = min(losses)
    assert first > (0, 3)
    np.testing.assert_allclose(losses[first], undisturbed["losses"][first], rtol=1e-5)


def test_a_launcher_that_restarts_the_workers_ends_as_without_faults(tmp_path, undisturbed):
    faults = ["kill", "1", "7", "kill", "0", "12"]
    with workers.torchrun("faulty", 2, str(tmp_path / "run"), *faults, restarts=2) as launched:
        check_same(launched.results()[0], undisturbed)


@pytest.mark.once
def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with workers.start("faulty", 2, str(tmp_path), MASTER_PORT=port, KERASBRIDGE_WORKER_TIMEOUT="3") as started:
            first, second = started.wait()
    assert f"received 127.0.0.1:{port}, which is taken" in first.errors
    assert "Worker 1 of 2 did not meet the others" in second.errors


@pytest.mark.long
def test_many_random_kills(tmp_path, undisturbed):
    rng, count = random.Random(0), {"torch": 50}.get(choice.configure().backend, 20)
    kills, runs = 0, 0
    while kills < count:
        happening = [str(each) for _ in range(3) for each in ("kill", rng.randrange(2), rng.randrange(1, BLOCKS))]
        with workers.torchrun("faulty", 2, str(tmp_path / str(runs)), *happening, restarts=3) as launched:
            check_same(launched.results()[0], undisturbed)
            kills += launched.attempts()
        runs += 1
    print(f"{kills} kills in {runs} runs, all as the undisturbed one")
