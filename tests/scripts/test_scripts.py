"""Scripts in the manner of the Keras guides and examples: `kb.fit` gives the numbers of stock, and one seed one result.

Each script is ordinary Keras code on small synthetic data, and runs with stock Keras and with kerasbridge on each
backend; see worker.py. Compiled steps are compared with the plain step at the start of each `fit`: a mismatch fails.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from kerasbridge.runtime.backend import BACKENDS, child_environment
from tests.paths import ROOT

HERE = Path(__file__).parent
SCRIPTS = sorted(path.relative_to(HERE).as_posix() for path in HERE.glob("*/*.py"))
IN_CI = {  # the cheapest: JAX compiles most others for twice as long
    "generative/autoencoder_vae.py",
    "recipes/callbacks_that_change.py",
    "structured_data/collaborative_filtering.py",
    "vision/convnet.py",
}
MODES = ("stock", "in-order", "seeded")
PROCESSES = 2
# Rounding grows from step to step; an accuracy may move by a row whose two best classes tie within rounding.
TOLERANCE = {"rtol": 1e-3, "atol": 1e-4}


def parametrized(function):
    """Run a test for each script; those that CI leaves out are marked as long."""
    marks = [pytest.param(name, marks=[] if name in IN_CI else [pytest.mark.long]) for name in SCRIPTS]
    return pytest.mark.parametrize("script", marks)(function)


@pytest.fixture(scope="session")
def records(request, tmp_path_factory):
    """The records of all selected scripts, by backend and mode."""
    names = sorted({item.callspec.params["script"] for item in request.session.items if hasattr(item, "callspec")})
    folder = tmp_path_factory.mktemp("records")

    def record(backend, mode):
        path = folder / f"{backend}-{mode}.json"
        environment = child_environment(backend, threads=1) | {
            "KERASBRIDGE_CHECK_STEPS": "error",
            "KERASBRIDGE_TRACE": "always",
        }
        command = [sys.executable, "-m", "tests.scripts.worker", mode, str(path), *names]
        child = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=3600)
        assert child.returncode == 0, child.stderr[-2000:]
        return json.loads(path.read_text("utf-8"))

    jobs = [(backend, mode) for backend in BACKENDS for mode in MODES]
    with ThreadPoolExecutor(PROCESSES) as pool:
        return dict(zip(jobs, pool.map(lambda job: record(*job), jobs), strict=True))


def calls(records, script, backend, mode):
    """Return the recorded calls of a script that ran to its end."""
    record = records[backend, mode][script]
    assert record["error"] is None, f"{script} on {backend} ({mode}):\n{record['error']}"
    assert record["calls"], f"{script} calls neither fit, evaluate nor predict"
    return record["calls"]


def assert_same(actual, expected, what):
    """Compare the values of two lists of calls within rounding."""
    assert [call["method"] for call in actual] == [call["method"] for call in expected], what
    for number, (left, right) in enumerate(zip(actual, expected, strict=True)):
        _assert_close(left["values"], right["values"], f"{what}: {left['method']}, call {number}")


def _assert_close(actual, expected, what):
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys(), what
        for name in expected:
            _assert_close(actual[name], expected[name], f"{what}, {name}")
    else:
        np.testing.assert_allclose(actual, expected, err_msg=what, **TOLERANCE)


@parametrized
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_script_gives_the_numbers_of_stock_keras(records, script, backend):
    stock, ours = (calls(records, script, backend, mode) for mode in ("stock", "in-order"))
    assert_same(ours, stock, f"{script} on {backend}, compared with stock Keras")


@parametrized
def test_one_seed_gives_one_result_on_all_backends(records, script):
    first, *others = BACKENDS
    expected = calls(records, script, first, "seeded")
    for backend in others:
        assert_same(calls(records, script, backend, "seeded"), expected, f"{script}: {backend} and {first}")
