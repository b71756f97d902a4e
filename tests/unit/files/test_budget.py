"""One budget of work and memory for each file, and one error for what exceeds it."""

import pytest

from kerasbridge.errors import ArgumentError, DataError, DataFileError, InvalidFileError, RunFileError, RunFolderError
from kerasbridge.files import budget
from kerasbridge.files.budget import Budget, OverBudget, reading, spend


def test_a_budget_grows_with_the_file():
    Budget().spend(steps=1_000_000, memory=2**28)
    Budget(2**20).spend(steps=1_000_000 + 2**20, memory=2**28 + 20 * 2**20)
    Budget(2**31).spend(memory=2**28 + 20 * 2**30 + 4 * 2**30)


@pytest.mark.parametrize("amount", [{"steps": 1_000_001}, {"memory": 2**28 + 1}, {"depth": 1_001}])
def test_more_than_the_budget_is_refused(amount):
    with pytest.raises(OverBudget):
        Budget().spend(**amount)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (OverBudget("claims too much"), "claims too much: it is damaged, or was made to do harm."),
        (RecursionError(), "is nested too deeply."),
        (MemoryError(), "needs more memory than there is."),
        (KeyError("a"), "is damaged: reading it fails with KeyError: 'a'."),
    ],
)
def test_errors_of_readers_become_one_error_that_names_the_file(tmp_path, cause, words):
    with pytest.raises(DataFileError) as caught, reading(DataFileError, tmp_path / "a"):
        raise cause
    assert str(caught.value) == f"{tmp_path / 'a'} {words}"
    assert caught.value.__cause__ is cause


def test_errors_of_kerasbridge_are_not_changed(tmp_path):
    with pytest.raises(ArgumentError, match="as it was"), reading(InvalidFileError, tmp_path):
        raise ArgumentError("as it was")


def test_files_in_folders_count_and_each_reading_has_its_own_budget(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_bytes(bytes(1000))
    for _ in range(2):
        with reading(InvalidFileError, tmp_path):
            spend(steps=1_001_000)
            assert budget.current().memory == 2**28 + 20_000
    assert budget.current().steps == 1_000_000


def test_errors_about_files_have_one_base_class():
    assert issubclass(DataFileError, (InvalidFileError, DataError))
    assert issubclass(RunFileError, InvalidFileError)
    assert issubclass(RunFileError, RunFolderError)
    assert isinstance(RunFileError("damaged"), OSError)


def test_long_messages_are_cut_in_the_middle_and_contain_no_escapes():
    message = str(InvalidFileError("\x1b[31m" + "a" * 7_000_000 + "type this"))
    assert len(message) < 5_100
    assert message.startswith("?[31ma")
    assert message.endswith("type this")
    assert "6,995,014 letters" in message
