"""Ctrl-C and SIGTERM at random moments of a command, imports included: none is lost."""

import random
import re
import signal
import subprocess
import sys
import time

import pytest

from kerasbridge.runtime.backend import BACKENDS, child_environment
from tests.paths import ROOT

COMMAND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
from kerasbridge.__main__ import main
print("started", flush=True)
main()
"""
TRAIN = ["train", "--epochs", "6", "--checkpoint-every", "10 steps", "--quiet", "--run-dir"]
AT_THE_END = 3  # seconds
SENTENCES = re.compile(
    r"kerasbridge: interrupted(, nothing was saved\.| when all was done\."
    r"| after \d of 6 epochs: .+ in run\. To continue, type: kerasbridge train .*)\n"
)


def interrupted(backend, folder, seconds, number):
    """Train by the command line; return the exit code, the errors, and the seconds from the start to the end."""
    command = [sys.executable, "-c", COMMAND, *TRAIN, "run"]
    environment = {**child_environment(backend, threads=1), "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes) as process:
        assert process.stdout.readline() == "started\n"
        begin = time.monotonic()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        errors = process.communicate(timeout=300)[1]
    return process.returncode, errors, time.monotonic() - begin


@pytest.mark.long
@pytest.mark.parametrize("backend", BACKENDS)
def test_no_signal_is_lost(tmp_path, backend):
    rng, count = random.Random(0), {"jax": 34}.get(backend, 33)
    (tmp_path / "whole").mkdir()
    code, errors, whole = interrupted(backend, tmp_path / "whole", 300, signal.SIGTERM)
    assert (code, errors) == (0, "")
    late, wrong = 0, []
    for number in (signal.SIGINT, signal.SIGTERM) * count:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        seconds = rng.uniform(0, whole)
        code, errors, ended = interrupted(backend, folder, seconds, number)
        if code == 0 and not errors and ended - seconds < AT_THE_END:
            late += 1  # it arrived while the results were being written, or after that
        elif code != 128 + number or not SENTENCES.fullmatch(errors):
            wrong.append((number, seconds, ended, code, errors))
    print(f"{backend}: {2 * count} signals within {whole:.1f} s, {late} of them at the end")
    assert not wrong
    assert late < count
