"""A run folder grows during training, is complete at the end, and never replaces a folder that is not a run."""

import os
import shutil
import sys
from datetime import datetime
from pathlib import Path

import pytest

from kerasbridge import runs
from kerasbridge.errors import RunFolderError
from kerasbridge.runs import folder as folders


def config(**changes):
    fields = {
        "arguments": {"epochs": 5}, "versions": runs.versions("jax"), "backend": "jax", "device": "cpu", "seed": 0,
        "rng": "portable", "data": {"name": "sample"}, "started": "2026-01-31T12:30:05+00:00", "model": "mlp",
        "epochs": 5,
    }  # fmt: skip
    return runs.Config(**(fields | changes))


def write_run(folder, content="weights", overwrite=False, failing_with=None, epochs=0):
    """Write a training of this number of epochs, which then succeeds or fails."""
    with runs.create(folder, config(), overwrite) as run:
        for epoch in range(1, epochs + 1):
            run.add_epoch(epoch, 0.5, {"loss": 1 / epoch})
        if failing_with is not None:
            raise failing_with
        run.finish(lambda path: path.write_text(content), test={"accuracy": 0.5})


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def message_of(call, *arguments):
    with pytest.raises(RunFolderError) as caught:
        call(*arguments)
    return str(caught.value)


def test_a_run_appears_with_the_folders_above_it(tmp_path):
    write_run(tmp_path / "a" / "b")
    assert files(tmp_path) == ["a", "a/b", "a/b/config.json", "a/b/model.keras"]
    assert folders.is_run(tmp_path / "a" / "b")


def test_a_run_has_the_permissions_of_a_new_folder(tmp_path):
    write_run(tmp_path / "run")
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "run").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_existing_empty_folder_is_filled_and_stays_the_same_folder(tmp_path):
    before = tmp_path.stat().st_ino
    write_run(tmp_path)
    assert files(tmp_path) == ["config.json", "model.keras"]
    assert tmp_path.stat().st_ino == before


def test_a_run_can_be_written_into_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(Path())
    assert files(tmp_path) == ["config.json", "model.keras"]


def test_a_new_run_exists_from_the_start_and_is_marked_as_unfinished(tmp_path):
    with runs.create(tmp_path / "run", config()) as run:
        started = runs.load(tmp_path / "run")
        assert (started.config.finished, started.history) == (None, {})
        run.add_epoch(1, 0.5, {"loss": 0.25})
        assert runs.load(tmp_path / "run").history == {"epoch": [1], "seconds": [0.5], "loss": [0.25]}
        run.finish(lambda path: path.write_text("weights"), seconds=2.0)
    assert (runs.load(tmp_path / "run").config.seconds, runs.load(tmp_path / "run").config.epochs) == (2.0, 5)
    assert runs.load(tmp_path / "run").config.finished


def test_a_model_that_is_being_written_is_not_there_yet(tmp_path):
    def save(path):
        path.write_text("half of the weights")
        assert path.suffix == ".keras"
        assert not (tmp_path / "run" / "model.keras").exists()
        assert runs.load(tmp_path / "run").config.finished is None

    with runs.create(tmp_path / "run", config()) as run:
        run.finish(save)
    assert files(tmp_path / "run") == ["config.json", "model.keras"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_failure_after_an_epoch_keeps_the_history_and_reports_its_path(tmp_path, error):
    with pytest.raises(error) as caught:
        write_run(tmp_path / "a" / "b", failing_with=error(), epochs=2)
    assert files(tmp_path / "a" / "b") == ["config.json", "history.csv", "history.jsonl"]
    what = "interrupted" if error is KeyboardInterrupt else "failed"
    assert caught.value.__notes__ == [
        f"{what} after 2 of 5 epochs: the history is in {tmp_path / 'a' / 'b'}, no model was saved."
    ]
    kept = runs.load(tmp_path / "a" / "b")
    assert (kept.config.finished, kept.history["loss"]) == (None, [1, 0.5])


def test_a_full_disk_while_a_run_is_replaced_leaves_the_old_one(tmp_path):
    def train():
        with runs.create(tmp_path / "run", config(), overwrite=True) as run:
            run.add_epoch(1, 0.5, {"loss": 0.25})
            run.finish(fill_the_disk)

    write_run(tmp_path / "run", "old")
    assert message_of(train).startswith(f"The run folder {tmp_path / 'run'} cannot be written (No space left")
    assert files(tmp_path / "run") == ["config.json", "model.keras"]


def test_a_full_disk_while_saving_only_loses_the_model(tmp_path):
    def train():
        with runs.create(tmp_path, config()) as run:
            run.add_epoch(1, 0.5, {"loss": 0.25})
            run.finish(fill_the_disk)

    with pytest.raises(RunFolderError, match="No space left on device") as caught:
        train()
    assert caught.value.__notes__ == [f"failed after 1 of 5 epochs: the history is in {tmp_path}, no model was saved."]
    assert files(tmp_path) == ["config.json", "history.csv", "history.jsonl"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_failure_before_an_epoch_has_ended_leaves_nothing(tmp_path, error):
    with pytest.raises(error):
        write_run(tmp_path / "a" / "b", failing_with=error())
    assert files(tmp_path) == []


def test_a_failure_leaves_an_existing_empty_folder_and_the_files_of_others(tmp_path):
    def train():
        with runs.create(tmp_path, config()):
            (tmp_path / "notes.txt").touch()
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        train()
    assert files(tmp_path) == ["notes.txt"]


def test_a_failure_leaves_an_existing_empty_folder(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(ValueError, match="no data"):
        write_run(tmp_path / "run", failing_with=ValueError("no data"))
    assert files(tmp_path) == ["run"]


def fill_the_disk(path):
    path.write_text("half of the weights")
    raise OSError(28, "No space left on device")


def test_a_full_disk_raises_one_sentence_and_leaves_nothing(tmp_path):
    def train():
        with runs.create(tmp_path / "run", config()) as run:
            run.finish(fill_the_disk)

    message = message_of(train)
    assert message == (
        f"The run folder {tmp_path / 'run'} cannot be written (No space left on device): choose another with --run-dir."
    )
    assert files(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_all_files_are_synchronised_before_the_run_counts_as_complete(tmp_path, monkeypatch):
    synchronised = []

    def fsync(descriptor):
        is_finished = any(run.config.finished for run in runs.list(tmp_path))
        synchronised.append((Path(f"/proc/self/fd/{descriptor}").readlink().name, is_finished))

    monkeypatch.setattr(os, "fsync", fsync)
    write_run(tmp_path, epochs=1)
    assert {("history.jsonl", False), ("history.csv", False)} < set(synchronised)


def test_a_folder_that_is_removed_meanwhile_raises_one_sentence(tmp_path):
    def train():
        with runs.create(tmp_path / "run", config()) as run:
            run.add_epoch(1, 0.5, {"loss": 0.25})
            shutil.rmtree(tmp_path / "run")
            run.add_epoch(2, 0.5, {"loss": 0.25})

    assert message_of(train) == (
        f"The run folder {tmp_path / 'run'} cannot be written (No such file or directory): choose another with "
        "--run-dir."
    )
    assert files(tmp_path) == []


def test_an_error_of_the_training_is_not_reported_as_a_folder_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="photos"):
        write_run(tmp_path / "run", failing_with=FileNotFoundError(2, "No such file or directory", "photos"))
    assert files(tmp_path) == []


def test_overwrite_replaces_all_of_a_run(tmp_path):
    write_run(tmp_path / "run", "old")
    (tmp_path / "run" / "history.csv").touch()
    write_run(tmp_path / "run", "new", overwrite=True)
    assert runs.load(tmp_path / "run").config.finished
    assert files(tmp_path / "run") == ["config.json", "model.keras"]
    assert (tmp_path / "run" / "model.keras").read_text() == "new"


def test_overwrite_without_an_existing_run_is_not_an_error(tmp_path):
    write_run(tmp_path / "run", overwrite=True)
    assert folders.is_run(tmp_path / "run")


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_failed_overwrite_leaves_the_old_run(tmp_path, epochs):
    write_run(tmp_path / "run", "old")
    with pytest.raises(KeyboardInterrupt) as caught:
        write_run(tmp_path / "run", "new", overwrite=True, failing_with=KeyboardInterrupt(), epochs=epochs)
    assert caught.value.__notes__ == [f"interrupted: the earlier run in {tmp_path / 'run'} is unchanged."]
    assert runs.load(tmp_path / "run").config.finished
    assert files(tmp_path / "run") == ["config.json", "model.keras"]
    assert (tmp_path / "run" / "model.keras").read_text() == "old"


def test_the_old_run_is_there_until_the_new_one_is_complete(tmp_path):
    write_run(tmp_path / "run", "old", epochs=1)
    with runs.create(tmp_path / "run", config(), overwrite=True) as run:
        run.add_epoch(1, 0.5, {"loss": 9.0})
        old = runs.load(tmp_path / "run")
        assert (old.config.finished is None, old.history["loss"]) == (False, [1])
        run.finish(lambda path: path.write_text("new"))
    assert runs.load(tmp_path / "run").history["loss"] == [9]


@pytest.mark.parametrize("is_there", [True, False])
def test_the_second_writer_of_a_folder_is_rejected_and_leaves_the_first_alone(tmp_path, is_there):
    if is_there:
        (tmp_path / "run").mkdir()
    with runs.create(tmp_path / "run", config()) as first:
        assert f"is in use by process {os.getpid()}, this one, on " in message_of(write_run, tmp_path / "run")
        first.finish(lambda path: path.write_text("of the first"))
    assert (tmp_path / "run" / "model.keras").read_text() == "of the first"


def test_a_run_that_appears_after_the_check_is_not_replaced(tmp_path, monkeypatch):
    look = folders.check_writable

    def look_and_be_late(folder, *arguments):
        look(folder, *arguments)
        monkeypatch.undo()
        write_run(folder, "of another")

    monkeypatch.setattr(folders, "check_writable", look_and_be_late)
    assert "is not empty" in message_of(write_run, tmp_path / "run")
    assert (tmp_path / "run" / "model.keras").read_text() == "of another"


def test_an_empty_config_json_alone_is_replaced(tmp_path):
    (tmp_path / "config.json").touch()
    assert "its config.json is empty" in message_of(runs.load, tmp_path)
    assert "is not empty: choose another folder" in message_of(write_run, tmp_path)
    write_run(tmp_path, overwrite=True)
    assert files(tmp_path) == ["config.json", "model.keras"]
    (tmp_path / "config.json").write_text("")
    assert "contains no run" in message_of(write_run, tmp_path, "weights", True)


def test_what_a_dead_process_left_does_not_block_a_folder(tmp_path):
    (tmp_path / ".kerasbridge-lock").write_text("{}")
    (tmp_path / ".kerasbridge-new").mkdir()
    (tmp_path / ".kerasbridge-new" / "history.jsonl").touch()
    (tmp_path / ".kerasbridge-1a2b3c.keras").touch()
    write_run(tmp_path)
    assert files(tmp_path) == ["config.json", "model.keras"]


def test_a_name_that_is_not_utf_8_is_rejected(tmp_path):
    for name in ("run\udcff", "a\0b"):
        assert "Expected a run folder with a name in UTF-8" in message_of(runs.check_writable, tmp_path / name)


def test_runs_without_a_folder_are_written_to_new_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        write_run(None)
    name = f"{datetime.fromisoformat(config().started).astimezone():%Y%m%d-%H%M%S}-mlp-jax"
    assert sorted(path.name for path in Path("runs").iterdir()) == [name, f"{name}-2"]
    with pytest.raises(ValueError, match="no data"):
        write_run(None, failing_with=ValueError("no data"))
    assert len(list(Path("runs").iterdir())) == 2


def test_a_folder_that_is_not_empty_is_rejected(tmp_path):
    write_run(tmp_path)
    assert message_of(runs.check_writable, tmp_path) == (
        f"{tmp_path} is not empty: choose another folder with --run-dir, continue the run in it with --resume, or "
        "replace it with --overwrite."
    )


def test_in_python_another_folder_is_the_only_way(tmp_path):
    write_run(tmp_path)
    assert message_of(runs.check_writable, tmp_path, False, folders.BY_ARGUMENT) == (
        f"{tmp_path} is not empty: choose another folder for run_dir."
    )


@pytest.mark.parametrize(
    "text", [None, "{}", "[]", "no JSON", '{"model_type": "bert"}', '{"versions": null}', '{"versions": 3}']
)
def test_overwrite_rejects_a_folder_without_a_run(tmp_path, text):
    (tmp_path / "config.json" if text else tmp_path / "thesis.tex").write_text(text or "")
    assert "contains no run" in message_of(runs.check_writable, tmp_path, True)


def test_a_file_instead_of_the_folder_is_rejected(tmp_path):
    (tmp_path / "run").touch()
    assert "is a file: expected a run folder" in message_of(runs.check_writable, tmp_path / "run", True)


def test_a_path_below_a_file_is_rejected(tmp_path):
    (tmp_path / "file").touch()
    message = message_of(runs.check_writable, tmp_path / "file" / "run")
    assert message.endswith("cannot be written (Not a directory): choose another with --run-dir.")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root can write everywhere")
def test_a_folder_without_permission_is_rejected(tmp_path):
    tmp_path.chmod(0o500)
    assert "Permission denied" in message_of(runs.check_writable, tmp_path / "run")


def test_checks_leave_nothing_behind(tmp_path):
    runs.check_writable(tmp_path / "a" / "b")
    assert files(tmp_path) == []
