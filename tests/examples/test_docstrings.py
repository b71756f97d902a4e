"""The examples in the docstrings run, and everything public has one."""

import inspect
import os
import subprocess
import sys

import pytest

import kerasbridge as kb
from kerasbridge.importers import preprocessing_layer

MODULES = ["backend", "checks", "cli.drawing", "data.budget", "datasets", "device", "event_files", "models"]
MODULES += ["probing", "reinitializing", "seeding", "taking_over", "training", "using"]
MODULES += ["exporting"]
MODULES += ["importers", "importers.caffe.schema", "importers.layers.normalizing", "importers.layers.pooling"]
MODULES += ["importers.layers.old_keras", "importers.layers.padding", "importers.layers.resizing"]
MODULES += [f"importers.layers.{name}" for name in ("bending", "deciding", "fourier", "unshared")]
MODULES += ["importers.protobuf", "importers.tensorflow.bundle", "importers.tensorflow.checksums"]
MODULES += ["importers.tensorflow.schema"]
MODULES += ["own_step.gradients", "own_step.objectives"]
MODULES += ["runs.curves", "runs.folder", "runs.reading", "runs.scores"]
MODULES += ["parity.comparing", "parity.diagnosing"]  # which start JAX and torch themselves
PUBLIC = [kb.backends, kb.compare, kb.datasets.mnist, kb.diagnose, kb.evaluate, kb.fit, kb.models.cnn, kb.models.mlp]
PUBLIC += [kb.export, kb.inspect_legacy, kb.load_legacy, preprocessing_layer]
PUBLIC += [kb.Objective, kb.as_keras_fit, kb.grad, kb.value_and_grad]
PUBLIC += [kb.predict, kb.reinitialize, kb.runs.list, kb.runs.load, kb.seed_everything, kb.use_backend]
ON_EACH = ("own_step.gradients", "own_step.objectives", "taking_over", "training")
"""Modules that CI, too, runs on every backend."""
RUN = "import doctest, kerasbridge.{0} as m; r = doctest.testmod(m); print(r); raise SystemExit(bool(r.failed))"


def marked(module):
    """A module as a parameter."""
    return pytest.param(module, marks=() if module in ON_EACH else pytest.mark.once)


@pytest.mark.parametrize("module", [marked(module) for module in MODULES])
def test_the_examples_of_a_module_run(module, tmp_path):
    if module.startswith(("parity.", "exporting")) and os.environ.get("KERAS_BACKEND") != "torch":
        pytest.skip("it starts processes of its own, the same whichever backend this one has")
    finished = subprocess.run(
        [sys.executable, "-c", RUN.format(module)], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("public", PUBLIC, ids=lambda public: public.__name__)
def test_everything_public_has_an_example(public):
    assert ">>> " in inspect.getdoc(public)
