"""Files that are corrupt or contain what cannot be converted: one sentence each, with the file and the layer."""

import contextlib
import sys

import numpy as np
import pytest

import kerasbridge as kb
import kerasbridge.importers.caffe
from kerasbridge.errors import ArgumentError, LegacyFileError, PackageNotInstalled
from kerasbridge.importers.caffe.schema import message
from tests.importers.nets import data, files, layer, weights
from tests.legacy_errors import load_error

pytestmark = pytest.mark.once

SHAPE = (1, 3, 6, 5)
CONV = "convolution_param { num_output: 4 kernel_size: 3 }"
W = np.ones((4, 3, 3, 3))


def refused_net(tmp_path, text, arrays=None):
    sentence = load_error(*files(tmp_path, data(*SHAPE) + text, arrays))
    assert "net.prototxt" in sentence
    return sentence


def test_all_unknown_layers_are_named_at_once(tmp_path):
    text = layer("PriorBox", name="a") + layer("ReLU", name="b") + layer("Normalize", name="c", bottom="b")
    text += layer("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 }", name="d", bottom="c")
    sentence = refused_net(tmp_path, text)
    for part in ("'a' (PriorBox) is unknown", "'c' (Normalize) is unknown", "'d' (Pooling) has stochastic pooling"):
        assert part in sentence


def test_all_layers_without_weights_are_named_at_once(tmp_path):
    text = layer("Convolution", CONV, name="a") + layer("Convolution", CONV, name="b", bottom="a")
    text += layer("Convolution", CONV, name="c", bottom="b")
    sentence = refused_net(tmp_path, text, {"b": (np.ones((4, 4, 3, 3)), np.ones(4))})
    assert "the weights of 'a' (Convolution), 'c' (Convolution) are missing" in sentence


@pytest.mark.parametrize(
    ("kind", "options", "blobs", "words"),
    [
        ("Convolution", CONV, (W[:, :2], np.ones(4)), "its weights take 2 channels"),
        ("Convolution", CONV, (W[:3], np.ones(4)), "expected 4 filters in 1 groups, received 3"),
        ("Convolution", CONV, (W[..., :2], np.ones(4)), r"expected kernels of (3, 3)"),
        ("Convolution", CONV, (W, np.ones(5)), "expected 4 biases"),
        ("Convolution", CONV, (W,), "the weights of 'l' (Convolution) are missing"),
        ("Convolution", CONV.replace("3", "3 kernel_size: 3 kernel_size: 3"), (W,), "has 3 numbers as kernel_size"),
        ("Convolution", CONV.replace("3", "3 stride: 0"), (W, np.ones(4)), "a stride of 0"),
        ("InnerProduct", "inner_product_param { num_output: 2 }", (np.ones((2, 7)), np.ones(2)), "7 numbers"),
        ("InnerProduct", "inner_product_param { num_output: 9 }", (np.ones((2, 90)), np.ones(9)), "expected 9 outputs"),
        ("BatchNorm", "", (np.ones(5), np.ones(5), np.ones(1)), "statistics are those of 5 channels"),
        ("Scale", "", (np.ones(4),), r"its weights have the shape (4,)"),
        ("PReLU", "", (np.ones(2),), "2 slopes"),
        ("Embed", "embed_param { input_dim: 4 num_output: 6 }", (np.ones((3, 6)), np.ones(6)), "the shape (4, 6)"),
        ("Reshape", "reshape_param { shape { dim: 0 dim: 7 } }", (), "90 numbers per sample cannot have the shape"),
        ("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: -1 } }", (), "are not valid sizes"),
        ("Slice", "slice_param { axis: 1 slice_point: 5 }", (), "pieces"),
        ("Concat", "concat_param { axis: 0 }", (), "it would join batches"),
        ("Softmax", "softmax_param { axis: 7 }", (), "there is no axis 7"),
        ("Reduction", "", (), "set the axis to 1"),
        ("Permute", "permute_param { order: 1 order: 0 }", (), "it would move the batch"),
        ("LRN", "lrn_param { local_size: 4 }", (), "local_size of 4"),
        ("Pooling", "pooling_param { kernel_size: 3 pad: 3 }", (), "padding as large as its kernel"),
        ("Pooling", "", (), "a kernel_size of 0"),
        ("Pooling", "pooling_param { kernel_size: 9 }", (), "its window is"),
    ],
)
def test_mismatches_are_named(tmp_path, kind, options, blobs, words):
    text = layer(kind, options) + layer("Flatten", name="f", bottom="l")  # so that sizes are known
    sentence = refused_net(tmp_path, text, {"l": blobs})
    assert words in sentence
    assert f"'l' ({kind})" in sentence


def test_a_blob_with_a_wrong_shape_is_rejected(tmp_path):
    net = message("NetParameter")(name="net")
    blob = net.layer.add(name="l", type="Scale").blobs.add(data=[b"\0" * 8])
    blob.shape.dim.extend([2**40, 2**40])
    paths = files(tmp_path, data(*SHAPE) + layer("Scale"), {"l": (np.ones(3),)})
    paths[1].write_bytes(net.SerializeToString())
    assert "blob 0 of layer 'l' (Scale) should have 1,208,925,819,614,629,174,706,176 numbers" in load_error(*paths)
    blob.shape.dim[:] = [-2, -1]
    paths[1].write_bytes(net.SerializeToString())
    assert "which no array can have" in load_error(*paths)
    blob.data[0] += b"\0"
    blob.shape.dim[:] = [2]
    paths[1].write_bytes(net.SerializeToString())
    assert "not a multiple of 4" in load_error(*paths)


def test_a_layer_with_more_outputs_than_it_computes_is_rejected(tmp_path):
    sentence = refused_net(tmp_path, layer("ReLU", top="a b"))
    assert "layer 'l' (ReLU) does not fit its input of shape (any, 3, any, any): it has 2 outputs" in sentence


@pytest.mark.parametrize("kept", [5, 40, 300])
def test_a_truncated_file_is_rejected(tmp_path, kept):
    paths = files(tmp_path, data(*SHAPE) + layer("Convolution", CONV), {"l": (W, np.ones(4))})
    paths[1].write_bytes(paths[1].read_bytes()[:kept])
    sentence = load_error(*paths)
    assert "net.caffemodel" in sentence
    assert "cut short" in sentence or "unknown format" in sentence


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04\x95", b"\x89HDF\r\n\x1a\n" + b"\0" * 64, b"PK\x03\x04" * 9, b"hello"]
)
def test_another_file_than_a_caffe_model_is_rejected(tmp_path, content):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(content)
    assert "net.caffemodel" in load_error(path)


def test_random_bytes_are_rejected(tmp_path):
    draw = np.random.default_rng(0)
    path = tmp_path / "net.caffemodel"
    for start in (b"\x0a\x03net\xa2\x06", b"\x0a\x03net\x12", b"\xa2\x06", b"\x12\x40\x0a", b""):
        for _ in range(20):
            path.write_bytes(start + draw.bytes(200))
            load_error(path)


def test_files_with_changed_bytes_are_rejected_or_read(tmp_path):
    draw = np.random.default_rng(1)
    paths = files(
        tmp_path,
        data(*SHAPE) + layer("Convolution", CONV) + layer("ReLU", name="r", bottom="l"),
        {"l": (W, W[:, 0, 0, 0])},
    )
    whole = [path.read_bytes() for path in paths]
    for _ in range(150):
        for path, content in zip(paths, whole, strict=True):
            changed = bytearray(content)
            changed[draw.integers(min(len(changed), 200))] = draw.integers(256)
            path.write_bytes(changed)
        with contextlib.suppress(LegacyFileError):
            kb.inspect_legacy(*paths)


def test_a_text_that_is_nested_deeply_is_rejected(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text("layer { name: 'a' x { " + "y { " * 100_000)
    assert "net.prototxt" in load_error(path)


def test_an_invalid_text_is_rejected_with_its_line(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text('layer {\n  name: "a"\n  type: 7\n}')
    assert "net.prototxt is not a Caffe network, line 3" in load_error(path)


def test_the_oldest_version_is_rejected_by_name(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text('layers { layer { name: "a" type: "relu" } bottom: "data" top: "a" }')
    assert "V0" in load_error(path)


def test_a_blob_that_no_layer_writes_is_rejected(tmp_path):
    assert "layer 'l' (ReLU) reads 'nothing', which no layer before it writes" in refused_net(
        tmp_path, layer("ReLU", bottom="nothing")
    )


def test_two_descriptions_are_rejected(tmp_path):
    (path,) = files(tmp_path, data(*SHAPE) + layer("ReLU"))
    assert "Expected one .prototxt and one .caffemodel" in load_error(path, path)


def test_a_size_that_is_not_in_the_file_must_be_passed(tmp_path):
    text = 'layer { name: "d" type: "Data" top: "data" }' + layer("Convolution", CONV, name="c")
    text += layer("InnerProduct", "inner_product_param { num_output: 2 }", bottom="c")
    arrays = {"c": (W, np.ones(4)), "l": (np.ones((2, 64)), np.ones(2))}
    sentence = load_error(*files(tmp_path, text, arrays))
    assert "images of 6 pixels a side would fit" in sentence
    assert "Pass input_shape=(3, 6, 6), or --input-shape 3,6,6." in sentence


@pytest.mark.parametrize(
    ("paths", "options", "words"),
    [
        ((), {}, "received none"),
        (
            ("net.prototxt",),
            {"data_format": "NCHW"},
            "Expected data_format to be channels_last or channels_first, received 'NCHW'",
        ),
        (("net.prototxt",), {"format": "cafe"}, "Expected the format caffe.*, received 'cafe'"),
        (("net.prototxt",), {"model": 1}, "leave out model="),
    ],
)
def test_arguments_are_checked(tmp_path, paths, options, words):
    files(tmp_path, data(*SHAPE) + layer("ReLU"))
    with pytest.raises(ArgumentError, match=words):
        kb.load_legacy(*(tmp_path / path for path in paths), **options)


def test_a_missing_file_is_named(tmp_path):
    assert "none.prototxt does not exist or is not a file" in load_error(tmp_path / "none.prototxt")


def test_without_protobuf_the_error_contains_the_install_command(tmp_path, monkeypatch):
    paths = files(tmp_path, data(*SHAPE) + layer("ReLU"))
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    monkeypatch.delitem(sys.modules, "kerasbridge.importers.caffe.schema")
    monkeypatch.delattr(kerasbridge.importers.caffe, "schema")
    with pytest.raises(PackageNotInstalled, match=r"the package protobuf, which is not installed\. Type: pip"):
        kb.load_legacy(*paths)


def test_a_caffemodel_alone_is_detected(tmp_path):
    path = tmp_path / "net"
    path.write_bytes(weights({"l": (np.ones(3),)}))
    assert "cannot be converted: 'l' () is unknown" in load_error(path)


def test_kernels_of_caffe_are_never_flipped(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text('input: "data" input_dim: 1 input_dim: 1 input_dim: 4 input_dim: 4')
    with pytest.raises(
        kb.errors.ArgumentError, match=r"flip_kernels does not apply to caffe files: leave out flip_kernels"
    ):
        kb.load_legacy(path, flip_kernels=True)
