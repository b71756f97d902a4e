"""The floors of the house: imports point down, each engine knows its own framework, one file knows Keras's name."""

import ast
import sys
from pathlib import Path

import pytest

import kerasbridge

PACKAGE = Path(kerasbridge.__file__).parent
FRAMEWORKS = {"jax", "jaxlib", "tensorflow", "torch"}
FLOORS = {
    # Floor 0 is the standard library, 1 is NumPy (and what draws pictures), 2 is Keras, 3 is what a person calls.
    # A name ending in a point stands for the package and all that is in it.
    "__init__": 0, "errors": 0, "backend": 0, "device": 0, "probing": 0, "_probe": 0, "quiet": 0, "nox": 0,
    "own_code": 0, "hooks": 0, "memory": 0, "children": 0,
    "random": 1, "checks": 1, "datasets": 1, "npz": 1, "runs.": 1, "event_files": 1, "report.": 1,
    "pictures.": 1,
    "parity.": 1, "parity.subjects": 2, "parity.drawn_data": 2, "parity.recording": 2,
    "parity.inspecting": 2, "parity.naming": 2, "parity.stepping": 2, "parity.watching": 2,
    "_keras": 2, "models": 2, "data.": 2, "words": 2, "draws": 2, "elastic": 2, "stand_ins": 2, "seeding": 2,
    "reinitializing": 2, "precision": 2, "preparing": 2, "loading": 2, "step": 2, "loop": 2,
    "epochs": 2, "keeping": 2, "holding": 2, "recording": 2, "arguments": 2, "callbacks": 2, "summaries": 2,
    "own_step.": 2, "progress": 2, "training": 2, "taking_over": 2, "using": 2, "checkpoint": 2, "engines.": 2,
    "importers.channels": 1, "importers.feeding": 1, "importers.files": 1, "importers.folding": 1,
    "importers.formats": 1, "importers.network": 1, "importers.report": 1, "importers.operations.": 1,
    "importers.archives": 1, "importers.parameters": 1, "importers.pickles.": 1,
    "importers.caffe.": 1, "importers.matconvnet.": 1, "importers.torch7.": 1, "importers.pytorch.": 1,
    "importers.theano.": 1, "importers.keras_files.": 1, "importers.keras_files.making.": 2,
    "importers.protobuf": 1, "importers.tensorflow.": 1,
    "importers.": 2,
    "exporting.formats": 0, "exporting.placing": 0, "exporting.signatures": 0, "exporting.result": 0,
    "exporting.processes": 1, "exporting.running": 1, "exporting.differences": 1,
    "exporting.hopping": 2, "exporting.subjects": 2, "exporting.samples": 2,
    "__main__": 3, "cli.": 3, "pytest_plugin": 3, "distributed": 3, "benchmark.": 3, "exporting.": 3,
}  # fmt: skip
FOREIGN = {  # packages that a floor may import, beside those of the floors below
    0: {"nox"},
    1: {"numpy", "PIL", "safetensors", "matplotlib", "tensorboard", "google", "h5py"},  # google is protobuf
    2: {"keras", "rich", "IPython"},
    3: {"typer", "click", "pytest", "onnxruntime", "tf2onnx", "openvino", "ai_edge_litert"},
}
PROCESSES_OF_THEIR_OWN = ("benchmark.contenders", "exporting.", "importers.")
NAMES_KERAS = {
    "_keras": "everyone else takes Keras from here, so that the backend is settled first",
    "datasets": "calls for Keras's download inside a function, after settling the backend",
}


def modules():
    """Every module of the package by its dotted name within it."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts), path.read_text("utf-8")


MODULES = dict(modules())


def floor(module):
    """The floor of a module; a new one has to be given one in FLOORS."""
    parts = module.split(".")
    packages = [".".join(parts[:length]) + "." for length in range(len(parts), 0, -1)]
    found = next((FLOORS[name] for name in (module, *packages) if name in FLOORS), None)
    assert found is not None, f"{module} has no floor: add it to FLOORS"
    return found


def imports(source):
    """The dotted names that a module imports anywhere but under TYPE_CHECKING."""
    tree = ast.parse(source)
    typing = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for branch in node.body
        for inner in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if node in typing:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(name):
    """Which module of the package a dotted name lies in, if any."""
    if name.partition(".")[0] != "kerasbridge":
        return None
    parts = name.split(".")[1:]
    while parts and ".".join(parts) not in MODULES:
        parts.pop()
    return ".".join(parts) or "__init__"


def above(module, source):
    """The imports of a module that do not point down."""
    allowed = set().union(*(FOREIGN[level] for level in range(floor(module) + 1)))
    for name in imports(source):
        package = name.partition(".")[0]
        inside = own(name)
        if inside is not None:
            if floor(inside) > floor(module):
                yield name
        elif package == "keras" and module in NAMES_KERAS:
            continue
        elif package not in sys.stdlib_module_names | allowed | FRAMEWORKS:
            yield name


def frameworks(module, source):
    """The frameworks that a module imports and that are not its own."""
    if module.startswith(PROCESSES_OF_THEIR_OWN):
        return set()
    used = {name.partition(".")[0].replace("jaxlib", "jax") for name in imports(source)} & FRAMEWORKS
    engine = module.removeprefix("engines.").partition("_")[0] if module.startswith("engines.") else None
    return used - {engine}


def engines_imported(module, source):
    """The engines of other frameworks that a module imports by name."""
    inside = {own(name) or "" for name in imports(source)}
    named = {name.removeprefix("engines.").partition("_")[0] for name in inside if name.startswith("engines.")}
    return (named & FRAMEWORKS) - {module.removeprefix("engines.").partition("_")[0]}


def touches_environment(source):
    """Whether a module reads or writes environment variables."""
    words = {"environ", "environb", "getenv", "putenv", "unsetenv"}
    nodes = list(ast.walk(ast.parse(source)))
    attributes = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    names = {
        alias.name for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "os" for alias in node.names
    }
    return bool({f"os.{word}" for word in words} & attributes or words & names)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    assert [*above(module, MODULES[module])] == []


@pytest.mark.parametrize("module", MODULES)
def test_only_an_engine_imports_a_framework_and_only_its_own(module):
    assert frameworks(module, MODULES[module]) == set()
    assert engines_imported(module, MODULES[module]) == set()


@pytest.mark.parametrize("module", sorted(set(MODULES) - set(NAMES_KERAS)))
def test_keras_is_taken_from_one_file(module):
    if not module.startswith(PROCESSES_OF_THEIR_OWN):
        assert "keras" not in {name.partition(".")[0] for name in imports(MODULES[module])}


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"backend"}))
def test_environment_variables_are_one_modules_concern(module):
    if not module.startswith(PROCESSES_OF_THEIR_OWN):
        assert not touches_environment(MODULES[module])


def test_the_step_knows_no_engine():
    assert not [name for name in imports(MODULES["step"]) if name.startswith("kerasbridge.engines")]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("errors", "import numpy"),
        ("random", "from kerasbridge import models"),
        ("random", "def late():\n    import keras"),
        ("data", "from kerasbridge.cli import main"),
        ("models", "import pandas"),
        ("backend", "from kerasbridge import checks"),
    ],
)
def test_an_import_that_points_up_is_found(module, source):
    assert [*above(module, source)]


def test_an_import_for_the_type_checker_is_none():
    assert not [*above("errors", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy")]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("loop", "import torch.nn"),
        ("engines.jax", "import tensorflow as tf"),
        ("engines.base", "from jax import numpy"),
    ],
)
def test_a_framework_in_the_wrong_place_is_found(module, source):
    assert frameworks(module, source)


def test_an_engine_that_imports_another_is_found():
    assert engines_imported("engines.jax", "from kerasbridge.engines.torch.tracing import Replay")
    assert engines_imported("training", "from kerasbridge.engines import jax")


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ"]
)
def test_a_look_at_the_environment_is_found(source):
    assert touches_environment(source)
