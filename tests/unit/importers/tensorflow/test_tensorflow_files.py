"""TensorFlow files that are corrupt, inconsistent or unsupported: one sentence each."""

import contextlib
import struct
import sys
import zipfile

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import LegacyFileError, PackageNotInstalled
from kerasbridge.importers.source_file import SourceFile
from tests.paths import ROOT

pytest.importorskip("google.protobuf", reason="TensorFlow files are protobuf messages")

from kerasbridge.importers.tensorflow import detect, schema, sstable
from kerasbridge.importers.tensorflow.crc32c import crc32c, masked_crc32c
from kerasbridge.importers.tensorflow.schema import message_class
from tests.legacy_errors import inspect_error

RECORDED = ROOT / "tests" / "importers" / "tensorflow_files" / "recorded.zip"
FLOAT = 1


@pytest.fixture
def recorded(tmp_path):
    with zipfile.ZipFile(RECORDED) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def node(name, op, *inputs, **options):
    """Return one node; options are numbers, strings, flags, lists, arrays, or the names of functions."""
    made = message_class("NodeDef")(name=name, op=op, input=inputs)
    for key, value in options.items():
        into = made.attr.add(key=key).value
        if isinstance(value, np.ndarray):
            dtype = {"f": FLOAT, "i": 3}[value.dtype.kind]
            into.tensor.dtype = dtype
            into.tensor.tensor_shape.dim.extend(message_class("Dim")(size=size) for size in value.shape)
            into.tensor.tensor_content = value.tobytes()
        elif isinstance(value, list):
            into.list.i.extend(value)
        elif isinstance(value, bytes):
            into.s = value
        elif isinstance(value, str):
            into.func.name = value
        elif isinstance(value, tuple):
            into.shape.dim.extend(message_class("Dim")(size=size) for size in value)
        else:
            into.i = value
    return made


def placeholder(*shape, name="x"):
    made = node(name, "Placeholder", shape=(-1, *shape))
    made.attr.add(key="dtype").value.type = FLOAT
    return made


def graph(tmp_path, *nodes, functions=()):
    path = tmp_path / "graph.pb"
    whole = message_class("GraphDef")(node=nodes)
    whole.library.function.extend(functions)
    path.write_bytes(whole.SerializeToString())
    return path


def constant(name, array):
    return node(name, "Const", value=np.ascontiguousarray(array))


W = np.ones((3, 3, 2, 4), np.float32)


def test_a_graph_is_distinguished_from_a_caffe_net(tmp_path):
    assert kb.inspect_legacy(graph(tmp_path, placeholder(5), node("r", "Relu", "x"))).format == "tensorflow"


def test_all_unknown_operations_are_named_at_once(tmp_path):
    path = graph(tmp_path, placeholder(5), node("a", "Digamma", "x"), node("b", "Relu", "a"), node("c", "Lgamma", "b"))
    assert "cannot be converted: 'a' (Digamma) is unknown; 'c' (Lgamma) is unknown." in inspect_error(path)


@pytest.mark.parametrize(
    ("op", "inputs", "options", "words"),
    [
        ("Conv2D", ["x", "w"], {"strides": [1, 2, 2]}, "3 strides"),
        ("Conv2D", ["x", "w"], {"strides": [2, 1, 1, 1]}, "along the batch or the channels"),
        ("Conv2D", ["x", "w"], {"strides": [1, 0, 1, 1]}, "strides of [1, 0, 1, 1]"),
        ("Conv2D", ["x", "w"], {"padding": b"ODD"}, "a padding ODD"),
        ("Conv2D", ["x", "w"], {"data_format": b"NDHWC"}, "a data_format NDHWC"),
        ("Conv2D", ["x", "five"], {}, "4 dimensions are expected"),
        ("Conv2D", ["x"], {}, "an input 1 that depends on"),
        ("MatMul", ["x", "five"], {}, "a matrix of shape (5,)"),
        ("BiasAdd", ["x", "five"], {}, "its weights have the shape (5,)"),
        ("Mul", ["x", "five"], {}, "an array of shape (5,) with"),
        ("MaxPool", ["x"], {"ksize": [1, 99, 1, 1]}, "its window is"),
        ("Reshape", ["x", "places"], {}, "takes samples apart"),
        ("Transpose", ["x", "places"], {}, "an order [3, 0] of 4 axes"),
        ("ConcatV2", ["x", "x", "places"], {}, "inputs or options that do not fit it"),
        ("LRN", ["x"], {"depth_radius": -1}, "a depth_radius of -1"),
        ("FusedBatchNorm", ["x", "five", "five", "five", "five"], {}, "the statistics of each batch"),
        ("PartitionedCall", ["x"], {"f": "none"}, "a function 'none' that is not there"),
        ("Pad", ["x", "places"], {}, "a padding of [3, 0]"),
        ("DepthToSpace", ["x"], {"block_size": 2}, "2 channels cannot be divided into squares of 2 pixels"),
        ("SpaceToDepth", ["x"], {"block_size": 2}, "cannot be divided into squares of"),
        ("SpaceToDepth", ["x"], {"block_size": 1}, "a block_size of 1"),
    ],
)
def test_mismatches_are_named(tmp_path, op, inputs, options, words):
    known = (constant("w", W), constant("five", np.ones(5, np.float32)), constant("places", np.array([3, 0], np.int32)))
    sentence = inspect_error(graph(tmp_path, placeholder(9, 7, 2), *known, node("l", op, *inputs, **options)))
    assert f"'l' ({op}) has " in sentence
    assert words in sentence


def test_functions_that_call_themselves_are_rejected(tmp_path):
    function = message_class("FunctionDef")(node_def=[node("again", "PartitionedCall", "a", f="f")])
    function.signature.name = "f"
    function.signature.input_arg.add(name="a")
    function.signature.output_arg.add(name="y")
    function.ret.add(key="y", value="again:output:0")
    path = graph(tmp_path, placeholder(5), node("call", "PartitionedCall", "x", f="f"), functions=[function])
    assert "functions that call each other without an end" in inspect_error(path)


def test_nodes_that_read_each_other_are_rejected(tmp_path):
    path = graph(tmp_path, placeholder(5), node("a", "Add", "x", "b"), node("b", "Relu", "a"), node("c", "Relu", "b"))
    assert "depends on itself" in inspect_error(path)


def test_a_missing_node_is_named(tmp_path):
    assert "'nothing', which is not in the graph" in inspect_error(
        graph(tmp_path, placeholder(5), node("a", "Add", "x", "nothing"))
    )


def test_a_constant_with_a_wrong_shape_allocates_no_memory(tmp_path):
    huge = node("w", "Const", value=np.ones((), np.float32))
    huge.attr[0].value.tensor.tensor_content = b""
    huge.attr[0].value.tensor.tensor_shape.dim.extend(message_class("Dim")(size=2**20) for _ in range(3))
    path = graph(tmp_path, placeholder(5), huge, node("m", "MatMul", "x", "w"))
    assert "should have 1,152,921,504,606,846,976 numbers, has 0" in inspect_error(path)


@pytest.mark.parametrize("kept", [3, 40, 100])
@pytest.mark.parametrize("name", ["functions/frozen.pb", "lenet/saved/saved_model.pb", "checkpoint/model.ckpt.index"])
def test_a_truncated_file_is_rejected(recorded, name, kept):
    path = recorded / name
    path.write_bytes(path.read_bytes()[:kept])
    inspect_error(path)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("functions/frozen.pb", "functions/frozen.pb"),
        ("module/module/saved_model.pb", "module/module"),
        ("checkpoint/model.ckpt.meta", "checkpoint/model.ckpt.meta"),
        ("checkpoint/model.ckpt.index", "checkpoint/model.ckpt.meta"),
    ],
)
def test_files_with_changed_bytes_are_rejected_or_read(recorded, name, given):
    draw = np.random.default_rng(1)
    whole = (recorded / name).read_bytes()
    for _ in range(40):
        changed = bytearray(whole)
        for _ in range(draw.integers(1, 4)):
            changed[draw.integers(len(changed))] = draw.integers(256)
        (recorded / name).write_bytes(changed)
        with contextlib.suppress(LegacyFileError):
            kb.inspect_legacy(recorded / given)


def test_numbers_that_are_corrupt_are_found_by_their_checksum(recorded):
    path = recorded / "checkpoint" / "model.ckpt.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    assert "do not match their checksum" in inspect_error(recorded / "checkpoint" / "model.ckpt.meta")


def test_numbers_that_are_missing_are_named(recorded):
    folder = recorded / "checkpoint"
    (folder / "model.ckpt.data-00000-of-00001").unlink()
    assert "model.ckpt.data-00000-of-00001, which cannot be read" in inspect_error(folder / "model.ckpt.meta")
    (folder / "model.ckpt.index").unlink()
    with pytest.raises(
        LegacyFileError, match=r"the \.index and \.data of the checkpoint are missing, which contain 'matrix"
    ):
        kb.load_legacy(folder / "model.ckpt.meta")
    assert kb.inspect_legacy(folder / "model.ckpt.meta").outputs == ("y",)


def test_variables_without_a_graph_are_weights_alone(recorded):
    folder = recorded / "checkpoint"
    (folder / "model.ckpt.meta").unlink()
    assert [one.layer for one in kb.inspect_legacy(folder / "model.ckpt.index").converted] == ["bias", "matrix"]
    (folder / "model.ckpt.data-00000-of-00001").unlink()
    assert "model.ckpt.data-00000-of-00001 is missing" in inspect_error(folder / "model.ckpt.index")


def test_only_the_innermost_node_of_nested_calls_is_named(recorded):
    folder = recorded / "module" / "module"
    (folder / "variables" / "variables.data-00000-of-00001").unlink()
    sentence = inspect_error(folder)
    assert sentence.count("node '") == 1
    assert "(ReadVariableOp): " in sentence


def test_a_table_that_is_compressed_is_rejected_by_name(recorded):
    path = recorded / "checkpoint" / "model.ckpt.index"
    content = bytearray(path.read_bytes())
    _, place = sstable._read_handle(content[-48:], 0)
    (offset, size), _ = sstable._read_handle(content[-48:], place)
    content[offset + size] = 1
    content[offset + size + 1 : offset + size + 5] = struct.pack(
        "<I", masked_crc32c(bytes(content[offset : offset + size + 1]))
    )
    path.write_bytes(content)
    assert "compressed with snappy" in inspect_error(recorded / "checkpoint" / "model.ckpt.meta")


def test_a_folder_of_something_else_is_rejected(tmp_path):
    assert "has an unknown format" in inspect_error(tmp_path)


def test_without_protobuf_the_error_contains_the_install_command(tmp_path, monkeypatch):
    path = graph(tmp_path, placeholder(5), node("r", "Relu", "x"))
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    for cached in (schema.message_classes, schema.message_class):
        cached.cache_clear()
    with pytest.raises(
        PackageNotInstalled, match=r'TensorFlow files need .* Type: pip install "kerasbridge\[legacy\]"'
    ):
        kb.inspect_legacy(path)
    assert detect.detect_kind(SourceFile(path)) is detect.FileKind.GRAPH


@pytest.mark.parametrize("length", [0, 1, 31, 4095, 4096, 4097, 20_000])
def test_the_checksum_is_that_of_the_standard(length):
    content = np.random.default_rng(length).bytes(length)
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(content) == crc ^ 0xFFFFFFFF
