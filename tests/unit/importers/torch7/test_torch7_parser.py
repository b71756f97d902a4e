"""Torch7 files: binary and text, 64-bit and 32-bit machines, files without versions, corrupt files."""

import contextlib

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.torch7 import parser
from kerasbridge.importers.torch7.lua_objects import Function, Object, Table
from tests.importers.torch7_files import Closure, Numbers, Seen, Thing, longs, nn, save, tensor

FORMS = {
    "bytes": {},
    "bytes of 32 bits": {"long": 4},
    "text": {"text": True},
    "without versions": {"versions": False},
    "text without versions": {"text": True, "versions": False},
}
EACH = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
ARRAYS = {
    "Byte": np.array([0, 10, 255], np.uint8),
    "Char": np.array([-128, 10, 127], np.int8),
    "Short": np.array([-300, 7], np.int16),
    "Int": np.array([2**31 - 1, -5], np.int32),
    "Long": np.array([-(2**30), 12], np.int64),
    "Half": np.array([0.5, -2], np.float16),
    "Float": np.array([[1e-7, np.inf], [-3.25, np.nan]], np.float32),
    "Double": np.array([0.1, -1e300 * 0], np.float64),
}


def loaded(tmp_path, value, **form):
    return parser.load(SourceFile(save(tmp_path / "a.t7", value, **form)))


@EACH
def test_every_kind_of_value_is_read(tmp_path, form):
    shared = {"deep": [True, False]}
    value = {"text": "Grüße\n4\n1", "": "", "n": -0.125, 1: 1e300, "first": shared, "again": shared}
    value |= {"f": Closure(b"\x1bLua \n\x00", [{"name": "x", "value": 3}]), "old": Closure(b"", [], kind=7), "end": 7}
    found = loaded(tmp_path, value, **form)
    assert (found.get("text"), found.get(""), found.get("n"), found.get(1)) == ("Grüße\n4\n1", "", -0.125, 1e300)
    assert found.get("first") is found.get("again")
    assert found.get("first").get("deep").list() == [True, False]
    assert [type(found.get(key)) for key in ("f", "old")] == [Function, Function]
    assert found.get("end") == 7


@EACH
@pytest.mark.parametrize("prefix", ["", "Cuda"])
def test_every_kind_of_tensor_is_read(tmp_path, form, prefix):
    kinds = {name: prefix + name if prefix else "" for name in ARRAYS}
    kinds["Float"] = prefix  # torch.CudaTensor
    found = loaded(tmp_path, {name: tensor(array, kinds[name]) for name, array in ARRAYS.items()}, **form)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.get(name).array(), array.astype(np.float32), err_msg=name)


@EACH
def test_tensors_see_parts_of_a_storage(tmp_path, form):
    numbers = Numbers(np.arange(12, dtype=np.float32))
    views = [
        Seen(numbers, (2, 3), (3, 1), 2),
        Seen(numbers, (3, 2), (1, 3), 0),
        Seen(None, (), ()),
        Seen(numbers, (0, 4), (4, 1)),
    ]
    views[2].kind = "Float"
    turned, columns, nothing, empty = (one.array() for one in loaded(tmp_path, views, **form).list())
    assert turned.tolist() == [[2, 3, 4], [5, 6, 7]]
    assert columns.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert (nothing.shape, empty.shape) == ((0,), (0, 4))


@pytest.mark.parametrize(
    ("sizes", "strides", "offset"),
    [
        ((3, 3), (3, 1), 4),
        ((2,), (-1,), 0),
        ((2,), (1,), -1),
        ((13,), (0,), 0),
        ((2**40, 2**40), (1, 1), 0),
        ((-1,), (1,), 0),
    ],
)
def test_a_tensor_beyond_its_storage_is_rejected(tmp_path, sizes, strides, offset):
    weight = Seen(Numbers(np.arange(12, dtype=np.float32)), sizes, strides, offset)
    with pytest.raises(LegacyFileError, match=r"'net' \(nn.Linear\) has a weight that is damaged: a tensor .* shape"):
        kb.inspect_legacy(save(tmp_path / "a.t7", nn("Linear", weight=weight)), input_shape=(3,))


def nested(depth):
    """Return a table in a table in a table; the innermost one contains the outermost."""
    tables = [[3, place, 1, 1, 0, 0x3FF00000] for place in range(1, depth + 1)]  # each at the key 1
    return np.array([*tables, [3, 1, 0, 0, 0, 0]], "<i4").tobytes()[:-16]


def test_tables_may_be_deep_and_contain_themselves(tmp_path):
    path = tmp_path / "a.t7"
    path.write_bytes(nested(40_000))
    found = inner = parser.load(SourceFile(path))
    for _ in range(40_000):
        inner = inner.get(1)
    assert inner is found


def test_tables_that_are_deeper_are_rejected(tmp_path):
    path = tmp_path / "a.t7"
    path.write_bytes(nested(60_000))
    with pytest.raises(LegacyFileError, match="more than 50,000 values in each other"):
        kb.inspect_legacy(path)


def test_hashes_of_tds_and_unknown_classes_are_read(tmp_path):
    found = loaded(tmp_path, {"a": Thing("my.Class", {"x": 1}), "b": Thing("torch.Timer", None)})
    assert isinstance(found.get("a"), Object)
    assert found.get("a").fields.get("x") == 1
    assert isinstance(found.get("b").fields, Table)


NET = nn(
    "Sequential",
    nn("Linear", weight=np.ones((3, 4), np.float32), bias=np.ones(3, np.float32)),
    nn("ReLU"),
    nn("View", size=longs(3, 1)),
)


@EACH
def test_a_network_is_recognised_and_read(tmp_path, form):
    report = kb.inspect_legacy(save(tmp_path / "net", NET, **form))
    assert (report.format, str(report.converted[0])) == ("torch7", "net[1] (nn.Linear)")
    assert report.inputs == (("input", (None, 4)),)


def test_text_similar_to_a_prototxt_is_recognised_as_torch7(tmp_path):
    value = {"input": "input", "model": NET}
    assert kb.inspect_legacy(save(tmp_path / "net", value, text=True)).format == "torch7"


@pytest.mark.parametrize("text", [False, True])
def test_a_corrupt_file_raises_one_sentence(tmp_path, text):
    """A file cut at any place, or with any byte changed, is read or raises one sentence."""
    path = save(tmp_path / "net.t7", NET, text=text)
    whole, draw = path.read_bytes(), np.random.default_rng(0)
    for kept in draw.integers(20, len(whole) - 1, 60):
        path.write_bytes(whole[:kept])
        with contextlib.suppress(LegacyFileError):
            kb.inspect_legacy(path)
    for _ in range(300):
        changed = bytearray(whole)
        changed[draw.integers(len(whole))] = draw.integers(256)
        path.write_bytes(changed)
        with contextlib.suppress(LegacyFileError):
            kb.inspect_legacy(path)


def test_a_truncated_file_is_reported_as_such(tmp_path):
    path = save(tmp_path / "net.t7", NET)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(LegacyFileError, match=r"net.t7 is damaged or cut short: at byte \d+ it should have \d+ more"):
        kb.inspect_legacy(path)
    path = save(tmp_path / "net.t7", NET, text=True)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(LegacyFileError, match=r"net.t7 is damaged or cut short: expected .* in line \d+"):
        kb.inspect_legacy(path)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"loss": 0.5}, "contains a table without a network: expected one"),
        ({"netD": NET, "netE": nn("ReLU")}, "contains 2 networks, netD, netE: expected one; write it with torch.save"),
        (np.ones((2, 3), np.float32), r"contains no network, but a tensor of shape \(2, 3\)"),
    ],
)
def test_a_file_without_a_network_is_rejected(tmp_path, value, words):
    with pytest.raises(LegacyFileError, match=words):
        kb.inspect_legacy(save(tmp_path / "a.t7", value))


@pytest.mark.parametrize(
    "checkpoint",
    [
        {"epoch": 3, "model": NET, "criterion": nn("ClassNLLCriterion")},
        {"protos": {"cnn": NET}, "opt": {"lr": 0.1}},
        {"netG": NET, "netD": nn("ReLU")},
        [NET, NET],
    ],
)
def test_the_network_of_a_checkpoint_is_found(tmp_path, checkpoint):
    report = kb.inspect_legacy(save(tmp_path / "a.t7", checkpoint))
    assert report.converted[0].type == "nn.Linear"
    assert report.notes[0].startswith("the network is the ")
