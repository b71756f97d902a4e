"""Small files that would never end, or fill the memory: each is one sentence, after little work."""

import gzip
import itertools
import json
import struct
import time
import zipfile

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import LegacyFileError
from tests.unit.importers.torch_files import tensor, text

OVER_BUDGET = ("than a valid file of its size", "than a file of its size can")


@pytest.fixture(autouse=True)
def in_a_few_seconds():
    started = time.process_time()
    yield
    assert time.process_time() - started < 10


def error_of(path, content):
    path.write_bytes(content)
    with pytest.raises(LegacyFileError) as caught:
        str(kb.inspect_legacy(path))
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


def torch_zip(path, pickled, storage=b"\0" * 16, name="archive", **more):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}/data.pkl", pickled)
        archive.writestr(f"{name}/data/0", storage)
        for member, content in more.items():
            archive.writestr(f"{name}/{member}/x", content)
    return path.read_bytes()


NESTED = b")q\x00" + b"0h\x00h\x00\x86q\x00" * 60
"""A tuple of the tuple before, twice, sixty deep."""


@pytest.mark.parametrize(
    ("kind", "key", "sizes", "words"),
    [
        (NESTED, b"U\x010", b"K\x04\x85", "a file of tensors in a"),
        (b"ctorch\nFloatStorage\n", NESTED, b"K\x04\x85", "the key of a storage is not text"),
        (b"ctorch\nFloatStorage\n", b"U\x010", NESTED + b"\x85", "a tensor has the shape"),
    ],
)
def test_shared_tuples_are_not_printed(tmp_path, kind, key, sizes, words):
    storage = b"(U\x07storage" + kind + key + b"U\x03cpuK\x04tQ"
    pickled = b"\x80\x02}U\x01wctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + sizes
    pickled += b"K\x01\x85\x89ccollections\nOrderedDict\n)RtRs."
    assert words in error_of(tmp_path / "a.pt", torch_zip(tmp_path / "a.pt", pickled))


def test_shared_tuples_are_no_type_of_numbers(tmp_path):
    pickled = b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n" + NESTED + b"\x85RU\x04abcd\x86R."
    assert "not a type of numbers" in error_of(tmp_path / "a.pkl", pickled)


def test_shared_modules_of_torchscript_are_counted(tmp_path):
    module = b"c__torch__\nM\n)\x81}"
    pickled = b"\x80\x02" + module + b"U\x01w" + tensor("0", np.zeros(4, np.float32)) + b"sbq\x00"
    pickled += (b"0" + module + b"(U\x01ah\x00U\x01bh\x00ubq\x00") * 40 + b"."
    message = error_of(tmp_path / "a.pt", torch_zip(tmp_path / "a.pt", pickled, code=b""))
    assert any(words in message for words in OVER_BUDGET)


def test_tensors_that_share_a_storage_count_each(tmp_path):
    zeros = np.zeros(2**22, np.float32)
    pickled = b"\x80\x02}(" + text("a") + tensor("0", zeros) + b"q\x00"
    pickled += b"".join(text(f"n{number}") + b"h\x00" for number in range(1000)) + b"u."
    message = error_of(tmp_path / "a.pt", torch_zip(tmp_path / "a.pt", pickled, zeros.tobytes()))
    assert OVER_BUDGET[1] in message


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02" + b"](K\x01" * 100_000 + b"e" * 100_000 + b".",
        b"\x80\x02" + b"(K\x01" * 100_000 + b"t" * 100_000 + b".",
        b"\x80\x02](" + b"}" * 50_000 + b"e.",
        gzip.compress(b"\x80\x02X" + struct.pack("<I", 2**21) + bytes(2**21) + b"."),
    ],
    ids=["lists", "tuples", "dicts", "compressed"],
)
def test_pickles_of_many_values_are_refused(tmp_path, monkeypatch, content):
    monkeypatch.setattr("kerasbridge.files.budget.MEMORY", 2**20)
    assert any(words in error_of(tmp_path / "a.pkl", content) for words in OVER_BUDGET)


def test_a_network_of_torch7_with_many_values_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("kerasbridge.files.budget.MEMORY", 2**20)
    content = struct.pack("<iii", 3, 1, 2**30) + struct.pack("<ii", 5, 1) * 50_000
    assert any(words in error_of(tmp_path / "a.t7", content) for words in OVER_BUDGET)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (b"[" * 200_000, "nested too deeply"),
        (b"9" * 5_000_000 + b"}", "not valid JSON"),
        (b"[" + b"[]," * 1_000_000 + b"[]]}", "cannot be read"),
    ],
)
def test_json_is_limited(tmp_path, config, words):
    assert words in error_of(tmp_path / "a.json", b'{"class_name": "Sequential", "config": ' + config)


def test_layers_in_reverse_order_are_sorted_quickly(tmp_path):
    names = [f"a{number}" for number in range(5000)] + ["x"]
    layers = [{"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [None, 4]}}]
    for name, source in itertools.pairwise(names):
        config = {"name": name, "activation": "relu"}
        layers.append({"class_name": "Activation", "name": name, "config": config, "inbound_nodes": [[[source, 0, 0]]]})
    config = {"name": "net", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["a0", 0, 0]]}
    whole = {"class_name": "Model", "config": config, "keras_version": "2.3.1", "backend": "tensorflow"}
    (tmp_path / "a.json").write_text(json.dumps(whole))
    assert len(kb.inspect_legacy(tmp_path / "a.json").converted) == 5000
