"""`import kerasbridge` loads the standard library only."""

import json
import subprocess
import sys

import pytest

from tests.paths import ROOT

SCRIPT = """
import json, sys
before = set(sys.modules)
sys.path.insert(0, {folder!r})
{statement}
print(json.dumps(sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})))
"""


def foreign_modules(statement, folder=ROOT):
    """Return the packages beyond the standard library that a statement loads in a fresh process."""
    script = SCRIPT.format(folder=str(folder), statement=statement)
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(finished.stdout)) - set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    "statement",
    [
        "import kerasbridge",
        "import kerasbridge; dir(kerasbridge); kerasbridge.__all__; kerasbridge.__version__",
        "import kerasbridge; kerasbridge.errors; kerasbridge.backends",
    ],
)
def test_importing_the_package_loads_the_standard_library_only(statement):
    assert foreign_modules(statement) == {"kerasbridge"}


def test_this_test_can_fail(tmp_path):
    tmp_path.joinpath("careless.py").write_text("import numpy")
    assert foreign_modules("import careless", tmp_path) == {"careless", "numpy"}


def test_importing_the_package_changes_no_environment_variable():
    script = "import os; before = dict(os.environ); import kerasbridge; print(dict(os.environ) == before)"
    command = [sys.executable, "-c", script]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout == "True\n"
