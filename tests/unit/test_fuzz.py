"""The fuzz session repeats a damaged file by its number, and finds what a reader does wrong."""

import contextlib
import time

import pytest

from kerasbridge.errors import InvalidFileError

pytest.importorskip("resource", reason="memory and time are limited as on POSIX")

from tests.fuzz import worker
from tests.fuzz.seeds import Format
from tests.fuzz.worker import Files


def seed_file(folder):
    (folder / "a").write_bytes(bytes(range(40)))
    return [[folder / "a"]]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Return a function that makes the files of a format with a reader."""

    def make(read, seed=1):
        monkeypatch.setitem(worker.FORMATS, "own", Format(seed_file, read))
        return Files("own", seed, tmp_path)

    return make


def test_a_file_is_repeated_by_seed_and_number(files):
    first, again, other = (files(None, seed) for seed in (1, 1, 2))
    assert [first.damaged(number) for number in range(30)] == [again.damaged(number) for number in range(30)]
    assert [first.damaged(number) for number in range(30)] != [other.damaged(number) for number in range(30)]
    assert {len(first.damaged(number)[2]) for number in range(-40, 0)} == {*range(40)}


def refuse(path):
    raise InvalidFileError(f"{path} is damaged.")


@pytest.mark.parametrize(
    ("read", "problem"),
    [
        (refuse, ""),
        (lambda path: None, ""),
        (lambda path: {}["a"], "KeyError: 'a'"),
    ],
)
def test_other_errors_are_failures(files, read, problem):
    assert files(read).read(3) == problem


def test_a_reader_that_does_not_end_is_a_failure(files, monkeypatch):
    def spin(path):
        while True:
            time.process_time()

    monkeypatch.setattr(worker, "SECONDS", 0.2)
    with contextlib.suppress(worker.TooSlow):
        assert files(spin).read(3) == "more than 0.2 seconds"
