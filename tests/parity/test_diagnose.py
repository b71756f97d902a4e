"""`kb.diagnose` on three backends: no findings in correct models; injected faults and float32 leaks are named."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kerasbridge.parity.diagnose import diagnose

HERE = Path(__file__).parent
IN_FLOAT64 = {"dtype": "float64", "correct_leaks": True}
LONG = pytest.mark.long
SHORT = ("mlp", "gradient_wrong_on_jax", "float32_constant_on_torch")  # the part that CI runs


def chosen(*cases):
    """Return the cases as parameters, named by their first element; those not in `SHORT` are marked long."""
    return [pytest.param(*case, marks=() if case[0] in SHORT else LONG) for case in cases]


def diagnosed(name, file="subjects", **options):
    return diagnose(script=f"{HERE / file}.py:{name}", **options)


def first(found):
    """Return row and backend of the first finding."""
    return found.first_mismatch.kind, found.first_mismatch.name, found.first_mismatch.backend


@pytest.mark.parametrize("name", chosen(["mlp"], ["cnn"], ["lstm"], ["recurrent"], ["transformer"], ["augmentation"]))
def test_a_correct_model_has_no_row_beyond(name):
    found = diagnosed(name)
    assert found.agree, found.findings
    assert {row.kind for row in found.rows} > {"output", "gradient by output", "slot", "compiled update"}


@LONG
@pytest.mark.parametrize("name", ["mlp", "cnn", "lstm"])
def test_a_correct_model_has_no_finding_in_float64_with_leaks_corrected(name):
    found = diagnosed(name, **IN_FLOAT64)
    assert found.agree, found.findings
    assert max(row.tolerance for row in found.rows) < 1e-12


@LONG
@pytest.mark.parametrize(
    ("name", "layer"), [("transformer", "dense_1"), ("augmentation", "sequential/random_translation")]
)
def test_float32_computations_of_tensorflow_are_named(name, layer):
    """Its gelu casts the Python number sqrt(2), and its projective transform only supports float32."""
    found = diagnosed(name, **IN_FLOAT64)
    assert first(found) == ("output", layer, "tensorflow")
    assert "Computed in float32 here" in found.first_mismatch.explanation
    assert {finding.backend for finding in found.findings} == {"tensorflow"}


@LONG
def test_the_source_of_float32_in_a_float64_model_is_named():
    found = diagnosed("mlp", dtype="float64")
    assert first(found) == ("output", "sequential/dense", "torch")
    assert "Keras promotes float64 and float64 to float32" in found.first_mismatch.explanation
    (tensorflow,) = [finding for finding in found.findings if finding.backend == "tensorflow"]
    assert (tensorflow.kind, tensorflow.name) == ("optimizer", "adam")
    assert "such as Adam's betas" in tensorflow.explanation
    assert "jax" not in {finding.backend for finding in found.findings}


@pytest.mark.parametrize(
    ("fault", "row", "backend", "words", "options"),
    chosen(
        ("forward_wrong_on_torch", ("output", "sequential/suspect"), "torch", "this layer's call", {}),
        ("gradient_wrong_on_jax", ("gradient by output", "sequential/dense"), "jax", "sequential/suspect", {}),
        ("even_kernel_padded_elsewhere_on_tensorflow", ("output", "sequential/suspect"), "tensorflow", "call", {}),
        ("float32_constant_on_torch", ("output", "sequential/suspect"), "torch", "float32 constant", IN_FLOAT64),
        ("key_bias_wrong_on_jax", ("gradient", "sequential/suspect/key_bias"), "jax", "owns this variable", {}),
        ("epsilon_wrong_on_jax", ("optimizer", "adam"), "jax", "its arguments", {}),
    ),
)
def test_an_injected_fault_is_named_with_its_backend(fault, row, backend, words, options):
    found = diagnosed(fault, "faults", **options)
    assert first(found) == (*row, backend)
    assert words in found.first_mismatch.explanation
    assert [finding.backend for finding in found.findings] == [backend]


@LONG
def test_the_key_bias_of_attention_is_only_reported_if_it_is_wrong():
    def key_bias(found):
        (row,) = [row for row in found.rows if row.kind == "gradient" and "key_bias" in row.name]
        return row

    healthy, wrong = key_bias(diagnosed("attention", "faults")), key_bias(diagnosed("key_bias_wrong_on_jax", "faults"))
    assert healthy.term > 1e-6
    assert healthy.beyond == ()
    assert wrong.beyond == ("jax",)


@LONG
def test_layers_called_inside_a_loop_are_skipped_with_a_note():
    found = diagnosed("looped", backends=["jax", "torch"])
    assert found.agree, found.findings
    assert found.notes == ("layers within layers are not shown: one is called inside a loop of the framework's own",)
    assert ("output", "sequential/looping") in [(row.kind, row.name) for row in found.rows]


def test_a_branching_model_that_is_not_compiled_can_be_diagnosed():
    found = diagnosed("branching", backends=["jax", "torch"])
    assert found.agree, found.findings
    assert found.notes == ("the model is not compiled: mean square of its outputs as loss, and SGD with a rate of 1",)
    rows = [(row.kind, row.name) for row in found.rows]
    outputs = [name for kind, name in rows if kind == "output"]
    assert outputs == ["shared", "shared (call 2)", "both", "inner/deep", "size", "shape"]
    assert [name for kind, name in rows if kind == "loss"] == ["shape_loss", "size_loss", "loss"]
    assert rows.index(("gradient by output", "shared")) < rows.index(("gradient", "shared/kernel"))


def test_the_command_reports_findings_and_sets_the_exit_code():
    def command(*arguments):
        whole = [sys.executable, "-m", "kerasbridge", "diagnose", *arguments]
        return subprocess.run(whole, capture_output=True, text=True, timeout=300, check=False)

    fault = f"{HERE / 'faults.py'}:forward_wrong_on_torch"
    wrong = command("--script", fault, "--json")
    assert wrong.returncode == 1, wrong.stderr
    assert json.loads(wrong.stdout)["first_mismatch"]["name"] == "sequential/suspect"
    missing = command("nothing.keras")
    assert missing.returncode == 2
    assert missing.stderr == (
        "kerasbridge: Expected a model mlp, cnn or the path of a .keras file, "
        "received 'nothing.keras', which is not a file.\n"
    )
