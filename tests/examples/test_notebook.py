"""The notebook runs on the backend of KERAS_BACKEND, without output on stderr; some outputs equal the stored ones."""

import importlib.util
import json
import os
import re
import subprocess
import sys

import pytest

from tests.paths import ROOT

STORED = ROOT / "examples" / "quickstart.ipynb"
SCRIPT = ROOT / "scripts" / "run_notebook.py"
MISSING = [name for name in ("nbclient", "nbformat", "ipykernel") if not importlib.util.find_spec(name)]


def cells(path):
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def printed(cell):
    return "".join(line for output in cell["outputs"] for line in output.get("text", ()))


def run(folder):
    """Run the notebook, with the files of Jupyter in the folder, and return its code cells."""
    if importlib.util.find_spec("matplotlib"):
        importlib.import_module("matplotlib.font_manager")  # creates its cache, which is reported on stderr
    environment = os.environ | {"IPYTHONDIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder)}
    command = [sys.executable, SCRIPT, folder / "ran.ipynb"]
    child = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    return cells(folder / "ran.ipynb")


@pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
def test_it_learns_the_digits_from_the_weights_and_masks_that_another_backend_stored(tmp_path):
    ran = run(tmp_path)
    (accuracy,) = re.findall(r"test accuracy (\S+)%", " ".join(map(printed, ran)))
    assert float(accuracy) > 90
    (training,) = [cell for cell in ran if "kb.fit(" in "".join(cell["source"])]
    shown = ["".join(output["data"]["text/plain"]) for output in training["outputs"]]  # of each, the last state
    assert [re.sub(r"  .* samples/s  loss .* val_accuracy .*", "", line) for line in shown] == [
        f"Epoch {epoch}/5" for epoch in range(1, 6)
    ]
    assert "━" not in "".join(shown)
    both = zip(ran, cells(STORED), strict=True)
    pairs = [(new, stored) for new, stored in both if "same-on-every-backend" in stored["metadata"].get("tags", ())]
    assert any("initial weights" in printed(stored) for _, stored in pairs)
    assert [printed(new) for new, _ in pairs] == [printed(stored) for _, stored in pairs]


def test_the_stored_notebook_is_a_complete_run_without_machine_metadata():
    stored = cells(STORED)
    assert [cell["execution_count"] for cell in stored] == list(range(1, len(stored) + 1))
    assert all(cell["outputs"] for cell in stored)
    assert any("image/png" in output.get("data", ()) for cell in stored for output in cell["outputs"])
    assert {key for cell in stored for key in cell["metadata"]} <= {"tags"}
    assert not re.search(r"/(home|Users|root|tmp)/", STORED.read_text("utf-8"))
