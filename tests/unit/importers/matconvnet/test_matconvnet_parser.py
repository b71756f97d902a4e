"""Networks in .mat files: how they are located, reported, and rejected by name."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, LegacyFileError
from tests.importers.mat_files import conv, dag, write
from tests.legacy_errors import message_of

F = np.ones((3, 3, 3, 4), np.float32)
B = np.ones((1, 4), np.float32)
MEAN_IMAGE = np.ones((6, 5, 3), np.float32) * np.float32([120, 110, 100])


def report(path, **variables):
    return kb.inspect_legacy(write(path / "net.mat", **variables))


def inspect_net_error(path, *layers, **variables):
    return message_of(report, path, **(variables or {"layers": list(layers)}))


def test_the_report_of_a_reference_model_contains_its_preprocessing(tmp_path):
    meta = {
        "normalization": {
            "imageSize": [224, 224, 3, 10],
            "averageImage": np.float32([[[123.68, 116.779, 103.939]]]),
            "border": [32, 32],
            "interpolation": "bicubic",
            "keepAspect": np.ones((1, 1), bool),
            "cropSize": [0.875, 0.875],
            "rgbVariance": np.eye(3),
        },
        "classes": {"name": ["n1", "n2", "n3", "n4"], "description": ["tench", "goldfish", "white shark", "tiger"]},
    }
    found = report(tmp_path, layers=[conv(F, B, name="conv1")], meta=meta)
    assert [*map(str, found.preprocessing)] == [
        "input: subtracts 123.68, 116.779, 103.939, resizes to 256x256, bicubic, keeping the aspect, "
        "crops the center 224x224, rgbvariance is 1, 0, 0, 0, 1, 0, 0, 0, 1, "
        "takes the channels as red, green, blue"
    ]
    assert found.notes == ("names 4 classes, in the order of the channels: tench, goldfish, white shark, …",)


@pytest.mark.parametrize(
    ("normalization", "words"),
    [
        ({"imageSize": [224, 224, 3], "cropSize": 0.875}, "resizes to 256x256, crops the center 224x224"),
        ({"imageSize": [6, 5], "cropSize": 1.0, "keepAspect": 0.0}, "resizes to 6x5, without keeping the aspect"),
        ({"imageSize": [6, 5], "border": 0.0, "averageImage": np.zeros((3, 1))}, "resizes to 6x5"),
    ],
)
def test_images_are_cut_by_a_border_or_a_part(normalization, words, tmp_path):
    (found,) = report(tmp_path, layers=[{"type": "relu"}, conv(F)], meta={"normalization": normalization}).preprocessing
    assert str(found) == f"input: {words}, takes the channels as red, green, blue"


def test_old_files_store_it_next_to_the_layers(tmp_path):
    old = {"normalization": {"imageSize": [6, 5, 3], "averageImage": MEAN_IMAGE}, "classes": {"name": ["cat"]}}
    found = report(tmp_path, layers=[{"type": "conv", "filters": F, "biases": B}], **old)
    (preprocessing,) = found.preprocessing
    assert "subtracts an image of 6x5, on average 120, 110, 100, resizes to 6x5" in str(preprocessing)
    assert preprocessing
    assert found.as_dict()["preprocessing"][0]["mean_image"] == (6, 5, 3)
    assert found.notes == ("names 1 classes, in the order of the channels: cat",)
    np.testing.assert_array_equal(preprocessing.mean_image, MEAN_IMAGE)


@pytest.mark.parametrize(
    ("meta", "shape"),
    [
        ({}, (None, 3, None, None)),
        ({"inputSize": [9, 8, 3]}, (None, 3, 9, 8)),
        ({"inputSize": ["data", np.float64([[9, 8, 3, 10]])]}, (None, 3, 9, 8)),
        ({"inputs": ({"name": "data", "size": [9, 8, 3, 10]}, {"name": "y", "size": [1, 1]})}, (None, 3, 9, 8)),
        ({"inputs": {"name": "image", "size": [9, 8, 3, 10]}}, (None, 3, 9, 8)),
        ({"normalization": {"imageSize": [9, 8, 3]}}, (None, 3, 9, 8)),
        ({"normalization": {"imageSize": [9, 8]}}, (None, 3, 9, 8)),
        ({"normalization": {"imageSize": [9, 8, 1]}}, (None, 3, 9, 8)),
        ({"normalization": {"imageSize": [np.nan, 0, 3]}}, (None, 3, None, None)),
    ],
)
def test_sizes_are_inferred_from_many_places_and_channels_from_weights(meta, shape, tmp_path):
    layers = [("c", "dagnn.Conv", {"hasBias": False}, "data", "c", ["f"])]
    flat = [("f", "dagnn.Flatten", {"axis": 3}, "c", "f", [])] if shape[2] else []
    assert report(tmp_path, **dag(*layers, *flat, params={"f": F}, meta=meta)).inputs == (("data", shape),)


def test_a_required_size_must_be_passed(tmp_path):
    layers = [
        ("c", "dagnn.Conv", {"hasBias": False}, "data", "c", ["f"]),
        ("f", "dagnn.Flatten", {"axis": 3}, "c", "f", []),
    ]
    path = write(tmp_path / "net.mat", **dag(*layers, params={"f": F}))
    with pytest.raises(LegacyFileError, match=r"layer 'f' \(dagnn\.Flatten\): .*Pass input_shape=\("):
        kb.load_legacy(path)


def test_layers_are_sorted_and_outputs_are_unread_values(tmp_path):
    found = report(
        tmp_path,
        **dag(
            ("loss", "dagnn.Loss", {"loss": "softmaxlog"}, "a label", "objective", []),
            ("top1err", "dagnn.Loss", {"loss": "classerror"}, "a label", "top1err", []),
            ("own", "SegmentationAccuracy", {}, "a label", "accuracy", []),
            ("two", "dagnn.ReLU", {}, "c", "a", []),
            ("three", "dagnn.Sigmoid", (), "c", "b", []),
            ("one", "dagnn.Conv", {"hasBias": False}, "input", "c", ["f"]),
            params={"f": F},
        ),
    )
    assert found.outputs == ("a", "b")
    assert [entry.layer for entry in found.converted] == ["one", "two", "three"]
    assert [entry.layer for entry in found.skipped] == ["loss", "top1err", "own"]
    assert "the output is without the softmax that this loss begins with" in found.skipped[0].what


def test_a_loss_in_the_middle_is_unknown(tmp_path):
    layers = ("l", "dagnn.Loss", {}, "x", "o", []), ("r", "dagnn.ReLU", {}, "o", "y", [])
    assert "'l' (dagnn.Loss) is unknown" in inspect_net_error(tmp_path, **dag(*layers))


def test_a_loss_of_imported_nets_is_a_softmax(tmp_path):
    layers = [
        ("c", "dagnn.Conv", {}, "x", "c", ["f", "b"]),
        ("p", "dagnn.SoftMaxLoss", (), "c label", "p", []),
    ]
    found = report(tmp_path, **dag(*layers, params={"f": F, "b": B}))
    assert ([*map(str, found.substituted)], found.outputs) == (
        ["p (dagnn.SoftMaxLoss): Softmax, without the loss"],
        ("p",),
    )
    assert [name for name, _ in found.inputs] == ["x"]


def test_groups_follow_from_the_channels(tmp_path):
    grouped = np.ones((1, 1, 2, 6), np.float32)
    network = report(tmp_path, layers=[conv(F, B), {"type": "relu"}, conv(grouped)])
    assert network.inputs == (("input", (None, 3, None, None)),)
    assert "its weights take 3 channels" in inspect_net_error(tmp_path, conv(F, B), conv(np.ones((1, 1, 3, 6))))
    sentence = inspect_net_error(tmp_path, conv(F, B), conv(np.ones((1, 1, 2, 5), np.float32)))
    assert "does not fit its input of shape (any, 4, any, any)" in sentence


def test_normalisations_without_moments_are_reported(tmp_path):
    bare = {"type": "bnorm", "name": "a", "weights": [np.ones((4, 1)), np.ones((4, 1))]}
    zeros = {**bare, "name": "b", "weights": [*bare["weights"], np.zeros((4, 2))]}
    old = {"type": "bnorm", "name": "c", "filters": np.ones((4, 1)), "biases": np.ones((4, 1))}
    found = report(tmp_path, layers=[conv(F, B), bare, zeros, old])
    assert [entry.layer for entry in found.substituted] == ["a", "b", "c"]
    assert "the file has no moments" in found.substituted[0].what


def test_all_unknown_layers_are_named_at_once(tmp_path):
    layers = [
        {"type": "pdist", "name": "a", "p": 2.0},
        {"type": "relu", "name": "b"},
        {"type": "noffset", "name": "c"},
        {"type": "custom", "name": "d"},
        {"type": "pool", "name": "e", "method": "sum"},
        {"type": "concat", "name": "f"},
        {"name": "g"},
    ]
    sentence = inspect_net_error(tmp_path, *layers)
    assert "'a' (pdist) is unknown; 'c' (noffset) is unknown; 'd' (custom) is custom: what it computes" in sentence
    assert "'e' (pool) has the method 'sum'; 'f' (concat) is unknown; 'g' () is unknown." in sentence


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (conv(np.zeros((0, 0))), "has no filters in the file"),
        ({"type": "conv"}, "has no filters in the file"),
        (conv(F, np.ones(5)), "has 5 biases, where 4 are expected"),
        (conv(F, B, pad=-1.0), "has a pad of -1"),
        (conv(F, B, pad=[1, 2, 3]), "has 3 numbers as pad"),
        (conv(F, B, stride=0.0), "has a stride of 0"),
        (conv(F, B, stride=[1, 1, 1]), "has 3 numbers as stride"),
        (conv(F, B, dilate=np.inf), "has a dilate of inf"),
        (conv(np.ones((1, 1, 1, 1, 2))), "has weights of shape (1, 1, 1, 1, 2)"),
        ({"type": "conv", "weights": ["text"]}, "has no filters in the file"),
        ({"type": "conv", "weights": [F, B, B]}, "has 3 arrays of weights"),
        ({"type": "convt", "weights": [F, np.ones(4)]}, "has 4 biases, where 3 are expected"),
        (
            {"type": "pool", "pool": [2, 2], "pad": [0, 2, 0, 0]},
            "has padding (0, 2, 0, 0), as large as its window (2, 2)",
        ),
        ({"type": "pool", "pool": [2, 2], "pad": np.nan}, "has a pad of nan"),
        ({"type": "lrn", "param": [5, 1]}, "has the parameters [5.0, 1.0]"),
        ({"type": "lrn", "param": [0, 1, 1, 1]}, "has a window of 0 channels"),
        ({"type": "spnorm", "param": [2.5, 1, 1, 1]}, "has a window of 2.5 by 1"),
        ({"type": "dropout", "rate": 1.0}, "has a rate of 1"),
        ({"type": "relu", "leak": [1, 2]}, "has a leak of [1.0, 2.0]"),
        ({"type": "bnorm", "weights": [np.ones(4), np.ones(4), np.ones(7)]}, "has 7 moments, where 8 are expected"),
        ({"type": "bnorm", "weights": [np.ones(4), np.ones(3)]}, "has 3 offsets, where 4 are expected"),
        ({"type": "bnorm", "weights": [np.ones(2), np.ones(2), np.eye(2)]}, "has a deviation of 0 among its moments"),
    ],
)
def test_invalid_properties_of_a_layer_are_named(layer, words, tmp_path):
    sentence = inspect_net_error(tmp_path, {**layer, "name": "l"})
    assert f"'l' ({layer['type']}) {words}" in sentence


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (("Concat", {"dim": 4}, "x x", []), "joins along axis 4, which is that of the batch"),
        (("Crop", {}, "x", []), "has 1 offsets and 1 inputs"),
        (("Conv", {"hasBias": True}, "x", ["f"]), "has no biases in the file"),
        (("Conv", {}, "x", []), "has no filters in the file"),
        (("Flatten", {"axis": 4}, "x", []), "flattens along axis 4"),
        (("Permute", {"order": [4, 1, 2, 3]}, "x", []), "has the order [4, 1, 2, 3]"),
        (("Reshape", {"shape": [1, 2, 3, 4]}, "x", []), "has the shape [1, 2, 3, 4]"),
        (("Scale", {}, "x y z", []), "has 3 inputs"),
        (("Scale", {}, "x", ["f"]), "has weights of shape (3, 3, 3, 4)"),
        (("ReLU", {}, "", []), "has 0 inputs and 1 outputs"),
        (("PDist", {}, "x y", []), "is unknown"),
    ],
)
def test_invalid_properties_of_a_block_are_named(layer, words, tmp_path):
    kind, block, inputs, params = layer
    block = dag(("l", f"dagnn.{kind}", block, inputs, "o", params), params={"f": F})
    assert f"'l' (dagnn.{kind}) {words}" in inspect_net_error(tmp_path, **block)


def test_a_value_with_two_producers_and_a_cycle_are_rejected(tmp_path):
    twice = dag(("a", "dagnn.ReLU", {}, "x", "y", []), ("b", "dagnn.ReLU", {}, "x", "y", []))
    assert "'y' is an output of both 'a' (dagnn.ReLU) and 'b' (dagnn.ReLU)" in inspect_net_error(tmp_path, **twice)
    circle = dag(("a", "dagnn.ReLU", {}, "x", "y", []), ("b", "dagnn.ReLU", {}, "y", "x", []))
    assert "these layers form a cycle: 'a' (dagnn.ReLU)" in inspect_net_error(tmp_path, **circle)


def test_one_net_is_expected(tmp_path):
    nets = {"first": {"layers": [conv(F)]}, "second": {"layers": [conv(F)]}}
    assert "received first (a struct), second (a struct). In MATLAB" in inspect_net_error(tmp_path, **nets)
    assert "received CNNdenoiser (a cell), x (numbers), y (text)" in inspect_net_error(
        tmp_path, CNNdenoiser=[1, "a"], x=B, y="a"
    )
    assert report(tmp_path, **nets, net=nets["first"]).outputs == ("layer1",)
    assert report(tmp_path, model={"layers": [conv(F), conv(np.ones((1, 1, 4, 2)), name="layer1")]}).outputs == (
        "layer1x",
    )
    assert "no layer computes an output" in inspect_net_error(tmp_path, layers=[])


def test_one_file_is_expected_and_kernels_are_not_flipped(tmp_path):
    path = write(tmp_path / "net.mat", layers=[conv(F)])
    with pytest.raises(LegacyFileError, match=r"Expected one \.mat file, received"):
        kb.inspect_legacy(path, path)
    with pytest.raises(ArgumentError, match="flip_kernels does not apply to matconvnet files"):
        kb.inspect_legacy(path, flip_kernels=True)


def test_control_characters_in_names_are_escaped(tmp_path):
    assert "'a?b' (x??[31m)" in inspect_net_error(tmp_path, {"type": "x\n\x1b[31m", "name": "a\rb"})
