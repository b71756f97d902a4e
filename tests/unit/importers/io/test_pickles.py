"""Pickles of all protocols are read without unpickling, in memory bounded by the size of the file."""

import collections
import contextlib
import os
import pickle
import struct

import numpy as np
import pytest

from kerasbridge.importers.io.pickles import DamagedPickle, GlobalRef, InertObject, read, read_all
from kerasbridge.importers.io.pickles.arrays import decode_array

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
PLAIN = [
    None, True, False, 0, 255, 65_535, -7, 2**31, -(2**70), 1.5, "wörter\n", b"\x00\xff", (), (1,), (1, 2, 3, 4), [],
    [1, "a"], {}, {"a": {"b": [1.0, None]}, 3: "c"},
]  # fmt: skip
ARRAYS = [
    np.arange(6, dtype="<f4").reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(4, dtype=">i2"),
    np.array(2.5),
    np.zeros((0, 3), "f2"),
    np.array([True, False]),
    np.array([1 + 2j]),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_equal_those_of_unpickling(protocol):
    for value in PLAIN:
        found, end = read(pickle.dumps(value, protocol))
        if value == b"\x00\xff" and protocol < 3:
            assert isinstance(found, InertObject)  # a call of codecs.encode
        else:
            assert (found, end) == (value, len(pickle.dumps(value, protocol)))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_equal_those_of_unpickling(protocol):
    for array in (*ARRAYS, np.float64(3.25)):
        found = decode_array(read(pickle.dumps(array, protocol))[0])
        np.testing.assert_array_equal(found, array)
        assert found.dtype == np.asarray(array).dtype.newbyteorder("=")


def test_arrays_of_python_2_are_read():
    old = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\n"
    old += b"tcnumpy\ndtype\n(S'f4'\nI0\nI1\ntR"
    old += b"(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00\\x00\\xc0?\\x00\\x00\\x00\\xc0'\ntb."
    np.testing.assert_array_equal(decode_array(read(old)[0]), [1.5, -2])


def test_an_array_of_objects_is_a_list():
    held = np.array([np.ones(2), "x"], object)
    assert decode_array(decode_array(read(pickle.dumps(held))[0])[0]).tolist() == [1, 1]


def test_pickles_that_follow_one_another_are_all_read():
    assert read_all(b"".join(pickle.dumps(value) for value in (1, "a", [2]))) == [1, "a", [2]]


class Touches:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_calls_in_a_pickle_are_not_executed(protocol, tmp_path):
    (found, _), path = read(pickle.dumps({"a": Touches(tmp_path / "touched")}, protocol)), tmp_path / "touched"
    assert found["a"].factory == GlobalRef(os.system.__module__, "system")
    assert found["a"].arguments == (f"touch {path}",)
    assert not path.exists()


def test_classes_in_a_pickle_are_not_imported():
    found, _ = read(b"\x80\x04\x8c\x0cno_such_here\x8c\x01C\x93)\x81}\x8c\x01aK\x01sb.")
    assert (found.factory, found.state) == (GlobalRef("no_such_here", "C"), {"a": 1})
    assert read(b"(ino_such_here\nC\n.")[0].factory == GlobalRef("no_such_here", "C")
    assert read(b"(cno_such_here\nC\nI1\no.")[0].arguments == (1,)


def test_created_dicts_and_lists_keep_their_entries():
    for protocol in PROTOCOLS:
        found, _ = read(pickle.dumps(collections.OrderedDict(a=1, b=2), protocol))
        assert list(found.entries or dict(found.arguments[0])) == ["a", "b"]


@pytest.mark.parametrize(
    "content",
    [
        b"\x8e" + struct.pack("<Q", 2**62),
        b"\x96" + struct.pack("<Q", 2**62),
        b"\x8d" + struct.pack("<Q", 2**63),
        b"T" + struct.pack("<I", 2**31),
        b"\x8b" + struct.pack("<I", 2**31),
        b"I" + b"9" * 10_000 + b"\n.",
        b"",
        b".",
        b"hello",
        b"(",
        b"K",
        b"h\x05.",
        b"\x97.",
        b"\x82\x01.",
        b"S'a\n.",
        b"N.",
        b"R",
        b"}K\x01s.",
        b"\x80",
    ],
)
def test_a_corrupt_pickle_is_rejected_without_allocating_memory(content):
    if content == b"N.":
        assert read(content)[0] is None
        return
    with pytest.raises(DamagedPickle):
        read(content)


def test_an_index_of_the_memo_is_not_a_size():
    assert read(b"Nr\xff\xff\xff\x7f.")[0] is None


def test_deep_nesting_is_read_without_recursion():
    found, _ = read(b"]" * 200_000 + b"a" * 199_999 + b".")
    assert len(found) == 1
    while found:  # so that Python does not have to take it apart in one piece
        found = found[0]


def test_truncated_and_changed_pickles_are_rejected_or_read():
    draw = np.random.default_rng(0)
    whole = pickle.dumps({"a": np.arange(5.0), "b": [np.ones((2, 2), "f4"), "text", 3]}, 4)
    for end in range(len(whole)):
        with pytest.raises(DamagedPickle):
            read(whole[:end])
    for _ in range(2000):
        changed = bytearray(whole)
        changed[draw.integers(len(changed))] = draw.integers(256)
        with contextlib.suppress(DamagedPickle):
            found, _ = read(bytes(changed))
            [decode_array(one) for one in (found.values() if isinstance(found, dict) else [found])]
