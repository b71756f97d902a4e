"""The command `kerasbridge train --workers` trains as one process does, in one run folder."""

import json
import subprocess
import sys

import pytest

from kerasbridge import runs
from kerasbridge.runtime import backend as choice

SECONDS = 240


def train(folder, *options):
    """Run the command in a folder, and return its result."""
    name = choice.configure().backend
    command = [sys.executable, "-m", "kerasbridge", "train", "--epochs", "1", "--json", *options]
    environment = choice.child_environment(name, threads=1)
    child = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


def test_the_command_with_workers_gives_the_numbers_of_one_process(tmp_path):
    alone, together = train(tmp_path), train(tmp_path, "--workers", "2", "--run-dir", "run")
    assert together["loss"] == pytest.approx(alone["loss"], rel=1e-5)
    assert together["accuracy"] == pytest.approx(alone["accuracy"], abs=0.002)
    run = runs.load(tmp_path / "run")
    assert (run.config.workers, run.config.devices) == (2, ["cpu", "cpu"])
    assert run.config.test["loss"] == together["loss"]
    assert train(tmp_path, "--workers", "2", "--run-dir", "run", "--resume")["loss"] == together["loss"]
