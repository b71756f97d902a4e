"""A run folder is there as a whole or not at all, and nothing that is no run is ever replaced."""

import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kerasbridge import runs
from kerasbridge.errors import RunFolderError

MOMENT = datetime(2026, 1, 31, 12, 30, 5, tzinfo=UTC)


def config(**changes):
    fields = {
        "arguments": {"epochs": 1}, "versions": runs.versions("jax"), "backend": "jax", "device": "cpu", "seed": 0,
        "rng": "portable", "execution": "looped", "execution_reason": None, "data": {"name": "sample"},
        "history": {"loss": [0.5]}, "test": {"loss": 0.4}, "seconds": 1.5, "started": "s", "finished": "f",
    }  # fmt: skip
    return runs.Config(**(fields | changes))


def write_run(folder, content="weights", override=False, failing_with=None):
    with runs.new_folder(folder, override) as new:
        (new / runs.MODEL).write_text(content)
        if failing_with is not None:
            raise failing_with
        config().write(new)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def message_of(call, *arguments):
    with pytest.raises(RunFolderError) as caught:
        call(*arguments)
    return str(caught.value)


def test_a_run_appears_with_the_folders_above_it(tmp_path):
    write_run(tmp_path / "a" / "b")
    assert files(tmp_path) == ["a", "a/b", "a/b/config.json", "a/b/model.keras"]
    assert runs.is_run(tmp_path / "a" / "b")


def test_a_run_is_as_open_to_others_as_any_new_folder(tmp_path):
    write_run(tmp_path / "run")
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "run").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_empty_folder_that_is_there_is_filled_and_stays_the_same_folder(tmp_path):
    before = tmp_path.stat().st_ino
    write_run(tmp_path)
    assert files(tmp_path) == ["config.json", "model.keras"]
    assert tmp_path.stat().st_ino == before


def test_a_run_can_be_written_into_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(Path())
    assert files(tmp_path) == ["config.json", "model.keras"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_failure_leaves_nothing(tmp_path, error):
    with pytest.raises(error):
        write_run(tmp_path / "a" / "b", failing_with=error())
    assert files(tmp_path) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    message = message_of(lambda: write_run(tmp_path / "run", failing_with=OSError(28, "No space left on device")))
    assert message == (
        f"The run folder {tmp_path / 'run'} cannot be written (No space left on device): choose another with --run-dir."
    )
    assert files(tmp_path) == []


def test_override_replaces_all_of_a_run(tmp_path):
    write_run(tmp_path / "run", "old")
    (tmp_path / "run" / "history.csv").touch()
    write_run(tmp_path / "run", "new", override=True)
    assert files(tmp_path / "run") == ["config.json", "model.keras"]
    assert (tmp_path / "run" / "model.keras").read_text() == "new"


def test_override_without_a_run_there_is_no_error(tmp_path):
    write_run(tmp_path / "run", override=True)
    assert runs.is_run(tmp_path / "run")


def test_a_failed_override_leaves_the_old_run(tmp_path):
    write_run(tmp_path / "run", "old")
    with pytest.raises(KeyboardInterrupt):
        write_run(tmp_path / "run", "new", override=True, failing_with=KeyboardInterrupt())
    assert files(tmp_path / "run") == ["config.json", "model.keras"]
    assert (tmp_path / "run" / "model.keras").read_text() == "old"


@pytest.mark.parametrize("moves_before", range(4))
def test_an_override_that_fails_while_it_takes_the_place_restores_the_old_run(tmp_path, monkeypatch, moves_before):
    write_run(tmp_path / "run", "old")
    rename, moved = Path.rename, []

    def failing_once(path, target):
        moved.append(path)
        if len(moved) == moves_before + 1:
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing_once)
    assert "Permission denied" in message_of(write_run, tmp_path / "run", "new", True)
    assert files(tmp_path / "run") == ["config.json", "model.keras"]
    assert (tmp_path / "run" / "model.keras").read_text() == "old"


def test_an_old_run_that_cannot_be_brought_back_is_kept(tmp_path, monkeypatch):
    write_run(tmp_path / "run", "old")
    rename = Path.rename

    def without_moving_back(path, target):
        if path.name == "config.json" or path.parent.name == "old":
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", without_moving_back)
    message_of(write_run, tmp_path / "run", "new", True)
    assert [path.read_text() for path in tmp_path.rglob("model.keras")] == ["old"]


def test_a_folder_that_is_taken_meanwhile_is_not_replaced(tmp_path):
    def run():
        with runs.new_folder(tmp_path / "run"):
            write_run(tmp_path / "run", "of another")

    assert "cannot be written" in message_of(run)
    assert (tmp_path / "run" / "model.keras").read_text() == "of another"


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    write_run(tmp_path)
    assert message_of(runs.check_writable, tmp_path) == (
        f"{tmp_path} is not empty: choose another folder with --run-dir, or replace the run in it with --override."
    )


@pytest.mark.parametrize("text", [None, "{}", "[]", "no JSON", '{"model_type": "bert"}', '{"versions": null}'])
def test_override_refuses_a_folder_that_holds_no_run(tmp_path, text):
    (tmp_path / "config.json" if text else tmp_path / "thesis.tex").write_text(text or "")
    assert "holds no run" in message_of(runs.check_writable, tmp_path, True)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").touch()
    assert "is a file: expected a run folder" in message_of(runs.check_writable, tmp_path / "run", True)


def test_a_path_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    message = message_of(runs.check_writable, tmp_path / "file" / "run")
    assert message.endswith("cannot be written (Not a directory): choose another with --run-dir.")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    assert "Permission denied" in message_of(runs.check_writable, tmp_path / "run")


def test_checking_leaves_nothing_behind(tmp_path):
    runs.check_writable(tmp_path / "a" / "b")
    assert files(tmp_path) == []


def test_the_default_folder_is_named_by_time_model_and_backend(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = runs.default_folder("mlp", "jax", MOMENT)
    assert str(first) == f"runs/{MOMENT.astimezone():%Y%m%d-%H%M%S}-mlp-jax"
    first.mkdir(parents=True)
    assert str(runs.default_folder("mlp", "jax", MOMENT)) == f"{first}-2"


def test_the_configuration_is_plain_json_where_numbers_are_not_finite(tmp_path):
    config(history={"loss": [1.5, math.nan, math.inf]}).write(tmp_path)
    text = (tmp_path / "config.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["history"] == {"loss": [1.5, None, None]}


def test_the_versions_are_those_a_run_depends_on():
    assert list(runs.versions("torch")) == ["kerasbridge", "keras", "torch", "numpy", "python"]
