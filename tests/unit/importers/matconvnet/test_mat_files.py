"""Both kinds of .mat files are converted to one form, that of SciPy; corrupt and hostile files raise one sentence."""

import contextlib
import struct
import zlib

import h5py
import numpy as np
import pytest
import scipy.io

import kerasbridge as kb
from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.matconvnet import mat5, reader
from kerasbridge.importers.matconvnet.values import MatlabObject
from kerasbridge.importers.source_file import SourceFile
from tests.importers.mat_files import conv, write
from tests.legacy_errors import inspect_error

VARIABLES = {
    "numbers": np.arange(24.0).reshape(2, 3, 4),
    "single": np.float32([[1.5, -2]]),
    "yes": np.ones((1, 1), bool),
    "nothing": np.zeros((0, 0)),
    "text": "ab\u00e9\u4e2d",
    "no_text": "",
    "cell": ["x", np.ones((2, 2)), [], ["deep", "er"]],
    "one": {"a": "b", "c": {"d": np.ones((1, 3))}},
    "several": ({"a": "b", "c": []}, {"a": np.ones((1, 1)), "c": ["d"]}),
}


def read_variables(path):
    return reader.variables(SourceFile(path))


def same(a, b):
    """Return whether two values of the form are equal."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.shape == b.shape and (a == b).all()
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


def as_form(value):
    """Convert a value of SciPy to the form used here."""
    if isinstance(value, np.ndarray) and value.dtype.names:
        rows = value.ravel(order="F")
        return tuple({name: as_form(row[name]) for name in value.dtype.names} for row in rows)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [as_form(one) for one in value.ravel(order="F")]
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return "".join(value.tolist())
    return value


@pytest.mark.parametrize(("version", "compressed"), [("5", True), ("5", False), ("7.3", True)])
def test_values_of_both_versions_become_one_form(version, compressed, tmp_path):
    found = read_variables(write(tmp_path / "a.mat", version, compressed, **VARIABLES))
    expected = {**VARIABLES, "one": (({"a": "b", "c": ({"d": np.ones((1, 3))},)}),)}
    for name, value in expected.items():
        assert same(found[name], value), name


def test_version_5_is_read_as_scipy_reads_it(tmp_path):
    path = write(tmp_path / "a.mat", **VARIABLES)
    theirs = scipy.io.loadmat(path)
    for name, value in read_variables(path).items():
        assert same(value, as_form(theirs[name])), name


def test_an_own_file_is_read_as_scipy_reads_it(tmp_path, shared):
    path = shared / "legacy" / "matconvnet" / "sepnet1.mat"
    theirs = scipy.io.loadmat(path)
    for name, value in read_variables(path).items():
        assert same(value, as_form(theirs[name])), name


@pytest.fixture
def shared():
    from tests.paths import SHARED

    if not SHARED.is_dir():
        pytest.skip("the files of the original frameworks are not next to the checkout, in ../shared/legacy")
    return SHARED


def test_the_other_byte_order_is_read(tmp_path):
    def element(kind, data):
        return struct.pack(">II", kind, len(data)) + data + b"\0" * (-len(data) % 8)

    body = element(6, struct.pack(">II", 6, 0)) + element(5, struct.pack(">ii", 1, 2))
    body += struct.pack(">HH4s", 1, 1, b"x") + element(9, struct.pack(">dd", 1.5, -2))
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI" + element(14, body))
    assert read_variables(path)["x"].tolist() == [[1.5, -2]]


def test_a_char_array_of_several_rows_is_a_list(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"names": np.array(["cat", "dog"])})
    assert read_variables(tmp_path / "a.mat")["names"] == ["cat", "dog"]


def test_objects_that_only_matlab_reads_are_opaque(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"z": np.ones((2, 2)) * 1j})
    assert read_variables(tmp_path / "a.mat")["z"] == MatlabObject("complex")
    path = write(tmp_path / "b.mat", "7.3", net="x")
    with h5py.File(path, "r+") as file:
        file["net"].attrs["MATLAB_class"] = np.bytes_("dagnn.DagNN")
    assert read_variables(path)["net"] == MatlabObject("dagnn.DagNN")
    with pytest.raises(LegacyFileError, match=r"net \(an object of class dagnn.DagNN\). In MATLAB: net = net.saveobj"):
        kb.inspect_legacy(path)


LAYERS = [conv(np.ones((3, 3, 1, 2), np.float32), np.ones(2, np.float32)), {"type": "relu", "name": "r"}]


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_truncated_file_is_rejected(version, share, tmp_path):
    path = write(tmp_path / "a.mat", version, layers=LAYERS)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "a.mat" in inspect_error(path)


@pytest.mark.parametrize(("version", "compressed", "rounds"), [("5", False, 400), ("5", True, 100), ("7.3", True, 150)])
def test_files_with_changed_bytes_are_rejected_or_read(version, compressed, rounds, tmp_path):
    draw = np.random.default_rng(1)
    path = write(tmp_path / "a.mat", version, compressed, layers=LAYERS)
    whole = path.read_bytes()
    for _ in range(rounds):
        changed = bytearray(whole)
        for place in draw.integers(128 if version == "5" else 512, len(whole), 3):
            changed[place] = draw.integers(256)
        path.write_bytes(changed)
        with contextlib.suppress(LegacyFileError):
            kb.inspect_legacy(path)


def level5_file(path, element):
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + element)
    return path


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def matrix(kind, shape, *parts):
    sizes = struct.pack(f"<{len(shape)}i", *shape)
    return element(14, element(6, struct.pack("<II", kind, 0)) + element(5, sizes) + element(1, b"x") + b"".join(parts))


def test_endlessly_nested_cells_are_rejected(tmp_path):
    deep = matrix(6, (1, 1), element(9, b"\0" * 8))
    for _ in range(2000):
        deep = matrix(1, (1, 1), deep)
    assert "deeper nesting" in inspect_error(level5_file(tmp_path / "a.mat", deep))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (matrix(6, (2**31 - 1, 2**31 - 1), element(9, b"\0" * 8)), "has 1 numbers for an array of 4,611,686"),
        (matrix(1, (2**31 - 1, 2**31 - 1)), "is cut short"),
        (matrix(2, (2**31 - 1, 1), element(5, struct.pack("<i", 4)), element(1, b"")), "more values"),
        (matrix(2, (1, 1), element(5, struct.pack("<i", 0)), element(1, b"abc")), "without field names"),
        (matrix(6, (-1, 1), element(9, b"")), "an invalid shape"),
        (matrix(6, (1,), element(9, b"\0" * 8)), "an invalid shape"),
        (matrix(77, (1, 1)), "of the unknown class 77"),
        (matrix(6, (1, 1), element(9, b"\0" * 7)), "in 7 bytes"),
        (matrix(4, (1, 1), element(9, b"\0" * 8)), "has text of type 9"),
        (matrix(1, (1, 1), element(9, b"\0" * 8)), "in a cell or a struct"),
        (element(15, b"no stream"), "its compressed parts are damaged"),
        (element(15, zlib.compress(struct.pack("<II", 14, 2**31))), "more than a file of its size"),
        (element(15, zlib.compress(struct.pack("<II", 14, 2**20))), "is cut short"),
    ],
)
def test_sizes_are_compared_with_the_file_before_memory_is_allocated(body, words, tmp_path):
    assert words in inspect_error(level5_file(tmp_path / "a.mat", body))


def test_small_files_that_state_large_sizes_are_rejected(tmp_path):
    zeros = zlib.compress(struct.pack("<II", 14, 2**28 + 2**24) + b"\0" * 2**24)
    assert "more than a file of its size can" in inspect_error(level5_file(tmp_path / "a.mat", element(15, zeros)))
    with h5py.File(tmp_path / "b.mat", "w", userblock_size=512) as file:
        made = file.create_dataset("layers", (2**20, 2**20), "f8", chunks=(1, 2**10))
        made.attrs["MATLAB_class"] = np.bytes_("double")
    with pytest.raises(LegacyFileError, match="more than a file of its size can"):
        kb.inspect_legacy(tmp_path / "b.mat", format="matconvnet")


def test_recursive_values_are_rejected(tmp_path):
    path = write(tmp_path / "a.mat", "7.3", layers=["a"] * 20)
    with h5py.File(path, "r+") as file:
        file["layers"][:, 0] = file["layers"].ref
    assert "more values, or deeper nesting" in inspect_error(path)


@pytest.mark.parametrize("link", [h5py.ExternalLink("other.mat", "/layers"), h5py.SoftLink("/#refs#")])
def test_values_in_another_file_are_rejected(link, tmp_path):
    path = write(tmp_path / "a.mat", "7.3", layers=LAYERS)
    with h5py.File(path, "r+") as file:
        file["more"] = link
    assert "in another place or file" in inspect_error(path)


def test_numbers_in_another_file_are_rejected(tmp_path):
    path = write(tmp_path / "a.mat", "7.3", layers=LAYERS)
    (tmp_path / "secret").write_bytes(b"\0" * 80)
    with h5py.File(path, "r+") as file:
        made = file.create_dataset("more", (10,), "f8", external=[(str(tmp_path / "secret"), 0, 80)])
        made.attrs["MATLAB_class"] = np.bytes_("double")
    assert "in another file" in inspect_error(path)


def test_an_empty_file_of_version_5_has_no_variables(tmp_path):
    assert mat5.read(b"MATLAB".ljust(124) + b"\x00\x01IM") == {}
    assert "received nothing" in inspect_error(level5_file(tmp_path / "a.mat", b""))


def test_another_file_is_not_a_mat_file(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(b"hello" * 99)
    assert "matconvnet: a .mat file" in inspect_error(path)
    with pytest.raises(LegacyFileError, match=r"a\.mat is not a \.mat file of version 5 or 7\.3"):
        kb.inspect_legacy(path, format="matconvnet")
