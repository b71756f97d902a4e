"""Parts of the exporters that need no framework: formats, missing packages, output paths and comparisons."""

import contextlib
import sys
from pathlib import Path

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, ExportError, PackageNotInstalled
from kerasbridge.exporters import comparison, formats, output_path
from kerasbridge.exporters.batches import read_batches, start, write_batches
from kerasbridge.exporters.result import ExportResult
from kerasbridge.exporters.signatures import DynamicAxes, Signature, Spec
from kerasbridge.runtime import backend
from tests.system_calls import ProcessDied, SystemCalls


@pytest.mark.parametrize("target", formats.FORMATS.values(), ids=lambda target: target.name)
def test_a_suffix_names_the_format(target):
    assert formats.find(None, Path(f"model{target.suffix}")) is target
    assert formats.find(target.name, Path(f"model{target.suffix}")) is target


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        (None, "model.h5", "Cannot infer the format from the suffix of model.h5. Pass one of onnx"),
        ("caffe", "model.onnx", r"Expected one of the formats onnx \(.onnx\), tf_saved_model \(a folder\)"),
        ("onnx", "model.pt2", "Expected the path of a file in onnx to end in .onnx, received model.pt2"),
    ],
)
def test_an_unknown_format_is_rejected(name, path, words):
    with pytest.raises(ArgumentError, match=words):
        kb.export(None, path, name)


@pytest.mark.parametrize(
    ("source", "exit_code", "words"),
    [
        ("print('Expected it.', file=sys.stderr); sys.exit(2)", 2, "Expected it."),
        ("print('bad node', file=sys.stderr); sys.exit(134)", 1, "the process ended with code 134:\nbad node"),
        ("import time; time.sleep(600)", 1, "the process did not end in time and was ended:\nit printed nothing"),
    ],
)
def test_a_child_that_crashes_or_hangs_is_exit_code_1_with_its_last_output(
    tmp_path, monkeypatch, source, exit_code, words
):
    (tmp_path / "crashing.py").write_text(f"import sys; {source}")
    monkeypatch.setattr(backend, "child_environment", lambda *_: {"PYTHONPATH": str(tmp_path)})
    with pytest.raises(ExportError) as caught:
        start("crashing", tmp_path, "jax", timeout=5)
    assert (str(caught.value), caught.value.exit_code) == (words, exit_code)


def pretend_installed(monkeypatch, *there):
    monkeypatch.setattr(formats, "_is_installed", lambda package: package in there)


def test_missing_packages_are_named_with_the_install_command(monkeypatch, tmp_path):
    pretend_installed(monkeypatch, "jax", "torch", "onnxscript", "onnx")
    with pytest.raises(PackageNotInstalled) as caught:
        kb.export(None, tmp_path / "model.onnx")
    assert str(caught.value) == (
        "Exporting to onnx needs the package onnxruntime, which is not installed. "
        'Type: pip install "kerasbridge[export]"'
    )


def test_a_missing_backend_is_in_the_line_too(monkeypatch, tmp_path):
    pretend_installed(monkeypatch, "jax")
    with pytest.raises(
        PackageNotInstalled, match=r'tensorflow and ai_edge_litert, .*"kerasbridge\[tensorflow,export\]"'
    ):
        kb.export(None, tmp_path / "model.tflite")
    with pytest.raises(PackageNotInstalled, match=r'the package torch, .*"kerasbridge\[torch\]"'):
        kb.export(None, tmp_path / "model.pt2")


def test_routes_without_a_missing_package_are_available(monkeypatch):
    pretend_installed(monkeypatch, "tensorflow", "onnx", "onnxruntime", "tf2onnx")
    assert [route.backend for route in formats.FORMATS["onnx"].available()] == ["tensorflow"]


@pytest.mark.parametrize("path", [None, 5, b"x", "", ["a"], "a\0b"])
def test_a_path_of_another_type_is_rejected(path):
    with pytest.raises(ArgumentError) as caught:
        kb.export(None, path)
    assert str(caught.value) == f"Expected the path of the file or folder to write, received {path!r}."


@pytest.mark.parametrize("tolerance", [0, -1, float("nan"), "small", None])
def test_a_tolerance_is_above_zero(tolerance, tmp_path):
    with pytest.raises(ArgumentError, match="Expected a tolerance above 0"):
        kb.export(None, tmp_path / "model.onnx", tolerance=tolerance)


def test_an_existing_file_or_a_missing_folder_is_rejected(tmp_path):
    taken = tmp_path / "model.onnx"
    taken.write_text("mine")
    with pytest.raises(ArgumentError, match="Expected a path that does not exist"):
        kb.export(None, taken)
    with pytest.raises(ArgumentError, match="Expected a path in a folder that exists"):
        kb.export(None, tmp_path / "no" / "model.onnx")


def written(path, text):
    """Write a model as files of this text: a folder if the name has no suffix, else a file and a second one."""
    if path.suffix:
        path.write_text(text)
        path.with_suffix(".bin").write_text(text)
    else:
        path.mkdir()
        (path / "saved_model.pb").write_text(text)


def content(path):
    return (
        [path.read_text(), path.with_suffix(".bin").read_text()]
        if path.suffix
        else [(path / "saved_model.pb").read_text()]
    )


@pytest.mark.parametrize("name", ["model.xml", "model"])
def test_a_file_replaces_another_once_it_is_committed(name, tmp_path):
    path = tmp_path / name
    for text in ("old", "newer"):
        with output_path.staging_path(path) as staged:
            written(staged, text)
            assert not path.exists() or content(path) == ["old"] * len(content(path))
            assert output_path.commit(staged, path) == len(text) * len(content(path))
        assert content(path) == [text] * len(content(path))
    assert {entry.stem for entry in tmp_path.iterdir()} == {"model"}


def test_the_second_file_of_a_format_is_not_replaced_either(tmp_path):
    (tmp_path / "model.bin").write_text("mine")
    with pytest.raises(ArgumentError, match=r"that does not exist, received .*model\.bin"):
        output_path.check(tmp_path / "model.xml", overwrite=False)
    output_path.check(tmp_path / "model.xml", overwrite=True)


def test_only_a_folder_with_nothing_but_a_saved_model_is_replaced(tmp_path):
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").touch()
    output_path.check(folder, overwrite=True, is_folder=True)
    with pytest.raises(ArgumentError, match="that does not exist"):
        output_path.check(folder, overwrite=False, is_folder=True)
    with pytest.raises(ArgumentError, match=r"that can be replaced, received .*, which is a folder\."):
        output_path.check(folder, overwrite=True)
    (folder / "thesis.tex").touch()
    with pytest.raises(ArgumentError, match=r"which also contains thesis\.tex: choose another path"):
        output_path.check(folder, overwrite=True, is_folder=True)


@pytest.mark.parametrize("name", ["model.onnx", "model"])
@pytest.mark.parametrize("number", range(1, 5))
def test_an_old_file_or_folder_stays_where_a_new_one_cannot_be_moved(tmp_path, name, number):
    path = tmp_path / name
    for text in ("old", "new"):
        with output_path.staging_path(path) as staged:
            if path.suffix:
                staged.write_text(text)
            else:
                written(staged, text)
            if text == "old":
                output_path.commit(staged, path)
                continue
            calls = SystemCalls(pytest.MonkeyPatch(), number)
            with contextlib.suppress(OSError), calls:
                output_path.commit(staged, path)
    found = path.read_text() if path.suffix else content(path)[0]
    assert found in ("old", "new")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(sys.platform == "win32", reason="a folder cannot be locked")
@pytest.mark.parametrize("name", ["model.xml", "model"])
def test_what_a_dead_process_left_is_recovered_or_removed(tmp_path, name):
    found, number, calls = set(), 0, None
    while calls is None or calls.happened:
        number += 1
        path = tmp_path / str(number) / name
        path.parent.mkdir()
        with output_path.staging_path(path) as staged:
            written(staged, "old")
            output_path.commit(staged, path)
        calls = SystemCalls(pytest.MonkeyPatch(), number, dies=True)
        with contextlib.suppress(ProcessDied), calls, output_path.staging_path(path) as staged:
            written(staged, "new")
            output_path.commit(staged, path)
        with output_path.staging_path(path) as other:  # that of a process that lives
            output_path.check(path, overwrite=True, is_folder=not path.suffix)
            assert [*path.parent.glob(".*")] == [other.parent]
        assert len({*content(path)}) == 1
        found |= {*content(path)}
        assert {entry.stem for entry in path.parent.iterdir()} == {"model"}
    assert found == {"old", "new"}


def test_a_file_that_is_not_committed_is_deleted(tmp_path):
    with output_path.staging_path(tmp_path / "model.onnx") as staged:
        written(staged, "half")
    assert not [*tmp_path.iterdir()]


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("output", "reference", "difference"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0),
        ([1.0, 2.1], [1.0, 2.0], 0.05),
        ([NAN, 2.0], [NAN, 2.0], 0),
        ([1.0, NAN], [1.0, 2.0], INF),
        ([INF, 1.0], [-INF, 1.0], INF),
        ([0.0], [0.0], 0),
        ([1e-9], [0.0], INF),
        ([1.0, 2.0], [[1.0, 2.0]], INF),
        ([3], [4], 0.25),
        ([True], [True], 0),
    ],
)
def test_a_difference_is_relative_to_the_largest_number(output, reference, difference):
    assert comparison.relative_difference(np.array(output), np.array(reference)) == pytest.approx(
        difference, nan_ok=False
    )


def test_the_largest_difference_of_all_batches_and_outputs_counts():
    one, other = np.ones(2), np.array([1.0, 1.5])
    assert comparison.max_relative_difference([[one, one], [one, other]], [[one, one], [one, one]]) == 0.5


def test_arrays_are_read_from_a_file_in_their_batches(tmp_path):
    batches = [[np.arange(3), np.ones((1, 2), "float32")], [np.arange(12), np.zeros((3, 2), "float32")]]
    write_batches(tmp_path / "batches.npz", batches)
    for found, batch in zip(read_batches(tmp_path / "batches.npz"), batches, strict=True):
        for array, original in zip(found, batch, strict=True):
            np.testing.assert_array_equal(array, original, strict=True)


SIGNATURE = Signature(
    (Spec("image", (None, None, 8, 3), "float32"), Spec("words", (None, 6), "int32")), {"a": 0, "b": [1]}, ("kind",)
)


def test_a_signature_packs_arrays_and_is_restored_from_json():
    assert SIGNATURE.pack(["x", "y"]) == {"a": "x", "b": ["y"]}
    assert Signature.from_dict(SIGNATURE.as_dict()) == SIGNATURE
    assert SIGNATURE.has_dynamic_sizes


@pytest.mark.parametrize(
    ("dynamic", "shape"), [("all", (None, None, 8, 3)), ("batch", (None, 4, 8, 3)), ("none", (1, 4, 8, 3))]
)
def test_a_signature_keeps_the_dynamic_axes_that_are_chosen(dynamic, shape):
    fixed = SIGNATURE.with_dynamic_axes(DynamicAxes(dynamic), [np.zeros((2, 4, 8, 3)), np.zeros((2, 6))])
    assert fixed.inputs[0].shape == shape


def test_sizes_are_fixed_where_they_are_known():
    words = Signature((Spec("words", (None, 6), "int32"),), 0)
    assert SIGNATURE.dynamic_axis_options(sizes_known=False) == ["all"]
    assert SIGNATURE.dynamic_axis_options(sizes_known=True) == ["all", "batch", "none"]
    assert words.dynamic_axis_options(sizes_known=False) == ["batch", "none"]
    assert Signature((Spec("x", (4, 6), "float32"),), 0).dynamic_axis_options(sizes_known=False) == ["batch"]


def test_a_model_with_a_fixed_batch_size_keeps_it():
    fixed = Signature((Spec("x", (4, None), "float32"),), 0)
    assert fixed.batch_size == 4
    assert {fixed.with_dynamic_axes(dynamic, [np.zeros((4, 2))]).inputs[0].shape[0] for dynamic in DynamicAxes} == {4}


def test_a_result_prints_as_a_table():
    found = ExportResult(
        Path("m.onnx"), "onnx", "torch", "onnxruntime 1.32.0", 1.25e-7, (1, 3), SIGNATURE.inputs, ("kind",), 12345
    )
    assert str(found).splitlines() == [
        "saved       m.onnx (onnx, 12,345 bytes)",
        "written     on torch",
        "checked     in onnxruntime 1.32.0 on batches of 1, 3",
        "difference  1.2e-07 of the largest output",
        "inputs      image (N, any, 8, 3) float32, words (N, 6) int32",
        "outputs     kind",
    ]
    assert found.as_dict()["dynamic_batch"]


def test_every_format_names_existing_backends():
    assert {route.backend for target in formats.FORMATS.values() for route in target.routes} <= set(backend.BACKENDS)
