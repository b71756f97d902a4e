"""Twenty seeds of every correct model, new and trained before: no disagreement, and all digests are equal."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kerasbridge.parity.diagnose import make_diagnosis
from kerasbridge.parity.record import Record
from kerasbridge.parity.step_trace import StepTrace
from kerasbridge.parity.verdict import judge
from kerasbridge.runtime.backend import BACKENDS, child_environment

HERE = Path(__file__).parent
SEEDS, EPOCHS = 20, 3


def record_all(backend, name, folder):
    arguments = [HERE / "subjects.py", name, SEEDS, EPOCHS, folder]
    command = [sys.executable, HERE / "many_seeds.py", *arguments]
    subprocess.run(list(map(str, command)), env=child_environment(backend, threads=1), check=True, timeout=1800)


@pytest.mark.long
@pytest.mark.parametrize("name", ["mlp", "cnn", "lstm", "recurrent", "transformer", "augmentation"])
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


def run_child(backend, *arguments, float64=False):
    command = [sys.executable, HERE / "trained_models.py", *arguments]
    environment = child_environment(backend, float64=float64, threads=1)
    subprocess.run(list(map(str, command)), env=environment, check=True, timeout=3600)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "trained_on"),
    [("mlp", "torch"), ("cnn", "jax"), ("lstm", "tensorflow"), ("transformer", "torch"), ("augmentation", "jax")],
)
def test_models_trained_and_saved_before_give_no_false_alarm(tmp_path, name, trained_on):
    saved = tmp_path / "saved"
    saved.mkdir()
    run_child(trained_on, "train", saved, SEEDS, name)
    for backend in BACKENDS:
        (tmp_path / backend).mkdir()
    children = [(backend, dtype) for dtype in ("float32", "float64") for backend in BACKENDS]
    with ThreadPoolExecutor(2) as pool:

        def judged(child):
            run_child(child[0], "trace", saved, tmp_path / child[0], child[1], float64=child[1] == "float64")

        assert len([*pool.map(judged, children)]) == len(children)
    for path in sorted(saved.glob("*.keras")):
        judgement = judge([Record.read(tmp_path / backend / f"{path.stem}.npz") for backend in BACKENDS])
        assert judgement.verdict != "disagree", (path.stem, judgement.pairs)
        assert all(check.equal for check in judgement.digests), path.stem
        steps, references = (
            [StepTrace.read(tmp_path / backend / f"{path.stem}.{dtype}.out") for backend in BACKENDS]
            for dtype in ("float32", "float64")
        )
        diagnosis = make_diagnosis(steps, references)
        assert diagnosis.agree, (path.stem, diagnosis.findings)
