"""A file or folder is complete or absent, whatever fails while it is written."""

import itertools
import os
from contextlib import suppress

import pytest

from kerasbridge.errors import ArgumentError
from kerasbridge.runtime import files
from tests.system_calls import ProcessDied, SystemCalls


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def write(path):
    with files.atomic_write(path) as part:
        assert part.suffix == path.suffix
        part.write_text("new")


def write_folder(path):
    with files.atomic_folder(path) as part:
        (part / "sub").mkdir()
        (part / "sub" / "a").write_text("new")
        (part / "b").write_text("new")


@pytest.mark.parametrize("dies", [False, True])
def test_a_file_is_old_or_new_at_each_system_call(tmp_path, dies):
    path, found = tmp_path / "a.txt", []
    for number in itertools.count(1):
        path.write_text("old")
        calls = SystemCalls(pytest.MonkeyPatch(), number, dies)
        with suppress(OSError, ProcessDied), calls:
            write(path)
        if not calls.happened:
            break
        found.append(path.read_text())
        assert dies or names(tmp_path) == ["a.txt"]
    assert found == sorted(found, reverse=True)
    assert set(found) == {"old", "new"}


@pytest.mark.parametrize("dies", [False, True])
def test_a_folder_is_complete_or_absent_at_each_system_call(tmp_path, dies):
    found = []
    for number in itertools.count(1):
        calls = SystemCalls(pytest.MonkeyPatch(), number, dies)
        with suppress(OSError, ProcessDied), calls:
            write_folder(tmp_path / "new")
        if not calls.happened:
            break
        found.append((tmp_path / "new").exists())
        if found[-1]:
            assert names(tmp_path / "new") == ["b", "sub", "sub/a"]
            files.remove_folder(tmp_path / "new")
        files.remove_leftovers(tmp_path)
        assert names(tmp_path) == []
    assert found == sorted(found)
    assert set(found) == {False, True}


def test_a_folder_that_is_being_removed_is_complete_or_absent_at_each_system_call(tmp_path):
    for number in itertools.count(1):
        write_folder(tmp_path / "old")
        calls = SystemCalls(pytest.MonkeyPatch(), number, dies=True)
        with suppress(ProcessDied), calls:
            files.remove_folder(tmp_path / "old")
        if not calls.happened:
            break
        assert names(tmp_path / "old") in ([], ["b", "sub", "sub/a"])
        if (tmp_path / "old").exists():
            files.remove_folder(tmp_path / "old")
        files.remove_leftovers(tmp_path)


def test_an_error_of_the_body_leaves_the_old_file(tmp_path):
    def interrupted():
        with files.atomic_write(tmp_path / "a") as part:
            part.write_text("half")
            raise KeyboardInterrupt

    (tmp_path / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (names(tmp_path), (tmp_path / "a").read_text()) == (["a"], "old")


@pytest.mark.skipif(os.name == "nt", reason="no links, and other permissions")
def test_links_and_permissions_stay(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("old")
    (tmp_path / "sub" / "a.txt").chmod(0o640)
    (tmp_path / "link.txt").symlink_to("sub/a.txt")
    write(tmp_path / "link.txt")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "sub" / "a.txt").read_text() == "new"
    assert (tmp_path / "sub" / "a.txt").stat().st_mode & 0o777 == 0o640
    (tmp_path / "plain").touch()
    write(tmp_path / "new.txt")
    assert (tmp_path / "new.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_file_and_then_its_folder_are_synchronised(tmp_path, monkeypatch):
    synchronised, replaced = [], []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synchronised.append(os.fstat(descriptor).st_ino))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: replaced.append(list(synchronised)) or replace(*paths))
    write(tmp_path / "a.txt")
    file = (tmp_path / "a.txt").stat().st_ino
    assert replaced == [[file]]
    assert synchronised == [file] + ([] if os.name == "nt" else [tmp_path.stat().st_ino])


def test_a_file_system_that_cannot_synchronise_folders_is_no_error(tmp_path, monkeypatch):
    def failing(_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", failing)
    files.sync_folder(tmp_path)


def test_an_output_that_cannot_be_written_is_rejected(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    for path, overwrite, words in (
        (tmp_path / "no" / "a", True, "Expected a path in a folder that exists, received "),
        (tmp_path / "file", False, "that does not exist, received .* To replace it: overwrite=True, --overwrite"),
        (tmp_path / "a\udcff", True, "Expected a path with a name in UTF-8, received "),
        (tmp_path / "folder", True, "Expected a path that can be replaced, received .*, which is a folder"),
    ):
        with pytest.raises(ArgumentError, match=words):
            files.check_output(path, overwrite)
    files.check_output(tmp_path / "file", overwrite=True)
    files.check_output(tmp_path / "new", overwrite=False)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ArgumentError, match="which is not a regular file"):
        files.check_output(tmp_path / "pipe", overwrite=True)
