"""The files of a run are read back as written; corrupt, foreign and older files are distinguished."""

import csv
import json
import math
import os
import sys

import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, RunFolderError
from kerasbridge.runs import history as histories
from kerasbridge.runs.history import History
from tests.unit.runs.test_runs import config, files, write_run


@pytest.fixture
def history(tmp_path):
    return History(tmp_path)


def table(folder):
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def lines(folder):
    text = (folder / "history.jsonl").read_text()
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


def damage(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def message_of(folder):
    with pytest.raises(RunFolderError) as caught:
        kb.runs.load(folder)
    return str(caught.value)


def test_each_epoch_is_a_line_in_both_files_as_soon_as_it_has_ended(history, tmp_path):
    for epoch, loss in ((1, 0.1 + 0.2), (2, 1e-12)):
        history.add(epoch, 0.12345, {"loss": loss})
        assert table(tmp_path)[-1] == {"epoch": str(epoch), "seconds": "0.123", "loss": repr(loss)}
        assert lines(tmp_path)[-1] == {"epoch": epoch, "seconds": 0.123, "loss": loss}
    assert (len(table(tmp_path)), len(lines(tmp_path)), len(history)) == (2, 2, 2)


def test_a_column_that_comes_later_is_empty_before(history, tmp_path):
    history.add(1, 1.0, {"loss": 3.0})
    history.add(2, 1.0, {"loss": 2.0, "val_loss": 2.5})
    history.add(3, 1.0, {"loss": 1.0})
    assert [row["val_loss"] for row in table(tmp_path)] == ["", "2.5", ""]
    assert [list(row) for row in lines(tmp_path)] == [
        ["epoch", "seconds", "loss"],
        ["epoch", "seconds", "loss", "val_loss"],
        ["epoch", "seconds", "loss"],
    ]
    read = histories.read(tmp_path)
    assert read.keys() == history.columns().keys() == {"epoch", "seconds", "loss", "val_loss"}
    assert [math.isnan(value) for value in read["val_loss"]] == [True, False, True]


@pytest.mark.parametrize("value", [math.nan, math.inf, "high", None, [1.0, 2.0]])
def test_numbers_that_are_not_finite_are_empty_in_csv_and_null_in_json(history, tmp_path, value):
    history.add(1, 1.0, {"loss": value})
    assert (table(tmp_path)[0]["loss"], lines(tmp_path)[0]["loss"]) == ("", None)
    assert math.isnan(histories.read(tmp_path)["loss"][0])


def test_names_with_commas_quotes_and_other_letters_are_preserved(history, tmp_path):
    history.add(1, 1.0, {'a, "b"': 1.0, "정확도": 2.0})
    assert table(tmp_path)[0] == {"epoch": "1", "seconds": "1.0", 'a, "b"': "1.0", "정확도": "2.0"}
    assert histories.read(tmp_path)["정확도"] == [2]


def test_an_epoch_that_cannot_be_written_does_not_count(history, tmp_path):
    history.add(1, 1.0, {"loss": 3.0})
    (tmp_path / "history.jsonl").rename(tmp_path / "before")
    (tmp_path / "history.jsonl").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        history.add(2, 1.0, {"loss": 2.0})
    assert len(history) == 1


def test_a_line_that_was_cut_off_is_left_out(history, tmp_path):
    history.add(1, 1.0, {"loss": 3.0})
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"epoch": 2, "los')
    assert histories.read(tmp_path)["loss"] == [3]


@pytest.mark.parametrize("line", ["no JSON", "[1]", '{"loss": "high"}', '{"loss": {}}', "[" * 100_000])
def test_a_corrupt_history_raises_one_sentence(tmp_path, line):
    write_run(tmp_path, epochs=1)
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(RunFolderError, match=r"history\.jsonl is damaged: line 2 is not an object of numbers\.$"):
        _ = kb.runs.load(tmp_path).history


def test_a_configuration_is_read_back_as_it_was_written(tmp_path):
    written = config(mistakes={17: 3}, test={"accuracy": 0.5}, seconds=1.5, data={"x": [{"shape": [3]}]})
    written.write(tmp_path)
    assert kb.runs.load(tmp_path).config == written


def test_a_name_of_a_file_that_is_not_utf_8_is_stored(tmp_path):
    written = config(arguments={"data": "d\udcff.npz"})
    written.write(tmp_path)
    assert kb.runs.load(tmp_path).config == written


def test_the_configuration_is_plain_json_where_numbers_are_not_finite(tmp_path):
    config(test={"loss": math.inf, "accuracy": math.nan}).write(tmp_path)
    text = (tmp_path / "config.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["test"] == {"loss": None, "accuracy": None}
    assert math.isnan(kb.runs.load(tmp_path).config.test["loss"])


def test_a_run_of_an_older_version_is_read_and_what_is_unknown_left_out(tmp_path):
    write_run(tmp_path)
    path = tmp_path / "config.json"
    older = json.loads(path.read_text())
    for name in ("model", "epochs", "mistakes", "seconds"):
        del older[name]
    path.write_text(json.dumps({**older, "history": {"loss": [0.5]}, "colour": "blue"}))
    read = kb.runs.load(tmp_path).config
    assert (read.model, read.epochs, read.mistakes, read.seconds) == ("", None, None, None)
    assert read.finished == older["finished"]


DAMAGED = {
    "cut off": ('{"versions": {"keras', "is damaged, it is not valid JSON"),
    "nested without end": ("[" * 100_000, "is damaged, it is not valid JSON"),
    "foreign": ('{"model_type": "bert"}', "contains no run: its config.json was not written by kerasbridge."),
    "a list": ("[]", "contains no run"),
    "nothing but versions": ('{"versions": {"kerasbridge": "9"}}', "is damaged, arguments is missing"),
}


@pytest.mark.parametrize(("text", "words"), DAMAGED.values(), ids=DAMAGED)
def test_a_corrupt_or_foreign_configuration_raises_one_sentence(tmp_path, text, words):
    (tmp_path / "config.json").write_text(text)
    assert words in message_of(tmp_path)


WRONG = {
    "epochs": "five", "seed": 1.5, "backend": None, "data": [], "test": {"accuracy": "high"}, "seconds": 10**400,
    "mistakes": {"first": 3}, "finished": 7, "started": {},
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_field_of_another_kind_is_named(tmp_path, name):
    write_run(tmp_path)
    damage(tmp_path, **{name: WRONG[name]})
    assert f"config.json is damaged, {name} is " in message_of(tmp_path)
    assert len(message_of(tmp_path)) < 300


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_is_not_opened(tmp_path):
    write_run(tmp_path / "run", epochs=1)
    for name, words in (
        ("history.jsonl", "history.jsonl cannot be read: "),
        ("config.json", "config.json cannot be read: "),
    ):
        (tmp_path / "run" / name).unlink()
        os.mkfifo(tmp_path / "run" / name)
        with pytest.raises(RunFolderError, match=f"{words}.*not a regular file"):
            _ = kb.runs.load(tmp_path / "run").history
    assert kb.runs.list(tmp_path) == []


@pytest.mark.parametrize("path", [5, None, b"runs", "", ["runs"], "a\0b"])
def test_a_path_of_another_type_is_rejected(path):
    for read in (kb.runs.load, kb.runs.list):
        with pytest.raises(ArgumentError, match=r"^Expected the path of a (run )?folder") as caught:
            read(path)
        assert str(caught.value).endswith(f"received {path!r}.")


def test_a_missing_folder_a_folder_without_a_run_and_a_file_are_distinguished(tmp_path):
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'none'} does not exist" in message_of(tmp_path / "none")
    assert f"{tmp_path} contains no run" in message_of(tmp_path)
    assert f"{tmp_path / 'file'} is a file" in message_of(tmp_path / "file")


def test_runs_are_found_oldest_first_and_nothing_else(tmp_path, caplog):
    for name, day in (("b", 1), ("a", 2)):
        with kb.runs.create(tmp_path / name, config(started=f"2026-01-0{day}T00:00:00+00:00")) as run:
            run.finish(lambda path: path.touch())
    for name in ("foreign", "damaged", ".hidden", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "foreign" / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "damaged" / "config.json").write_text('{"versions": {"kerasbridge": "0.1.0"}}')
    (tmp_path / "file").touch()
    assert [run.name for run in kb.runs.list(tmp_path)] == ["b", "a"]
    assert [record.getMessage() for record in caplog.records] == [f"kerasbridge: {message_of(tmp_path / 'damaged')}"]


def test_a_folder_that_is_a_run_is_found_in_itself(tmp_path):
    write_run(tmp_path)
    assert [run.folder for run in kb.runs.list(tmp_path)] == [tmp_path]


def test_an_interrupted_run_has_no_model(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_run(tmp_path, failing_with=KeyboardInterrupt(), epochs=1)
    with pytest.raises(
        RunFolderError, match=r"contains no model\.keras, as its training did not finish: use another run"
    ):
        kb.runs.load(tmp_path).load_model()


def test_reading_runs_loads_no_keras(tmp_path):
    write_run(tmp_path, epochs=1)
    assert kb.runs.list(tmp_path)[0].history["loss"] == [1]
    assert "keras" not in sys.modules
    assert "config.json" in files(tmp_path)


def test_the_versions_are_those_a_run_depends_on():
    assert list(kb.runs.versions("torch")) == ["kerasbridge", "keras", "torch", "numpy", "python"]
