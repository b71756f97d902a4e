"""Twenty seeds of every correct model: no disagreement, and all digests are equal."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kerasbridge.parity.record import Record
from kerasbridge.parity.verdict import judge
from kerasbridge.runtime.backend import BACKENDS, child_environment

HERE = Path(__file__).parent
SEEDS, EPOCHS = 20, 3


def record_all(backend, name, folder):
    arguments = [HERE / "subjects.py", name, SEEDS, EPOCHS, folder]
    command = [sys.executable, HERE / "many_seeds.py", *arguments]
    subprocess.run(list(map(str, command)), env=child_environment(backend, threads=1), check=True, timeout=1800)


@pytest.mark.long
@pytest.mark.parametrize("name", ["mlp", "cnn", "lstm", "transformer", "augmentation"])
def test_no_seed_gives_a_false_alarm(tmp_path, name):
    folders = {backend: tmp_path / backend for backend in BACKENDS}
    with ThreadPoolExecutor(2) as pool:
        for folder in folders.values():
            folder.mkdir()
        assert len([*pool.map(lambda backend: record_all(backend, name, folders[backend]), BACKENDS)]) == len(BACKENDS)
    alarms, digests = {}, set()
    for seed in range(SEEDS):
        judgement = judge([Record.read(folder / f"{seed}.npz") for folder in folders.values()])
        digests |= {(seed, check.name, check.where) for check in judgement.digests if not check.equal}
        if judgement.verdict == "disagree":
            alarms[seed] = [(pair.first, pair.second, pair.step, pair.quantity) for pair in judgement.pairs]
    assert not digests
    assert not alarms
