"""Files of weights from Lasagne, NumPy and PyTorch keep their order; damaged ones are refused in one sentence."""

import bz2
import collections
import contextlib
import gzip
import io
import pickle
import zipfile

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.importers import formats
from tests.legacy_errors import inspect_error
from tests.unit.importers.torch_files import in_rows, pickled, zipped

DRAW = np.random.default_rng(0)
W, B = DRAW.normal(size=(4, 3)), DRAW.normal(size=3).astype("f4")
STATE = {
    "conv.weight": DRAW.normal(size=(4, 3, 2, 2)).astype("f4"),
    "bn.weight": np.ones(4, "f4"),
    "bn.num_batches_tracked": np.array([7], "i8"),
    "fc.weight": DRAW.normal(size=(2, 4)).astype("f2"),
}


def parameters(path, content):
    """The arrays that are read, ungrouped or in modules, by name."""
    path.write_bytes(content)
    content = formats.read([path], None).content
    groups = {f"{one.prefix}.{role}": array for one in content.groups for role, array in one.arrays.items()}
    return groups or {one.name: one.array for one in content.ungrouped}


def saved(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def content_error(path, content):
    path.write_bytes(content)
    message = inspect_error(path)
    assert str(path) in message
    return message


def assert_equal(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_numbered_arrays_are_in_the_order_of_their_numbers(tmp_path):
    arrays = {f"arr_{number}": np.full(2, float(number)) for number in (10, 2, 0, 1)}
    assert list(parameters(tmp_path / "a.npz", saved(**arrays))) == ["arr_0", "arr_1", "arr_2", "arr_10"]


def test_named_arrays_keep_their_names_and_order(tmp_path):
    assert_equal(parameters(tmp_path / "a", saved(out_W=W, hid_b=B)), {"out_W": W, "hid_b": B})


def test_lasagne_names_are_grouped_into_modules(tmp_path):
    arrays = {"hid.W": W, "hid.b": B, "bn.beta": B, "bn.gamma": B, "bn.mean": B, "bn.inv_std": B}
    (tmp_path / "a").write_bytes(saved(**arrays))
    assert [one.prefix for one in formats.read([tmp_path / "a"], None).content.groups] == ["hid", "bn"]


def test_arrays_of_objects_are_read_without_unpickling(tmp_path):
    held = np.empty(2, object)
    held[:] = [W, B]
    assert_equal(parameters(tmp_path / "a.npz", saved(params=held)), {"params.0": W, "params.1": B})
    stream = io.BytesIO()
    np.save(stream, held)
    assert_equal(parameters(tmp_path / "a.npy", stream.getvalue()), {"0": W, "1": B})


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress])
def test_pickled_lists_and_dicts_are_read(tmp_path, protocol, compress):
    path = tmp_path / "a.pkl"
    assert_equal(parameters(path, compress(pickle.dumps([W, B], protocol))), {"0": W, "1": B})
    assert_equal(parameters(path, compress(pickle.dumps({"W": W, "x": "y", "b": B}, protocol))), {"W": W, "b": B})
    assert_equal(parameters(path, compress(pickle.dumps([[W, B], (W.T,)], protocol))), {"0.0": W, "0.1": B, "1": W.T})


def test_pickles_in_sequence_are_one_list(tmp_path):
    assert_equal(parameters(tmp_path / "a", pickle.dumps(W, 2) + pickle.dumps(B, 2)), {"0": W, "1": B})


def test_theano_variables_on_the_gpu_are_read(tmp_path):
    w, b = (pickle.dumps(array, 0)[:-1] for array in (W, B))
    gpu = b"ctheano.sandbox.cuda.type\nCudaNdarray_unpickler\n(" + w + b"tR"
    container = b"ccopy_reg\n_reconstructor\n(ctheano.gof.link\nContainer\nc__builtin__\nobject\nNtR"
    variable = container.replace(b"gof.link\nContainer", b"sandbox.cuda.var\nCudaNdarraySharedVariable")
    variable += (
        b"(dS'name'\nS'W'\nsS'owner'\n" + b + b"sS'container'\n" + container + b"(dS'storage'\n(l" + gpu + b"asbsb"
    )
    assert_equal(parameters(tmp_path / "a", b"(l" + variable + b"a" + b + b"a."), {"W": W, "1": B})


def test_a_pickle_that_calls_the_system_does_not_run(tmp_path):
    touched = tmp_path / "touched"
    content = f"(lp0\ncposix\nsystem\n(S'touch {touched}'\ntRa.".encode()
    assert "no arrays of numbers" in content_error(tmp_path / "a.pkl", content)
    content = pickled({"a": np.ones(2, "f4")}).replace(b"ccollections\nOrderedDict\n)R(", b"cposix\nsystem\n)R(")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    assert "no state_dict" in content_error(tmp_path / "a.pt", stream.getvalue())
    assert not touched.exists()


@pytest.mark.parametrize("write", [zipped, in_rows])
def test_a_state_dict_is_read_without_torch(tmp_path, write):
    path = tmp_path / "a.pt"
    expected = {name: array for name, array in STATE.items() if array.dtype.kind == "f"}
    assert_equal(parameters(path, write(STATE)), expected)
    assert [entry.layer for entry in kb.inspect_legacy(path).skipped] == ["bn.num_batches_tracked"]


def test_prefixes_of_wrappers_are_removed_and_reported(tmp_path):
    path = tmp_path / "a.pt"
    assert "conv.weight" in parameters(path, zipped({f"module._orig_mod.{name}": one for name, one in STATE.items()}))
    assert "removed from all names: module._orig_mod." in kb.inspect_legacy(path).notes


def with_pickle(content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        for key, array in enumerate(STATE.values()):
            archive.writestr(f"archive/data/{key}", array.tobytes())
    return stream.getvalue()


def test_a_checkpoint_contains_its_state_dict_under_a_key(tmp_path):
    inner = pickled(STATE)[2:-1]
    found = parameters(
        tmp_path / "a.pt", with_pickle(b"\x80\x02}(X\x05\x00\x00\x00epochK\x03X\x05\x00\x00\x00model" + inner + b"u.")
    )
    assert next(iter(found)) == "conv.weight"
    (note,) = kb.inspect_legacy(tmp_path / "a.pt").notes
    assert note == 'a checkpoint: the state_dict is its "model"'
    both = with_pickle(b"\x80\x02}(X\x01\x00\x00\x00G" + inner + b"X\x01\x00\x00\x00D" + inner + b"u.")
    assert "several state_dicts, G, D: save the one" in content_error(tmp_path / "a.pt", both)


def test_a_pickled_module_is_rejected_with_the_command_to_type(tmp_path):
    module = b"\x80\x02c__main__\nNet\n)\x81}X\x08\x00\x00\x00_modules}sb."
    assert "torch.save(model.state_dict(), path)" in content_error(tmp_path / "a.pt", with_pickle(module))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"J\x04\x00\x00\x00J\x03", b"J\x05\x00\x00\x00J\x03", "does not fit into its storage"),
        (b"J\x04\x00\x00\x00J\x03", b"J\xfc\xff\xff\xffJ\x03", "has the shape"),
        (b"J\x0c\x00\x00\x00", b"J\xff\xff\xff\x7f", "does not fit into its storage"),
        (b"FloatStorage", b"FlootStorage", "FlootStorage, which is not supported"),
        (b"_rebuild_tensor_v2", b"_rebuild_sparse_v2", "kind that is not supported"),
        (b"X\x01\x00\x00\x000", b"X\x01\x00\x00\x009", "without archive/data/9"),
    ],
)
def test_an_inconsistent_tensor_is_rejected(tmp_path, old, new, words):
    content = pickled(STATE)
    assert old in content
    assert words in content_error(tmp_path / "a.pt", with_pickle(content.replace(old, new, 1)))


def test_magnitudes_and_directions_of_weight_norm_are_multiplied(tmp_path):
    v, g = DRAW.normal(size=(4, 3)).astype("f4"), DRAW.normal(size=(4, 1)).astype("f4")
    expected = g * v / np.sqrt((v**2).sum(1, keepdims=True))
    for names in (("fc.weight_g", "fc.weight_v"), *[[f"fc.parametrizations.weight.original{n}" for n in (0, 1)]]):
        found = parameters(tmp_path / "a.pt", zipped(dict(zip(names, (g, v), strict=True))))
        np.testing.assert_allclose(found["fc.weight"], expected, rtol=1e-6)


def test_zip_files_that_state_too_large_sizes_are_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr("kerasbridge.files.budget.MEMORY", 100)
    monkeypatch.setattr("kerasbridge.files.budget.MEMORY_PER_BYTE", 1)
    assert "claims to contain more" in content_error(tmp_path / "a.npz", saved(a=W))
    assert "claims to contain more" in content_error(tmp_path / "a.pt", zipped(STATE))


def test_an_array_with_a_wrong_shape_is_rejected(tmp_path):
    content = saved(a=np.ones(3)).replace(b"'shape': (3,)", b"'shape': (9,)")
    assert "damaged" in content_error(tmp_path / "a.npz", content)
    stream = io.BytesIO()
    np.save(stream, np.ones(30))
    assert "not have that many numbers" in content_error(
        tmp_path / "a.npy", stream.getvalue().replace(b"(30,)", b"(99,)")
    )


def test_corrupt_files_are_rejected_or_read(tmp_path):
    draw = np.random.default_rng(1)
    path = tmp_path / "a"
    wholes = [saved(arr_0=W, arr_1=B), pickle.dumps([W, B], 2), zipped(STATE), in_rows(STATE)]
    for whole in wholes:
        for _ in range(120):
            content = bytearray(whole)
            content[draw.integers(len(content))] = draw.integers(256)
            path.write_bytes(content[: draw.integers(1, len(content))] if draw.random() < 0.3 else content)
            with contextlib.suppress(LegacyFileError):
                kb.inspect_legacy(path)


def test_a_report_without_a_model_lists_the_arrays(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(saved(arr_0=W, kernel=np.ones((2, 1, 3, 3))))
    report = kb.inspect_legacy(path)
    assert [str(entry) for entry in report.converted] == ["arr_0 (4 x 3, float64)", "kernel (2 x 1 x 3 x 3, float64)"]
    assert "the file does not record whether kernels are flipped" in report.notes[0]
    assert kb.inspect_legacy(path, flip_kernels=False).notes == ()


def test_pytorch_kernels_are_never_flipped(tmp_path):
    (tmp_path / "a.pt").write_bytes(zipped(STATE))
    with pytest.raises(ArgumentError, match="leave out flip_kernels"):
        kb.inspect_legacy(tmp_path / "a.pt", flip_kernels=True)


def test_an_ordered_dict_keeps_its_order(tmp_path):
    for protocol in (0, 2, 4):
        content = pickle.dumps(collections.OrderedDict(b=W, a=B), protocol)
        assert_equal(parameters(tmp_path / "a", content), {"b": W, "a": B})
