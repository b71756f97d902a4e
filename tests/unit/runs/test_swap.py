"""Whatever fails while one run replaces another, and whenever the process dies, one of them is complete and found."""

import contextlib
import itertools
import json
import shutil

import pytest

from kerasbridge import runs
from kerasbridge.errors import RunFolderError
from kerasbridge.runs import swap
from tests.system_calls import ProcessDied, SystemCalls
from tests.unit.runs.test_runs import config, files, message_of

EVENTS = "tensorboard/train/events.out.tfevents.1.box.{}.v2"


def write(folder, name, epochs, overwrite=False):
    """Write a run whose files all contain its name or its number of epochs."""
    with runs.create(folder, config(model=name, epochs=epochs), overwrite) as run:
        for epoch in range(1, epochs + 1):
            run.add_epoch(epoch, 0.5, {"loss": 1 / epoch})
        events = run.target / EVENTS.format(name)
        events.parent.mkdir(parents=True)
        events.write_text(name)
        run.finish(lambda path: path.write_text(name))


def write_old(folder):
    """Write a run with files of its user in its folder."""
    write(folder, "old", 3)
    for name in ("notes.txt", "config.json.bak", "sub/thesis.tex", "tensorboard/train/plan.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    (folder / "evaluation.png").write_text("old")


MINE = ["config.json.bak", "notes.txt", "sub/thesis.tex", "tensorboard/train/plan.txt"]


def name_of(folder):
    """Return the name of the run that is found in a folder, all of whose files must be its own."""
    (run,) = runs.list(folder)
    name = run.config.model
    assert run.config.finished
    assert len(run.history["epoch"]) == run.config.epochs == {"old": 3, "new": 2}[name]
    assert run.model_path.read_text() == name
    assert [path for path in MINE if (folder / path).read_text() != "mine"] == []
    return name


def contents(folder):
    return [name for name in files(folder) if not (folder / name).is_dir()]


def assert_can_be_replaced(folder):
    write(folder, "new", 2, overwrite=True)
    assert name_of(folder) == "new"
    ours = ["config.json", "history.csv", "history.jsonl", "model.keras", EVENTS.format("new")]
    assert [name for name in contents(folder) if name != "curves.png"] == sorted(ours + MINE)


def assert_no_mixture(folder):
    """Check that the folder itself, without what a dead process left, contains one whole run or no config.json."""
    if (folder / "config.json").exists():
        name = json.loads((folder / "config.json").read_text())["model"]
        assert (folder / "model.keras").read_text() == name
        assert (folder / EVENTS.format(name)).exists()


@pytest.mark.parametrize("dies", [False, True], ids=["fails", "dies"])
def test_one_run_is_complete_at_each_system_call(tmp_path, monkeypatch, dies):
    monkeypatch.setattr("kerasbridge.runs.writer.curves.draw", lambda path, *_: path.write_text("curves"))
    with SystemCalls(pytest.MonkeyPatch()):  # without fsync
        write_old(tmp_path / "template")
    found = []
    for number in itertools.count(1):
        folder = shutil.copytree(tmp_path / "template", tmp_path / str(number))
        calls = SystemCalls(pytest.MonkeyPatch(), number, dies)
        with contextlib.suppress(OSError, ProcessDied), calls:
            write(folder, "new", 2, overwrite=True)
        if not calls.happened:
            break
        with SystemCalls(pytest.MonkeyPatch()):
            if number % 2:  # half of them are read with what the process left, the others are replaced at once
                with monkeypatch.context() as patch:
                    patch.setattr(swap, "try_to_finish", lambda _: None)
                    found.append(name_of(folder))
                assert_no_mixture(folder)
                assert name_of(folder) == found[-1]
                assert found[-1] == "old" or "config.json" in contents(folder)
            assert_can_be_replaced(folder)
    assert set(found) == {"old", "new"}
    assert not dies or found == sorted(found, reverse=True)  # first the old one, then the new one
    assert number > 40


def test_an_error_after_the_new_run_is_complete_names_where_it_is(tmp_path, monkeypatch):
    write(tmp_path / "run", "old", 3)

    def failing(_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(swap, "finish", lambda folder: swap.is_unfinished(folder) and failing(folder))
        with pytest.raises(RunFolderError, match="Permission denied") as caught:
            write(tmp_path / "run", "new", 2, overwrite=True)
    assert caught.value.__notes__ == [f"The new run is complete nevertheless, and is found in {tmp_path / 'run'}."]
    assert runs.load(tmp_path / "run").config.model == "new"
    assert swap.is_unfinished(tmp_path / "run") is False


def test_a_training_that_was_killed_before_it_was_complete_is_named(tmp_path, caplog):
    write(tmp_path, "old", 3)
    swap.start(tmp_path)
    assert runs.load(tmp_path).config.model == "old"
    assert caplog.messages == [
        f"kerasbridge: {tmp_path} contains .kerasbridge-new, of a training that was killed before it could replace the "
        "run: the next one with --overwrite removes it."
    ]
    write(tmp_path, "new", 2, overwrite=True)
    assert not (tmp_path / swap.STAGING).exists()


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "[1]", '["../../x"]', '["config.json", "notes.txt"]', '["model.keras"]']
)
def test_a_corrupt_list_of_files_is_ignored(tmp_path, text):
    write(tmp_path / "run", "old", 3)
    (tmp_path / "run" / swap.STAGING).mkdir()
    (tmp_path / "run" / swap.STAGING / "files.json").write_text(text)
    (tmp_path / "run" / swap.STAGING / "config.json").write_text("{}")
    assert runs.load(tmp_path / "run").config.model == "old"
    write(tmp_path / "run", "new", 2, overwrite=True)
    assert not (tmp_path / "run" / swap.STAGING).exists()


def test_files_are_not_moved_through_links_out_of_the_folder(tmp_path):
    write(tmp_path / "run", "old", 3)
    (tmp_path / "elsewhere").mkdir()
    shutil.rmtree(tmp_path / "run" / "tensorboard")
    with runs.create(tmp_path / "run", config(), overwrite=True) as run:
        (run.target / "tensorboard").mkdir()
        (run.target / EVENTS.format("new").replace("train/", "")).write_text("new")
        run.finish(lambda path: path.touch())
        (tmp_path / "run" / "tensorboard").symlink_to(tmp_path / "elsewhere")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "run" / "tensorboard").is_symlink()


@pytest.mark.parametrize(("name", "is_folder"), [("model.keras", True), ("tensorboard", False), ("curves.png", True)])
def test_overwrite_rejects_something_else_with_the_name_of_a_file_of_a_run_by_name(tmp_path, name, is_folder):
    with runs.create(tmp_path, config()) as run:
        run.finish(lambda path: path.touch())
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).mkdir() if is_folder else (tmp_path / name).touch()
    assert message_of(runs.check_writable, tmp_path, True) == (
        f"{tmp_path / name} was not written by kerasbridge, so --overwrite does not replace it: move it, or choose "
        "another folder with --run-dir."
    )
