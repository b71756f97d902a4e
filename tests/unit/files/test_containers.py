"""Zip archives, arrays and HDF5 heaps of files that are not trusted."""

import io
import os
import struct
import tokenize
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from kerasbridge.errors import InvalidFileError
from kerasbridge.files import hdf5, npy, regular
from kerasbridge.files.archives import Archive, DamagedArchive, is_outside
from kerasbridge.files.budget import OverBudget, reading
from kerasbridge.files.memory import limited_memory


def zipped(method=zipfile.ZIP_DEFLATED, **members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def test_a_member_is_not_unpacked_beyond_the_size_that_is_stated():
    bomb = bytearray(zipped(a=bytes(2**24)))
    directory = bomb.rfind(b"PK\x01\x02")
    bomb[directory + 24 : directory + 28] = struct.pack("<I", 1000)
    with pytest.raises(DamagedArchive, match="member a is damaged"):
        Archive(bytes(bomb)).read("a")


def test_a_member_that_expands_too_far_is_not_unpacked(monkeypatch):
    monkeypatch.setattr("kerasbridge.files.budget.MEMORY", 2**20)
    with pytest.raises(OverBudget):
        Archive(zipped(a=bytes(2**20 + 1))).read("a")
    assert Archive(zipped(a=bytes(2**20 + 1))).read("a", 10) == bytes(10)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_is_opened_as_a_file_of_its_own(tmp_path, method):
    (tmp_path / "a.zip").write_bytes(zipped(method, first=b"abc", second=b"0123456789", third=b"xyz"))
    with Archive(tmp_path / "a.zip").open("second") as file:
        assert file.read() == b"0123456789"
        assert file.seek(-3, 2) == 7
        assert file.read(9) == b"789"
        assert file.seek(2) == 2
        assert file.read(3) == b"234"
        assert file.seek(20) == 20
        assert file.read() == b""


def test_unusual_compression_is_refused():
    with pytest.raises(DamagedArchive, match="unusual method"):
        Archive(zipped(zipfile.ZIP_BZIP2, a=b"a")).read("a")


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "C:\\a", "..\\a"])
def test_names_that_lead_out_of_a_folder_are_recognized(name):
    assert is_outside(name)


def array(header):
    header = header.encode()
    return npy.MAGIC + b"\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n" + bytes(16)


@pytest.mark.parametrize(
    ("header", "cause"),
    [
        ("{'descr':'<f4','fortran_order':False,'shape':(", (tokenize.TokenError, SyntaxError)),
        ("{'descr':'<f4','fortran_order':False,'shape':(" + "-" * 9000 + "1,)}", (MemoryError, RecursionError)),
        ("{'descr':'<f4','fortran_order':False,'shape':(True,)}", None),
        ("{'descr':'<f4','fortran_order':False,'shape':(-1,)}", None),
        ("{'descr':'<f4','fortran_order':False,'shape':(9,)}", None),
        ("{'descr':'|O','fortran_order':False,'shape':(2,)}", None),
        ("{'descr':'V0','fortran_order':False,'shape':(2,)}", None),
        ("{'descr':'<f4'}", ValueError),
    ],
)
def test_headers_of_arrays_are_refused_in_one_way(header, cause):
    with pytest.raises(npy.DamagedArray) as caught:
        npy.read_array(array(header))
    assert cause is None or isinstance(caught.value.__cause__, cause)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "?", "<U3", "<i8"])
def test_arrays_are_read_as_they_were_saved(dtype):
    for order in "CF":
        saved, content = np.asarray([[0, 1, 2], [3, 4, 5]], order=order).astype(dtype), io.BytesIO()
        np.save(content, saved)
        found = npy.read_array(content.getvalue())
        assert found.dtype.isnative
        np.testing.assert_array_equal(found, saved)


def test_a_heap_whose_texts_take_no_space_is_found():
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for number in range(200):
            file.attrs[f"a{number}"] = "text" * number
    whole = content.getvalue()
    hdf5.check(whole)
    start = whole.rfind(b"GCOL") + 16
    with pytest.raises(hdf5.DamagedHeap, match="takes no space"):
        hdf5.check(whole[:start] + bytes(16) + whole[start + 16 :])


def test_an_attribute_of_variable_length_that_is_no_text_is_not_read():
    with h5py.File(io.BytesIO(), "w") as file:
        file.attrs["text"] = "a"
        file.attrs.create("list", np.array([np.zeros(2), np.zeros(3)], object), dtype=h5py.vlen_dtype(np.int8))
        assert hdf5.read_attribute(file, "text") == "a"
        with pytest.raises(hdf5.DamagedHeap, match="'list' is not a text"):
            hdf5.read_attribute(file, "list")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert regular.problem(tmp_path / "pipe") == "is not a regular file"
    assert regular.problem(tmp_path) == "is a folder"
    assert regular.problem(tmp_path / "none") == "does not exist"
    with pytest.raises(OSError, match="not a regular file"):
        regular.read_text(tmp_path / "pipe")


def test_arrays_of_a_file_are_read_by_name_and_can_be_changed(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3), y=np.ones(2))
    np.save(tmp_path / "b.npy", np.ones(4))
    assert list(npy.read_file(tmp_path / "a.npz")) == ["x", "y"]
    assert list(npy.read_file(tmp_path / "a.npz", ("y", "z"))) == ["y"]
    array = npy.read_file(tmp_path / "b.npy")
    array += 1
    np.testing.assert_array_equal(array, np.full(4, 2.0))


@pytest.mark.parametrize("content", [b"", b"no array", b"PK\x03\x04", npy.MAGIC + b"\x01\x00\x05\x00abc"])
def test_other_files_than_arrays_are_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged|not an array"):
        npy.read_file(tmp_path / "a.npz")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is that of Linux")
def test_memory_of_the_process_is_limited_meanwhile(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    with reading(InvalidFileError, tmp_path / "a"), limited_memory():
        np.zeros(2**20)
        with pytest.raises(MemoryError):
            np.zeros(2**30)
    np.zeros(2**30, np.uint8)
