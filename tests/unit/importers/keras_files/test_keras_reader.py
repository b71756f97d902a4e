"""Files of Keras 1 and 2 that are corrupt, inconsistent or unsupported: one sentence each, without Keras."""

import contextlib
import json

import h5py
import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.importers import formats
from tests.importers.keras_h5 import dense, entry, fed, functional, node, sequential, write
from tests.legacy_errors import inspect_error

KERNEL, BIAS = np.ones((3, 2)), np.ones(2)


def read_or_refused(path):
    """Read a file, or check that the error is one sentence."""
    with contextlib.suppress(LegacyFileError):
        formats.read([path], "keras2")


def small(path, version="2.3.1", **options):
    return write(
        path, sequential(dense("d", 2, batch_input_shape=[None, 3])), {"d": (KERNEL, BIAS)}, version, **options
    )


def test_a_report_lists_the_contents_of_a_file(tmp_path):
    report = kb.inspect_legacy(small(tmp_path / "a.h5", backend="theano"))
    assert (report.format, report.network, report.inputs) == ("keras2", "net", (("d_input", (None, 3)),))
    assert [str(one) for one in report.converted] == ["d (Dense)"]
    assert report.notes == ("written by Keras 2.3.1 on theano; kernels of convolutions were flipped",)


def test_all_unknown_layers_are_named_at_once_with_their_places(tmp_path):
    within = {**sequential(entry("Mine", "a", batch_input_shape=[None, 3]), name="base"), "name": "base"}
    config = functional(
        fed("x", 3),
        {**within, "inbound_nodes": [[["x", 0, 0]]]},
        node("Lambda", "b", "base", function=["4wEAAAA", None, None], function_type="lambda"),
        node("StringLookup", "c", "b"),
        node("Activation", "d", "c", activation="mine"),
        node("Merge", "e", "c", "d", mode="x", mode_type="lambda"),
        outputs=["e"],
    )
    sentence = inspect_error(write(tmp_path / "a.h5", config, {}, "1.2.2"))
    for words in (
        "'a' (Mine) in 'base' is unknown",
        "'b' (Lambda) contains Python code, which is not run",
        "'c' (StringLookup) looks up strings or hashes in TensorFlow tables",
        "'d' (Activation) has the activation 'mine'",
        "'e' (Merge) merges with a Python function",
    ):
        assert words in sentence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + bytes(26) + b"metadata.json", "keras.models.load_model opens it"),
        (b"backend: theano\nclass_name: Sequential\nconfig:\n- class_name: Dense\n", "is YAML, which is not supported"),
        (b'{"class_name": "Sequential", "config": ' + b"[" * 10000, "not valid JSON"),
        (b'{"class_name": "Sequential", "config": []}', "has no layers"),
        (b'{"class_name": "Model", "config": {"layers": [{"class_name": "Dense", "name": 3}]}}', "is not text: 3"),
        (b'{"class_name": "Sequential"}', "no model in its JSON"),
        (b'{"class_name": "Model", "config": {"layers": 3}}', "cannot be read"),
        (b"\x89HDF\r\n\x1a\n" + bytes(200), "is damaged or cut short"),
    ],
)
def test_other_files_are_rejected(content, words, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(content)
    assert words in inspect_error(path)


def test_files_of_keras_3_are_for_keras_3(tmp_path):
    assert "is of Keras 3: keras.models.load_model opens it" in inspect_error(small(tmp_path / "a.h5", version="3.1.0"))
    with h5py.File(tmp_path / "b.weights.h5", "w") as root:
        root.create_group("layers/dense/vars")
    assert "keras.models.Model.load_weights reads it" in inspect_error(tmp_path / "b.weights.h5")


def test_external_or_missing_numbers_are_not_read(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(100))
    path = small(tmp_path / "a.h5")
    places = {
        "link": lambda layer: layer.__setitem__("d", h5py.ExternalLink("other.h5", "/x")),
        "external": lambda layer: layer.create_dataset("d", (3, 2), "f4", external=[(str(tmp_path / "secret"), 0, 24)]),
        "unwritten": lambda layer: layer.create_dataset("d", (10**6, 10**6), "f4"),
        "packed": lambda layer: layer.create_dataset("d", (10**6, 10**6), "f4", chunks=(10, 10), compression="gzip"),
        "words": lambda layer: layer.create_dataset("d", data=[b"a"]),
    }
    for words, place in zip(
        ("link", "another file", "are stored", "are stored", "not a numeric array"), places.values(), strict=True
    ):
        with h5py.File(path, "r+") as root:
            layer = root["model_weights/d"]
            layer.attrs["weight_names"] = np.array([b"d"])
            for name in [*layer]:
                del layer[name]
            place(layer)
        assert words in inspect_error(path)


def test_weights_without_a_layer_are_reported(tmp_path):
    config = sequential(dense("d", 2, batch_input_shape=[None, 3]))
    assert "layer 'd' (Dense) has the weights kernel, bias; the file has (3, 2)" in inspect_error(
        write(tmp_path / "a.h5", config, {"d": [KERNEL]}, "2.3.1")
    )
    assert "expected the weights of 1 layers, received those of 2" in inspect_error(
        write(tmp_path / "a.h5", config, {"e": [KERNEL], "f": [KERNEL]}, "2.3.1")
    )


@pytest.mark.parametrize(
    ("version", "config", "name"),
    [
        (None, sequential(dense("d", 2, "output_dim", batch_input_shape=[None, 3]), old=True), "keras1"),
        (None, sequential(dense("d", 2, batch_input_shape=[None, 3])), "keras2"),
        (None, None, "keras1"),
        ("2.11.0", None, "keras2"),
    ],
)
def test_a_missing_version_is_inferred(version, config, name, tmp_path):
    path = write(tmp_path / "a.h5", config, {"d": (KERNEL, BIAS)}, version)
    assert kb.inspect_legacy(path).format == name


def test_other_hdf5_files_are_not_keras_files(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as root:
        root["x"] = [1.0]
    assert "has an unknown format" in inspect_error(tmp_path / "a.h5")


def test_layers_in_a_cycle_are_rejected(tmp_path):
    config = functional(fed("x", 3), node("Activation", "a", "b"), node("Activation", "b", "a"), outputs=["b"])
    assert "wait for each other" in inspect_error(write(tmp_path / "a.h5", config, {}, "2.3.1"))


def test_flip_kernels_is_only_required_for_convolutions(tmp_path):
    assert kb.inspect_legacy(small(tmp_path / "a.h5", version=None)).converted
    window = {"filters": 2, "data_format": "channels_last", "batch_input_shape": [None, 5, 5, 3]}
    one = sequential(entry("Conv2D", "c", kernel_size=[1, 1], **window))
    assert kb.inspect_legacy(write(tmp_path / "b.h5", one, {"c": (np.ones((1, 1, 3, 2)), BIAS)}, "2.0.1")).converted
    three = sequential(entry("Conv2D", "c", kernel_size=[3, 3], **window))
    path = write(tmp_path / "c.h5", three, {"c": (np.ones((3, 3, 3, 2)), BIAS)}, "2.0.1")
    assert "'c': the file does not record which backend wrote it" in inspect_error(path)
    assert kb.inspect_legacy(path, flip_kernels=False).converted


def test_two_models_are_rejected(tmp_path):
    paths = small(tmp_path / "a.h5"), small(tmp_path / "b.h5")
    assert "Expected one model" in inspect_error(*paths)
    with pytest.raises(ArgumentError, match=r"Expected the format caffe or .* or keras2"):
        kb.inspect_legacy(paths[0], format="keras")


def test_corruption_anywhere_raises_one_sentence(tmp_path):
    whole = small(tmp_path / "a.h5").read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "b.h5"
    for trial in range(120):
        damaged = bytearray(whole)
        if trial % 3:
            for place in random.integers(0, len(whole), 3):
                damaged[place] ^= 1 << int(random.integers(8))
        else:
            damaged = damaged[: random.integers(8, len(whole))]
        path.write_bytes(damaged)
        read_or_refused(path)


def test_a_configuration_with_anything_anywhere_raises_one_sentence(tmp_path):
    config = functional(
        fed("x", 3), node("Dense", "d", "x", units=2, activation="relu"), node("Add", "a", "d", "d"), outputs=["a"]
    )
    path, strange = tmp_path / "a.json", [None, -1, "x", [], {}, [[]], 1e400, {"class_name": "Model", "config": {}}]
    for place in range(count(config)):
        for value in strange:
            path.write_text(json.dumps({**replaced(config, place, value)[0], "keras_version": "2.3.1"}))
            read_or_refused(path)


def count(tree):
    """Return the number of values in a nested structure, including itself."""
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return 1 + sum(map(count, parts))


def replaced(tree, place, value):
    """Return the nested structure with another value at an inner position, and the rest of the count."""
    if not isinstance(tree, dict | list):
        return tree, place - 1
    items, made = tree.items() if isinstance(tree, dict) else enumerate(tree), {}
    place -= 1
    for key, part in items:
        if place == 0:
            made[key], place = value, -1
        elif place > 0:
            made[key], place = replaced(part, place, value)
        else:
            made[key] = part
    return (made if isinstance(tree, dict) else [*made.values()]), place


CELL = entry("LSTMCell", "c", units=2)


@pytest.mark.parametrize(
    ("kind", "config", "words"),
    [
        ("RNN", {"cell": entry("PeepholeLSTMCell", "c", units=2)}, "has the cell PeepholeLSTMCell"),
        ("RNN", {"cell": entry("StackedRNNCells", "s", cells=[CELL, entry("Mine", "m")])}, "has the cell Mine"),
        (
            "RNN",
            {"cell": entry("StackedRNNCells", "s", cells=[CELL, CELL]), "return_state": True},
            "the states of several",
        ),
        ("RNN", {"cell": CELL, "time_major": True}, "time as the first axis"),
        ("RNN", {"cell": None}, "has a configuration that cannot be read"),
        ("LocallyConnected1D", {"filters": 2, "kernel_size": [0]}, "windows of (0,)"),
        ("LocallyConnected2D", {"filters": 2, "kernel_size": [2, 2], "padding": "full"}, "has the padding 'full'"),
        (
            "LocallyConnected2D",
            {"kernel_size": [2, 2], "data_format": "channels_first", "activation": "softmax"},
            "width",
        ),
        ("SpectralNormalization", {"layer": entry("Flatten", "f")}, "wraps the layer 'f' (Flatten)"),
        ("Discretization", {"bin_boundaries": None, "num_bins": 4}, "adapt() computed them"),
        ("CategoryEncoding", {"num_tokens": 3, "sparse": True}, "returns sparse tensors"),
        ("EinsumDense", {"equation": "ab,bc", "output_shape": [3]}, "has a configuration that cannot be read"),
        ("RandomCrop", {"height": 2, "width": 2}, "crops to the center outside of training"),
        ("SlicingOpLambda", {"function": "__operators__.getitem"}, "consists of TensorFlow calls"),
    ],
)
def test_unsupported_options_of_layers_are_named(kind, config, words, tmp_path):
    path = tmp_path / "a.json"
    first = {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, 6, 6, 2]}}
    path.write_text(json.dumps({**sequential(first, entry(kind, "l", **config)), "keras_version": "2.11.0"}))
    assert words in inspect_error(path)
