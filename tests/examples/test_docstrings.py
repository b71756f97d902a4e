"""The examples in docstrings run, and every public name has one."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import kerasbridge as kb
from kerasbridge.importers import preprocessing_layer

PACKAGE = Path(kb.__file__).parent
STARTS_PROCESSES = ("benchmark", "parity", "exporters")
CHOOSES_THE_BACKEND = ("kerasbridge.runtime.backend", "kerasbridge.engines")
ON_EACH = ("training",)  # packages whose examples run on every backend; the others on torch only
PUBLIC = [
    kb.backends,
    kb.bench,
    kb.compare,
    kb.datasets.mnist,
    kb.diagnose,
    kb.distributed.ray_trainer,
    kb.evaluate,
    kb.fit,
    kb.models.cnn,
    kb.models.mlp,
]
PUBLIC += [kb.export, kb.import_model, kb.import_weights, kb.inspect_import, preprocessing_layer]
PUBLIC += [kb.Objective, kb.as_keras_fit, kb.grad, kb.value_and_grad]
PUBLIC += [kb.predict, kb.reinitialize, kb.runs.list, kb.runs.load, kb.seed_everything, kb.use_backend]
RUN = """
import doctest, importlib, sys
failed = 0
for name in sys.argv[1:]:
    print(name)
    failed += doctest.testmod(importlib.import_module(name)).failed
raise SystemExit(bool(failed))
"""


def groups():
    """Yield the modules with examples in their docstrings; those that share a process as one parameter."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>> " in path.read_text("utf-8"):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            package = parts[1] if parts[1] in (*STARTS_PROCESSES, *ON_EACH, "layers", "importers") else "others"
            module = ".".join(parts).removesuffix(".__init__")
            found.setdefault(module if module in CHOOSES_THE_BACKEND else package, []).append(module)
    for package, modules in found.items():
        yield pytest.param(modules, id=package, marks=() if package in ON_EACH else pytest.mark.once)


@pytest.mark.parametrize("modules", [*groups()])
def test_the_examples_in_docstrings_run(modules, tmp_path):
    command = [sys.executable, "-c", RUN, *modules]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("public", PUBLIC, ids=lambda public: public.__name__)
def test_everything_public_has_an_example(public):
    assert ">>> " in inspect.getdoc(public)
