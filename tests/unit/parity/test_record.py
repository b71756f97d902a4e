"""Jobs and records can be saved and loaded; other files raise one sentence."""

import numpy as np
import pytest

from kerasbridge.errors import ArgumentError, DataError, DataFileError
from kerasbridge.parity.jobs import Job
from kerasbridge.parity.record import Record
from tests.unit.parity.records import record


def test_a_record_is_read_as_it_was_written(tmp_path):
    kept = record()
    kept.write(tmp_path / "jax.npz")
    back = Record.read(tmp_path / "jax.npz")
    for name in ("job", "label", "versions", "masks", "metrics", "made", "masks_missing"):
        assert getattr(back, name) == getattr(kept, name)
    for curve in ("run", "nudged"):
        np.testing.assert_array_equal(getattr(back, curve).losses, getattr(kept, curve).losses)
        np.testing.assert_array_equal(getattr(back, curve).gradient_norms, getattr(kept, curve).gradient_norms)
    np.testing.assert_array_equal(back.run.final_weights["net/dense/kernel"], np.ones((3, 2)))


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_another_file_than_a_record_is_rejected(tmp_path, content):
    path = tmp_path / "x.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"Expected .*x\.npz to be a record written by `kerasbridge compare --save`"):
        Record.read(path)


def test_an_npz_file_with_other_contents_is_rejected(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.ones(3))
    with pytest.raises(DataError, match="to be a record"):
        Record.read(tmp_path / "x.npz")


@pytest.mark.parametrize(
    "words",
    [
        '["deep"]', "null", '{"format": 1}', '{"format": 1, "job": {}, "zzz": 1}', '{"format": 1, "job": "x"}',
        "[" * 100_000, '{"format": 1, "execution": "eager", "job": {"seed": "x"}}',
        '{"format": 1, "execution": "eager", "job": {}, "more": 1}', "{" + '"a": 1, ' * 3_000_000,
    ],
)  # fmt: skip
def test_damaged_text_of_a_record_is_rejected(tmp_path, words):
    numbers = {f"{run}/{name}": np.zeros(3) for run in ("run", "nudged") for name in ("losses", "gradient_norms")}
    np.savez_compressed(tmp_path / "x.npz", words=np.array(words), **numbers)
    with pytest.raises(DataFileError, match="to be a record"):
        Record.read(tmp_path / "x.npz")


@pytest.mark.parametrize("losses", [np.zeros((2, 2)), np.array(["a"]), np.array(1.0)])
def test_a_record_with_other_numbers_is_rejected(tmp_path, losses):
    record().write(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as file:
        arrays = {**file, "run/losses": losses}
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataFileError, match="the numbers of run are not vectors of floats"):
        Record.read(tmp_path / "x.npz")


def test_a_job_is_read_as_it_was_written(tmp_path):
    job = Job(model="cnn", dtype="float64", correct_leaks=True, seed=3, rows=10)
    job.write(tmp_path / "job.json")
    assert Job.read(tmp_path / "job.json") == job


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dtype": "float16"}, "Expected dtype float32 or float64, received 'float16'."),
        ({"correct_leaks": True}, "Expected correct_leaks with float64 only. Add --dtype float64."),
        (
            {"model": "net"},
            "Expected a model mlp, cnn or the path of a .keras file, received 'net', which is not a file.",
        ),
        ({"script": "build"}, "Expected a script and a function in it, such as train.py:build, received 'build'."),
        (
            {"script": "a.py:build"},
            "Expected a script and a function in it, received 'a.py:build': a.py is not a file.",
        ),
    ],
)
def test_a_wrong_job_is_rejected(changes, message):
    with pytest.raises(ArgumentError) as caught:
        Job(**changes).check()
    assert str(caught.value) == message


@pytest.mark.parametrize("changes", [{"seed": -1}, {"epochs": 0}, {"batch_size": 0}, {"rows": 0}])
def test_numbers_are_checked_as_for_fit(changes):
    with pytest.raises(ArgumentError):
        Job(**changes).check()
