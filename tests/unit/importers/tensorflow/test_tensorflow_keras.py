"""Keras layers in SavedModels, and variables alone: how they are read, and their errors."""

import contextlib
import json
import zipfile

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import LegacyFileError
from kerasbridge.importers import formats
from kerasbridge.importers.ir.weights import Parameter
from tests.paths import ROOT

pytest.importorskip("google.protobuf", reason="TensorFlow files are protobuf messages")

from kerasbridge.importers.tensorflow import variable_scopes
from kerasbridge.importers.tensorflow.schema import message_class
from tests.legacy_errors import inspect_error

RECORDED = ROOT / "tests" / "importers" / "tensorflow_files" / "recorded.zip"
NOTE = "restored from the layers in its Keras metadata"


@pytest.fixture
def recorded(tmp_path):
    with zipfile.ZipFile(RECORDED) as archive:
        for name in archive.namelist():
            if name.startswith(("keras2/", "lambdas/", "weights/")):
                archive.extract(name, tmp_path)
    return tmp_path


@contextlib.contextmanager
def changed(path, kind):
    """Modify a message in a file."""
    found = message_class(kind).FromString(path.read_bytes())
    yield found
    path.write_bytes(found.SerializeToString())


@contextlib.contextmanager
def root_metadata(folder):
    """Return the Keras metadata of the model."""
    with changed(folder / "keras_metadata.pb", "KerasMetadata") as notes:
        root = next(one for one in notes.nodes if one.node_id == 0)
        metadata = json.loads(root.metadata)
        yield metadata
        root.metadata = json.dumps(metadata).encode()


def test_keras_metadata_from_before_2_5_is_read(recorded):
    folder = recorded / "keras2" / "model"
    report = kb.inspect_legacy(folder)
    assert report.notes == (NOTE, "written by Keras 2.21.0 on tensorflow")
    assert report.inputs == (("images", (None, 7, 6, 2)), ("rows", (None, 5, 3)))
    notes = message_class("KerasMetadata").FromString((folder / "keras_metadata.pb").read_bytes())
    with changed(folder / "saved_model.pb", "SavedModel") as whole:
        for note in notes.nodes:
            whole.meta_graphs[0].object_graph_def.nodes[note.node_id].user_object.metadata = note.metadata
    (folder / "keras_metadata.pb").unlink()
    assert kb.inspect_legacy(folder) == report


def test_a_model_with_unsupported_layers_is_restored_from_its_graph(recorded):
    folder = recorded / "lambdas" / "model"
    report = kb.inspect_legacy(folder)
    assert report.notes[0].endswith(
        "not from the layers in its Keras metadata: cannot be converted: "
        "'code' (Lambda) contains Python code, which is not run."
    )
    with root_metadata(folder) as metadata:
        del metadata["model_config"]
        metadata["class_name"] = "Mine"
    assert "of the custom class Mine" in kb.inspect_legacy(folder).notes[0]
    (folder / "keras_metadata.pb").unlink()
    assert "keras_metadata.pb, which contains them, is missing." in kb.inspect_legacy(folder).notes[0]


def test_if_neither_can_be_converted_both_errors_are_reported(recorded):
    folder = recorded / "keras2" / "model"  # without a graph
    (folder / "keras_metadata.pb").write_bytes(b"\x0a\xff")
    sentence = inspect_error(folder)
    assert "The layers: keras_metadata.pb is damaged" in sentence
    assert "The graph: " in sentence


def test_weights_in_an_unknown_order_are_not_used(recorded):
    folder = recorded / "keras2" / "model"
    with changed(folder / "saved_model.pb", "SavedModel") as whole:
        nodes = whole.meta_graphs[0].object_graph_def.nodes
        (layer,) = (
            one
            for one in nodes
            if {"gamma", "variables"} <= {child.local_name for child in one.children}
            and nodes[_child(one, "gamma")].variable.shape.dim[0].size == 3
        )
        row = nodes[_child(layer, "variables")].children
        row[0].node_id, row[1].node_id = row[1].node_id, row[0].node_id
    assert "the weights of layer 'norm' (BatchNormalization) are not in the order of Keras" in inspect_error(folder)


def _child(node, name):
    return next(child.node_id for child in node.children if child.local_name == name)


def test_missing_weights_are_an_error(recorded):
    folder = recorded / "keras2" / "model"
    (folder / "variables" / "variables.data-00000-of-00001").unlink()
    assert "variables.data-00000-of-00001" in inspect_error(folder)
    (folder / "variables" / "variables.index").unlink()
    assert kb.inspect_legacy(folder).notes[0] == NOTE
    with pytest.raises(LegacyFileError, match="its folder variables, which contains the weights, is missing"):
        kb.load_legacy(folder)


@pytest.mark.parametrize("name", ["saved_model.pb", "keras_metadata.pb", "variables/variables.index"])
def test_files_with_changed_bytes_are_rejected_or_read(recorded, name):
    folder, draw = recorded / "keras2" / "model", np.random.default_rng(2)
    whole = (folder / name).read_bytes()
    for place in range(30):
        damaged = bytearray(whole[: draw.integers(len(whole))] if place % 5 == 0 else whole)
        for _ in range(draw.integers(1, 4)):
            damaged[draw.integers(len(damaged))] = draw.integers(256)
        (folder / name).write_bytes(damaged)
        with contextlib.suppress(LegacyFileError):
            kb.inspect_legacy(folder)


def test_endlessly_nested_notes_are_rejected(recorded):
    folder = recorded / "keras2" / "model"
    with changed(folder / "keras_metadata.pb", "KerasMetadata") as notes:
        notes.nodes[0].metadata = b"[" * 200_000
    assert "they are nested too deeply" in inspect_error(folder)


@pytest.mark.parametrize("name", ["one", "two", "tracked"])
def test_variables_of_the_training_are_skipped(recorded, name):
    report = kb.inspect_legacy(recorded / "weights" / f"{name}.index")
    layers = ["batch_normalization"] * 4 + ["conv2d"] * 2 + [f"dense_{n}" for n in (3, 4, 5) for _ in range(2)]
    assert sorted(one.layer.partition("/")[0] for one in report.converted) == layers
    assert [one.layer for one in report.skipped] == ["optimizer, counters"]


def test_variables_of_a_model_are_read_for_a_given_model(recorded):
    content = formats.read([recorded / "keras2" / "model"], None, weights_only=True).content
    assert [group.prefix.rpartition("-")[2] for group in content.groups] == [
        "0",
        "1",
        "2/layer",
        "3",
        "4",
        "5",
        "6",
        "0",
        "1",
        "8",
    ]
    assert {*content.groups[0].arrays} == {
        f"{way}_{name}" for way in ("forward", "backward") for name in ("kernel", "recurrent_kernel", "bias")
    }


@pytest.mark.parametrize(
    ("shapes", "layers"),
    [
        ({"c/weights": (3, 3, 1, 4), "c/biases": (4,)}, {"c": "kernel bias"}),
        ({"c/Variable": (3, 3, 1, 4), "c/Variable_1": (4,)}, {"c": "kernel bias"}),
        ({"a/weights/Variable": (5, 4), "a/biases/Variable": (4,)}, {"a": "kernel bias"}),
        ({"W_fc1": (5, 4), "b_fc1": (4,), "o_w": (4, 2), "o_b": (2,)}, {"fc1": "kernel bias", "o": "kernel bias"}),
        ({"e/embeddings": (9, 4)}, {"e": "kernel"}),
        (
            {"s/depthwise_weights": (3, 3, 4, 1), "s/pointwise_weights": (1, 1, 4, 2), "s/biases": (2,)},
            {"s": "depthwise_kernel pointwise_kernel bias"},
        ),
        ({"l/lstm_cell_2/kernel": (3, 8), "l/lstm_cell_2/recurrent_kernel": (2, 8)}, {"l": "kernel recurrent_kernel"}),
        ({"n/beta": (4,), "n/moving_mean": (4,), "n/moving_variance": (4,)}, {"n": "beta moving_mean moving_variance"}),
        ({"matrix": (5, 4), "offset": (4,)}, {}),
        ({"m/one": (4, 4), "m/two": (4, 4)}, {}),
        ({"m/one": (4, 4), "m/two": (4, 4), "c/kernel": (4, 2)}, {"m": "one two", "c": "kernel"}),
    ],
)
def test_names_contain_the_layer_of_a_variable(shapes, layers):
    groups = variable_scopes.group_by_layer(
        [Parameter(name, np.zeros(shape, np.float32)) for name, shape in shapes.items()]
    )
    assert {group.prefix: " ".join(group.arrays) for group in groups} == layers
    assert [group.name(role) for group in groups for role in group.arrays] == ([*shapes] if layers else [])


def test_averages_and_slots_are_not_layer_weights():
    names = {
        "c/kernel", "c/kernel/Adam", "c/kernel/Adam_1", "c/bias/ExponentialMovingAverage", "training/Adam/Variable",
        "beta1_power", "global_step", "train/c/kernel/Momentum", "Adam/m/c/kernel", "AdamBlock/kernel",
    }  # fmt: skip
    assert variable_scopes.layer_variables(names) == ["AdamBlock/kernel", "c/kernel"]
