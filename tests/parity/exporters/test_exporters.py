"""A model can be exported in every format from every backend, and each file has the same outputs in its own runtime.

`kb.export` itself compares the file with the model; here its results are checked, and files are run again.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kerasbridge.exporters.formats import FORMATS
from kerasbridge.runtime import backend
from tests.paths import ROOT, SHARED

HERE = Path(__file__).parent
PACKAGES = ("onnx", "onnxruntime", "onnxscript", "tf2onnx", "ai_edge_litert", "openvino")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs the extra export; not installed: {', '.join(MISSING)}")

FORWARDS = {"jax": "stablehlo", "tensorflow": "tf_saved_model", "torch": "torch"}
CHAPTERS = ("convolutional", "of_any_size", "lstm", "gru", "masked", "attention")
FIXED_BATCH = {(model, "litert") for model in ("lstm", "gru", "masked")} | {("masked", "torch")}


def started(on, folder, *arguments):
    """Start Python on a backend, in a folder."""
    environment = backend.child_environment(on) | {"PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT)])}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


def exports(on, folder, *words):
    """Return the result of `kb.export` for each MODEL:FORMAT, on a backend."""
    done = started(on, folder, HERE / "exports.py", folder, *words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "on", [pytest.param(on, marks=pytest.mark.long if on != "jax" else ()) for on in backend.BACKENDS]
)
def test_every_format_is_written_from_every_backend(on, tmp_path):
    for found in exports(on, tmp_path, *(f"everything:{target}" for target in FORMATS)):
        assert "error" not in found, found
        assert found["difference"] < 1e-5
        assert found["dynamic_batch"], found
        assert found["there"]
        assert [spec["name"] for spec in found["inputs"]] == ["image", "words"]
        assert found["outputs"] == ["kind", "price"]
        assert found["rows"] == [1, 3]
    assert not [*tmp_path.glob(".kerasbridge-*")]


@pytest.mark.long
@pytest.mark.parametrize("on", backend.BACKENDS)
@pytest.mark.parametrize("model", CHAPTERS)
def test_each_kind_of_model_in_every_format(model, on, tmp_path):
    for found in exports(on, tmp_path, *(f"{model}:{target}" for target in FORMATS)):
        assert "error" not in found, found
        assert found["difference"] < 1e-5
        assert found["dynamic_batch"] == ((model, found["target"]) not in FIXED_BATCH), found
    if model == "of_any_size":
        assert found["inputs"][0]["shape"] == [None, None, None, 3]


@pytest.mark.long
@pytest.mark.parametrize("target", FORMATS)
def test_a_sequence_of_any_length_is_exported_or_the_error_names_the_argument(target, tmp_path):
    (found,) = exports("jax", tmp_path, f"lstm_of_any_length:{target}")
    if target in ("torch", "litert"):
        assert "A model of one fixed size may work: pass example=" in found["error"]
    else:
        assert found["inputs"][0]["shape"] == [None, None, 4]


def test_mixed_precision_is_exported_in_float32(tmp_path):
    (found,) = exports("jax", tmp_path, "mixed:stablehlo")
    assert found["difference"] < 1e-6


def test_a_file_with_other_outputs_is_rejected(tmp_path):
    (found,) = exports("torch", tmp_path, "wrongly_pooled:litert")
    assert not found["there"]
    assert found["error"].startswith(
        "ExportError: Expected a model that can be exported to litert and computes the same there to 1e-05; tried on "
        "tensorflow: its outputs differ by "
    )
    assert not [*tmp_path.iterdir()]


OF_ITS_OWN = """
import sys
import numpy as np
import kerasbridge as kb
kb.use_backend()
import keras

class Counting(keras.layers.Layer):
    calls = 0
    def call(self, x):
        Counting.calls += 1
        return x * Counting.calls

class Pair(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)
    def call(self, x):
        return {"sum": self.dense(x["a"] + x["b"]), "rest": (x["a"], x["b"])}

def try_export(*arguments, **keywords):
    try:
        return kb.export(*arguments, **keywords)
    except kb.errors.KerasbridgeError as error:
        return f"{type(error).__name__}: {error}"

open("kept.stablehlo", "w").write("kept")
counting = keras.Sequential([keras.Input((3,)), Counting()])
print(try_export(counting, "kept.stablehlo"))
print(try_export(counting, "kept.stablehlo", overwrite=True))
print(try_export(counting, "elsewhere.pt2"))
print(try_export(Pair(), "pair.stablehlo"))
batch = {"a": np.ones((2, 3), "float32"), "b": np.eye(2, 3, dtype="float32")}
found = kb.export(Pair(), "pair.stablehlo", example=batch)
print([spec.name for spec in found.inputs], found.outputs, found.difference, found.dynamic_batch)
dense = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
print(try_export(dense, "kept.stablehlo", overwrite=True).bytes > 100)
"""


def test_models_of_a_script_are_exported_if_possible_and_only_a_correct_file_replaces_another(tmp_path):
    done = started("jax", tmp_path, "-c", OF_ITS_OWN)
    assert done.returncode == 0, done.stderr
    there, otherwise, elsewhere, unbuilt, pair, right = done.stdout.splitlines()
    assert there.startswith("ArgumentError: Expected a path that does not exist, received kept.stablehlo.")
    assert "tried on jax: its outputs differ by" in otherwise
    assert "it has to be loaded there, and Counting cannot be imported there" in elsewhere
    assert unbuilt.endswith("Pass example=, a batch of its inputs.")
    assert pair == "['a', 'b'] ('rest_0', 'rest_1', 'sum') 0.0 True"
    assert right == "True"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.stablehlo", "pair.stablehlo"]


def test_the_command_line_exports_a_run(tmp_path):
    train = ("-m", "kerasbridge", "train", "--epochs", "1", "--run-dir", "run", "--quiet")
    assert started("jax", tmp_path, *train).returncode == 0
    export = ("-m", "kerasbridge", "export", "run", "-o", "digits.stablehlo", "--json")
    done = started("jax", tmp_path, *export)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["inputs"] == [{"name": "input", "shape": [None, 28, 28], "dtype": "float32"}]
    again = started("jax", tmp_path, *export)
    assert again.returncode == 2
    assert "--overwrite" in again.stderr


FINE_TUNED = """
import sys
from pathlib import Path
import numpy as np
import kerasbridge as kb
kb.use_backend()
from kerasbridge.keras_compat import keras

def load_caffe(name):
    return kb.load_legacy(*(Path(sys.argv[1], f"{name}.{suffix}") for suffix in ("prototxt", "caffemodel")))

lenet = load_caffe("lenet_v2_jachin")
digits = kb.datasets.mnist()
x = digits.x_train[:320, ..., None] / np.float32(255)
lenet.compile("sgd", "sparse_categorical_crossentropy")
kb.fit(lenet, x, digits.y_train[:320], verbose=0, seed=0)
print(kb.export(lenet, "lenet.onnx"))
np.savez("lenet.npz", x=x[:5], y=kb.predict(lenet, x[:5], verbose=0))
print(kb.export(load_caffe("mtcnn_det1"), "det1.onnx").inputs[0].shape)
"""


@pytest.mark.skipif(not (SHARED / "legacy").is_dir(), reason="needs the files of ../shared/legacy")
def test_a_fine_tuned_caffe_net_can_be_exported_to_onnx(tmp_path):
    import onnxruntime

    done = started("jax", tmp_path, "-c", FINE_TUNED, SHARED / "legacy" / "caffe")
    assert done.returncode == 0, done.stderr
    recorded = np.load(tmp_path / "lenet.npz")
    session = onnxruntime.InferenceSession(tmp_path / "lenet.onnx")
    (outputs,) = session.run(None, {session.get_inputs()[0].name: recorded["x"]})
    np.testing.assert_allclose(outputs, recorded["y"], atol=1e-5)
    assert done.stdout.splitlines()[-1] == "(None, None, None, 3)"
