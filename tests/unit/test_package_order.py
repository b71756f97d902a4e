"""Packages only import lower ones, an engine its own framework, and one package the private names of Keras."""

import ast
import sys
from pathlib import Path

import pytest

import kerasbridge

PACKAGE = Path(kerasbridge.__file__).parent
FRAMEWORKS = {"jax", "jaxlib", "tensorflow", "torch"}

# Low to high: the packages and modules at the root, each with what it may import in addition to the standard library
# and lower ones. "numpy" includes packages that read files and draw; a heavier allowance includes the lighter ones.
STDLIB, NUMPY, KERAS, ALL = range(4)
ORDER = {
    "_version": STDLIB, "errors": STDLIB, "runtime": STDLIB, "files": NUMPY,
    "keras_compat": KERAS, "random": KERAS, "engines": KERAS, "checks": NUMPY, "seeding": KERAS,
    "tensorboard": KERAS, "runs": NUMPY, "data": KERAS, "checkpoint": KERAS, "training": KERAS,
    "datasets": NUMPY, "layers": KERAS, "saving": KERAS, "models": KERAS, "evaluation": NUMPY,
    "subjects": KERAS, "parity": KERAS,
    "mnist": NUMPY, "importers": KERAS,
    "exporters": ALL, "distributed": ALL, "benchmark": ALL, "cli": ALL, "__main__": ALL,
}  # fmt: skip
LIGHTER = {  # modules and packages that load less than the rest of their package
    "random.generator": NUMPY,
    "subjects": NUMPY,
    "parity": NUMPY,
    "importers": NUMPY,
    "exporters.formats": STDLIB,
    "exporters.output_path": STDLIB,
    "exporters.signatures": STDLIB,
    "exporters.result": STDLIB,
}
NEEDS_KERAS = {  # of the packages in LIGHTER
    "subjects.inspection", "subjects.script", "subjects.load", "subjects.scoring",
    "parity.compare_worker", "parity.diagnose_worker", "parity.float64_fixes", "parity.layer_outputs",
    "parity.load_subject", "parity.step_probe", "parity.synthetic_data", "parity.variable_names",
    "importers.keras_builder", "importers.keras_files.builder", "importers.weight_transfer", "importers.layers",
    "importers.build_model", "importers.preprocessing", "importers",
}  # fmt: skip
THIRD_PARTY = {
    STDLIB: {"nox"},
    NUMPY: {"numpy", "PIL", "safetensors", "matplotlib", "tensorboard", "google", "h5py"},  # google is protobuf
    KERAS: {"rich", "IPython"},
    ALL: {"typer", "click", "pytest", "onnxruntime", "tf2onnx", "openvino", "ai_edge_litert", "ray"},
}
RUN_IN_OWN_PROCESS = ("benchmark.contenders", "exporters.", "importers.")
IMPORTS_THE_ROOT = ("cli", "benchmark", "__main__")
IMPORTS_KERAS = {
    "keras_compat": "all other modules import Keras from here, so that the backend is chosen first",
    "datasets": "calls Keras's download inside a function, after choosing the backend",
}
READS_ENVIRONMENT = {"runtime.backend", "__init__"}  # the latter: whether a launcher started this process
NAMES_PRIVATE_TENSORFLOW = {"engines.tensorflow.private_names"}


def modules():
    """Yield every module of the package: its dotted name within it, and its source."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        parts = parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts
        yield ".".join(parts), path.read_text("utf-8")


MODULES = dict(modules())


def imports(source):
    """Yield the dotted names that a module imports: inside functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def run_time_imports(source):
    """Yield the imports that run: those under TYPE_CHECKING do not."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    yield from imports(ast.unparse(tree))


def module_of(name):
    """Return the module of the package that a dotted name belongs to, or None for another package."""
    if name.partition(".")[0] != "kerasbridge":
        return None
    parts = name.split(".")[1:]
    while parts and ".".join(parts) not in MODULES:
        parts.pop()
    return ".".join(parts)


def longest_prefix(module, table):
    """Return the entry of a table that names the module or the innermost package around it."""
    parts = module.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((name for name in names if name in table), None)


def allowance(module):
    """Return what a module may import: STDLIB, NUMPY, KERAS or ALL."""
    lighter, keras = longest_prefix(module, LIGHTER), longest_prefix(module, NEEDS_KERAS)
    if keras == "importers" and module != "importers":
        keras = None  # the package's own __init__ alone
    if lighter and len(lighter) > len(keras or ""):
        return LIGHTER[lighter]
    return ORDER[module.partition(".")[0]]


def upward(module, source):
    """Return the imports of a module that do not point down in ORDER."""
    rank, package = list(ORDER), module.partition(".")[0]
    found = []
    for name in imports(source):
        target = module_of(name)
        if target == "" and not package.startswith(IMPORTS_THE_ROOT):
            found.append(name)
        if target and rank.index(target.partition(".")[0]) > rank.index(package):
            found.append(name)
    return found


def too_heavy(module, source):
    """Return the imports of a module that load more than it may: a third-party package, or a module that needs one."""
    level = allowance(module)
    allowed = sys.stdlib_module_names | FRAMEWORKS | {"keras"}.union(*(THIRD_PARTY[k] for k in range(level + 1)))
    found = []
    for name in run_time_imports(source):
        target = module_of(name)
        if (target and allowance(target) > level) or (target is None and name.partition(".")[0] not in allowed):
            found.append(name)
    return found


def foreign_frameworks(module, source):
    """Return the frameworks that a module imports and that are not its own, and the engines of others."""
    if module.startswith(RUN_IN_OWN_PROCESS):
        return set()
    own = module.split(".")[1] if module.startswith("engines.") else None
    named = [name.partition(".")[0].replace("jaxlib", "jax") for name in imports(source)]
    engines = [(module_of(name) or "").split(".")[1:2] for name in imports(source) if ".engines." in name]
    return ({*named, *(part for parts in engines for part in parts)} & FRAMEWORKS) - {own}


def touches_environment(source):
    """Return whether a module reads or writes environment variables."""
    words = {"environ", "environb", "getenv", "putenv", "unsetenv"}
    nodes = list(ast.walk(ast.parse(source)))
    attributes = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    names = {
        alias.name for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "os" for alias in node.names
    }
    return bool({f"os.{word}" for word in words} & attributes or words & names)


def test_the_tables_contain_existing_names():
    roots = {module.partition(".")[0] for module in MODULES} - {"__init__"}
    assert set(ORDER) == roots
    assert {*LIGHTER, *NEEDS_KERAS, *READS_ENVIRONMENT, *IMPORTS_KERAS} <= set(MODULES)


def test_imports_point_down():
    offenders = {module: upward(module, source) for module, source in MODULES.items() if module != "__init__"}
    assert {module: names for module, names in offenders.items() if names} == {}


def test_no_module_loads_more_than_it_may():
    offenders = {module: too_heavy(module, source) for module, source in MODULES.items() if module != "__init__"}
    assert {module: names for module, names in offenders.items() if names} == {}


def test_only_an_engine_imports_a_framework_and_only_its_own():
    offenders = {module: foreign_frameworks(module, source) for module, source in MODULES.items()}
    assert {module: names for module, names in offenders.items() if names} == {}


def test_private_keras_names_and_the_environment_are_used_in_one_place_each():
    inside = {module: source for module, source in MODULES.items() if not module.startswith(RUN_IN_OWN_PROCESS)}
    named = {module for module, source in inside.items() if "keras" in {n.partition(".")[0] for n in imports(source)}}
    assert {module.partition(".")[0] for module in named} <= set(IMPORTS_KERAS)
    assert {module for module, source in inside.items() if touches_environment(source)} == READS_ENVIRONMENT


def test_private_tensorflow_names_are_used_in_one_place():
    assert {module for module, source in MODULES.items() if "tensorflow.python" in source} == NAMES_PRIVATE_TENSORFLOW


@pytest.mark.parametrize(
    ("find", "module", "source"),
    [
        (upward, "runtime.backend", "from kerasbridge import checks"),
        (upward, "engines.base", "from kerasbridge.training.steps import train_step"),
        (upward, "data", "def late():\n    from kerasbridge.cli import main"),
        (upward, "errors", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from kerasbridge import runs"),
        (upward, "training", "import kerasbridge as kb"),
        (too_heavy, "errors", "import numpy"),
        (too_heavy, "random.generator", "from kerasbridge.keras_compat import keras"),
        (too_heavy, "models", "import pandas"),
        (too_heavy, "importers.caffe.parser", "from kerasbridge.importers.keras_builder import context"),
        (foreign_frameworks, "training.step_loop", "import torch.nn"),
        (foreign_frameworks, "engines.jax.engine", "import tensorflow as tf"),
        (foreign_frameworks, "engines.base", "from jax import numpy"),
        (foreign_frameworks, "engines.jax", "from kerasbridge.engines.torch.tracing import TracedStep"),
        (foreign_frameworks, "training", "from kerasbridge.engines import jax"),
    ],
)
def test_an_import_in_the_wrong_place_is_found(find, module, source):
    assert find(module, source)


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ"]
)
def test_an_access_to_the_environment_is_found(source):
    assert touches_environment(source)
