"""`kb.compare` on three backends, each in a separate process: correct models agree, injected faults do not."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, DataError, ParityError
from kerasbridge.parity.verdict import DISAGREE
from kerasbridge.runtime.backend import child_environment

HERE = Path(__file__).parent
BACKENDS = ["jax", "tensorflow", "torch"]
NOT_JITTED = ("augmentation", "jax")  # Keras itself does not jit layers like RandomFlip on JAX
HEALTHY = ("mlp", "cnn", "lstm", "recurrent", "transformer", "augmentation")
FAULTS = {
    "forward_wrong_on_torch": "torch",
    "gradient_wrong_on_jax": "jax",
    "even_kernel_padded_elsewhere_on_tensorflow": "tensorflow",
    "float32_constant_on_torch": "torch",
    "epsilon_wrong_on_jax": "jax",
}
LONG = pytest.mark.long
SHORT = ("recurrent", "transformer", "gradient_wrong_on_jax", "epsilon_wrong_on_jax")  # the part that CI runs


def subject(name):
    return f"{HERE / 'subjects.py'}:{name}"


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in SHORT else LONG) for name in HEALTHY])
def test_a_correct_model_agrees_and_every_random_number_is_identical(name):
    found = kb.compare(script=subject(name), epochs=2)
    assert found.agree, [(pair.first, pair.second, pair.step, pair.quantity) for pair in found.judgement.pairs]
    assert [check.name for check in found.judgement.digests if not check.equal] == []
    for record in found.records:
        assert record.initial_weights
        assert len(record.orders) == 2
        assert record.masks
        assert record.masks_missing is None
        assert record.execution != "eager" or (name, record.backend) == NOT_JITTED


@pytest.mark.parametrize("name", ["mlp", pytest.param("lstm", marks=LONG), pytest.param("recurrent", marks=LONG)])
def test_in_float64_with_the_leaks_corrected_the_losses_agree_to_12_digits(name):
    found = kb.compare(script=subject(name), epochs=3, dtype="float64", correct_leaks=True)
    assert found.agree
    assert max(pair.losses.max() for pair in found.judgement.pairs) < 1e-12
    assert max(pair.weights for pair in found.judgement.pairs) < 1e-12


@pytest.mark.parametrize(
    ("name", "backend"), [pytest.param(*fault, marks=() if fault[0] in SHORT else LONG) for fault in FAULTS.items()]
)
def test_an_injected_fault_is_a_disagreement_of_its_backend_with_the_others(name, backend):
    found = kb.compare(script=f"{HERE / 'faults.py'}:{name}", epochs=2, dtype="float64", correct_leaks=True)
    assert not found.agree
    for pair in found.judgement.pairs:
        assert (pair.verdict == DISAGREE) == (backend in (pair.first, pair.second)), (pair.first, pair.second)


@LONG
def test_gross_faults_are_found_in_float32_too():
    assert not kb.compare(script=f"{HERE / 'faults.py'}:forward_wrong_on_torch").agree
    assert not kb.compare(script=f"{HERE / 'faults.py'}:gradient_wrong_on_jax").agree


def test_a_record_of_another_seed_is_rejected(tmp_path):
    kb.compare("mlp", backends=["jax"], rows=64, seed=1, against=kept(tmp_path, seed=1))
    with pytest.raises(ArgumentError, match=r"Expected seed=1, as in the record; received 2."):
        kb.compare("mlp", backends=["jax"], rows=64, seed=2, against=tmp_path / "torch.npz")


def kept(folder, seed):
    found = kb.compare("mlp", backends=["torch", "tensorflow"], rows=64, seed=seed)
    found.save(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["tensorflow.npz", "torch.npz"]
    return folder / "torch.npz"


def test_a_record_of_other_data_disagrees_by_name(tmp_path):
    found = kb.compare("mlp", backends=["jax"], rows=64, against=other_rows(tmp_path))
    assert not found.agree
    assert [(check.name, check.where) for check in found.judgement.digests if not check.equal] == [("data", "y")]


def other_rows(folder):
    """Return a record of the same length whose labels are shifted by one row."""
    digits = kb.datasets.mnist()
    np.savez(folder / "shifted.npz", **{**vars_of(digits), "y_train": np.roll(digits.y_train, 1)})
    kb.compare("mlp", backends=["jax", "torch"], rows=64, data=folder / "shifted.npz").save(folder)
    return folder / "jax.npz"


def vars_of(digits):
    return {name: getattr(digits, name) for name in ("x_train", "y_train", "x_test", "y_test")}


def test_a_saved_model_is_compared_whichever_backend_saved_it(tmp_path):
    path = tmp_path / "model.keras"
    script = f"import sys; sys.path.insert(0, {str(HERE)!r}); import subjects; subjects.cnn()[0].save({str(path)!r})"
    subprocess.run([sys.executable, "-c", script], env=child_environment("torch"), check=True, timeout=120)
    found = kb.compare(path, rows=64)
    assert found.agree
    assert {record.execution for record in found.records} <= {"looped", "jit", "traced"}


def test_one_backend_can_be_compared_with_its_own_record(tmp_path):
    alone = kb.compare(script=subject("mlp"), backends=["torch"], save=tmp_path)
    assert alone.judgement.pairs == ()
    again = kb.compare(script=subject("mlp"), backends=["torch"], against=tmp_path / "torch.npz", save=tmp_path / "new")
    assert again.verdict == "identical"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["torch.npz"]


def command(*arguments):
    whole = [sys.executable, "-m", "kerasbridge", "compare", *map(str, arguments)]
    return subprocess.run(whole, capture_output=True, text=True, timeout=300, check=False)


def test_the_command_prints_a_table_and_sets_the_exit_code(tmp_path):
    page = tmp_path / "report.html"
    good = command("--rows", 128, "--report", page, "--save", tmp_path / "records")
    assert good.returncode == 0, good.stderr
    assert "initial weights" in good.stdout
    assert "rounding:" in good.stdout
    assert "jax - torch" in good.stdout
    assert page.read_text("utf-8").lstrip().lower().startswith("<!doctype html>")
    assert len([*(tmp_path / "records").iterdir()]) == 3
    bad = command("--script", f"{HERE / 'faults.py'}:forward_wrong_on_torch", "--json", "--backends", "jax,torch")
    assert bad.returncode == 1, bad.stderr
    result = json.loads(bad.stdout)
    assert result["verdict"] == "disagree"
    assert result["pairs"][0]["first_step_beyond"] == 1


def test_mistakes_print_one_sentence_and_exit_with_2(tmp_path):
    for arguments, words in (
        (("--backends", "jax"), "Expected at least 2 backends"),
        (("--backends", "jax,caffe"), "received 'caffe'"),
        (("--script", f"{HERE / 'subjects.py'}:nothing"), "Expected a function nothing in"),
        (("--report", tmp_path / "no" / "report.html"), "Expected --report to be a file in a folder that exists"),
        (("--against", tmp_path / "none.npz"), "to be a record written by `kerasbridge compare --save`"),
    ):
        done = command(*arguments)
        assert done.returncode == 2, done.stderr
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_errors_of_the_code_of_a_child_are_shown(tmp_path):
    (tmp_path / "broken.py").write_text("def build():\n    raise RuntimeError('out of luck')\n")
    with pytest.raises(ParityError, match=r"(?s)process ended with code 1:.*RuntimeError: out of luck"):
        kb.compare(script=f"{tmp_path / 'broken.py'}:build")


def test_a_backend_whose_process_is_killed_is_named_after_the_result_of_the_others(tmp_path):
    source = (
        "import os\nimport keras\nimport kerasbridge as kb\n\n\ndef build():\n"
        "    if keras.config.backend() == 'torch':\n        os.kill(os.getpid(), 9)\n"
        "    model = kb.models.mlp()\n    model.compile('adam', 'sparse_categorical_crossentropy')\n    return model\n"
    )
    (tmp_path / "fatal.py").write_text(source)
    script = f"{tmp_path / 'fatal.py'}:build"
    done = command("--script", script, "--rows", 64, "--backends", "jax,torch")
    assert done.returncode == 1, done.stderr
    assert "jax: trained, loss " in done.stdout
    assert "torch: the process was ended by SIGKILL" in done.stderr
    with pytest.raises(ParityError, match="torch: the process was ended by SIGKILL") as caught:
        kb.diagnose(script=script, backends=["jax", "torch"])
    found = caught.value.result
    assert (found.backends, found.findings, list(found.failures), found.agree) == (("jax",), (), ["torch"], False)


def test_a_script_that_returns_no_model_is_rejected(tmp_path):
    (tmp_path / "odd.py").write_text("def build():\n    return 3\n")
    with pytest.raises(ParityError, match="to return a compiled Keras model, "):
        kb.compare(script=f"{tmp_path / 'odd.py'}:build")


def test_data_of_the_wrong_kind_is_rejected(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"nothing")
    with pytest.raises((DataError, ParityError), match=r"x\.npz"):
        kb.compare("mlp", data=tmp_path / "x.npz")


SCRIPT = """
import keras
from keras import layers

def dictionary():
    x = keras.Input((4,))
    z, a = layers.Dense(3, activation="softmax", name="z")(x), layers.Dense(1, name="a")(x)
    model = keras.Model(x, [z, a])
    model.compile("sgd", {"z": "SparseCategoricalCrossentropy", "a": "mse"})
    return model

def regression():
    model = keras.Sequential([keras.Input((784,)), layers.Dense(10)])
    model.compile("sgd", "mse")
    return model

def namesakes():
    x = keras.Input((4,))
    hidden = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="out")], name="encoder")(x)
    model = keras.Model(x, keras.Sequential([keras.Input((4,)), layers.Dense(2, name="out")], name="decoder")(hidden))
    model.compile("adam", "mse")
    return model

def narrow():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, dtype="mixed_bfloat16")])
    model.compile("sgd", "mse")
    return model

class Own(keras.Model):
    def call(self, x):
        return x

def silent():
    model = Own()
    model.compile("sgd", "mse")
    return model
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "models.py").write_text(SCRIPT)
    return lambda name: f"{tmp_path / 'models.py'}:{name}"


@pytest.mark.parametrize("name", ["dictionary", pytest.param("regression", marks=LONG), "namesakes"])
def test_random_data_is_generated_for_a_model_without_data(script, name):
    found = kb.compare(script=script(name), backends=["jax", "torch"], rows=64)
    assert found.agree
    assert len(found.records[0].initial_weights) == len(found.records[0].run.final_weights) >= 2


def test_a_model_that_ignores_the_dtype_is_rejected(script):
    with pytest.raises(ParityError, match=r"Expected every layer in float32, received dense in mixed_bfloat16\. Build"):
        kb.compare(script=script("narrow"), backends=["jax", "torch"])


def test_a_model_without_input_shape_needs_data(script):
    with pytest.raises(ParityError, match="Expected data for Own, whose inputs have no known shapes"):
        kb.compare(script=script("silent"), backends=["jax", "torch"])


def test_a_file_in_the_current_folder_does_not_shadow_a_python_module(tmp_path):
    (tmp_path / "calendar.py").write_text("raise RuntimeError('imported')")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "kerasbridge", "compare", "--rows", "32", "--backends", "jax", "--save", "kept"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
