"""Tables, folders of images and targets as a model takes them; no framework is loaded."""

import numpy as np
import pytest
from PIL import Image

from kerasbridge.errors import ArgumentError, DataError, DataFileError, RunFileError
from kerasbridge.subjects import forms, images, table, targets
from kerasbridge.subjects.source import Source
from kerasbridge.subjects.spec import BINARY, CLASSES, NUMBERS, ONE_HOT, InputSpec, ModelSpec


def spec(*inputs, kind=NUMBERS, outputs=1, scales=False):
    """Return the properties of a model; an input is a name and a dtype, or a number of columns."""
    made = [
        InputSpec("all", (each,), "float32") if isinstance(each, int) else InputSpec(each[0], (1,), each[1])
        for each in inputs
    ]
    return ModelSpec(tuple(made), kind, outputs, kind, scales)


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_cells_are_separated_by_commas_semicolons_or_tabs_and_may_be_quoted(write):
    for text in ("a,b\n1,x\n", "a;b\r\n1; x\r\n", 'a\tb\n1\t"x"\n', "\ufeffa,b\n\n1,x\n"):
        assert table.read(write(text)).columns == {"a": ["1"], "b": ["x"]}
    assert table.read(write('a,b\n"1,5","x ""y"""\n')).columns == {"a": ["1,5"], "b": ['x "y"']}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty: expected a line of column names, and rows."),
        ("a,b\n", "has names of columns, and no rows."),
        ("a,b\n1,2\n1\n", "has 2 columns, and 1 cells in row 2."),
        ("a,a\n1,2\n", "received 'a' more than once."),
        ("a,,b\n1,2,3\n", "in the first line of"),
    ],
)
def test_what_is_no_table_is_one_sentence(write, text, words):
    with pytest.raises(DataFileError) as error:
        table.read(write(text))
    assert words in str(error.value)


def test_a_table_in_another_encoding_is_one_sentence(write):
    with pytest.raises(DataFileError, match="is not text in UTF-8"):
        table.read(write("größe\n1\n", "latin-1"))


def test_truth_values_are_numbers_and_other_text_is_not():
    cells = table.Table("t", {"a": ["True", "false", "2.5"], "b": ["1", "nan", "2"], "c": ["1", "", "x"]})
    assert cells.numbers("a").tolist() == [1, 0, 2.5]
    with pytest.raises(
        DataError, match=r"Expected numbers in the column 'b' of t, received 'nan' in row 2. Fill the cell or"
    ):
        cells.numbers("b")
    with pytest.raises(
        DataError, match=r"Expected numbers in the column 'c' of t, received an empty cell in row 2. Fill"
    ):
        cells.numbers("c")
    with pytest.raises(DataError, match=r"Expected a column 'd' in t; its columns are a, b, c."):
        cells.numbers("d")


HOUSES = table.Table(
    "houses.csv",
    {"id": ["7", "8", "9"], "age": ["1", "2", "3"], "city": ["Oslo", "", "Bergen"], "kind": ["b", "a", "b"]},
)


def test_inputs_take_the_columns_of_their_names_and_one_the_others():
    model = spec(("age", "float32"), ("city", "int32"), kind=CLASSES, outputs=2)
    form = forms.of_table(HOUSES, "kind", model)
    assert (form.columns, form.categories) == ({"age": ["age"], "city": ["city"]}, {"city": ["Bergen", "Oslo"]})
    inputs = forms.inputs_of_table(HOUSES, form, model)
    assert inputs["age"].tolist() == [[1], [2], [3]]
    assert inputs["city"].tolist() == [[2], [0], [1]]
    assert forms.targets_of_table(HOUSES, form, model).tolist() == [1, 0, 1]
    assert forms.from_dict(form.as_dict(), "run") == form
    rest = spec(("city", "int32"), 2)
    form = forms.of_table(table.Table("t", {**HOUSES.columns, "kind": ["1", "2", "3"]}), "kind", rest)
    assert form.columns == {"city": ["city"], "all": ["id", "age"]}
    assert forms.inputs_of_table(HOUSES, form, rest)["all"].tolist() == [[7, 1], [8, 2], [9, 3]]


@pytest.mark.parametrize(
    ("model", "target", "words"),
    [
        (
            spec(2),
            "age",
            "Expected 2 columns, as the model takes, next to the target in houses.csv; received 3 (id,",
        ),
        (spec(("age", "float32"), ("size", "float32")), "id", "for each input of the model, which takes size too;"),
        (spec(("age", "float32"), kind=CLASSES, outputs=3), "kind", "received 2 (a, b). If they are right, give its"),
        (spec(("age", "float32"), kind=CLASSES, outputs=3), "city", "received an empty cell in row 2. Fill the cell"),
        (spec(("age", "float32"), kind=BINARY), "id", "received 3 (7, 8, 9). If they are right, use 3 outputs and the"),
        (spec(("age", "float32"), kind=BINARY, outputs=4), "kind", "Expected targets for 4 outputs with the loss"),
    ],
)
def test_a_table_that_does_not_fit_the_model_is_one_sentence(model, target, words):
    with pytest.raises(DataError) as error:
        forms.of_table(HOUSES, target, model)
    assert words in str(error.value)


def test_an_input_of_whole_numbers_takes_no_fractions():
    with pytest.raises(DataError, match=r"Expected whole numbers in the column 'age' of t, .*received 1.5 in row 1."):
        forms.inputs_of_table(
            table.Table("t", {"age": ["1.5"]}), forms.Form("table", {"age": ["age"]}), spec(("age", "int32"))
        )


@pytest.mark.parametrize(
    ("kind", "outputs", "values", "classes", "numbers"),
    [
        (CLASSES, 3, ["2", "0.0", "1"], ["0", "1", "2"], [2, 0, 1]),
        (CLASSES, 3, ["0", "1", "1"], ["0", "1", "2"], [0, 1, 1]),
        (CLASSES, 3, ["10", "9", "11"], ["9", "10", "11"], [1, 0, 2]),
        (ONE_HOT, 2, ["b", "a"], ["a", "b"], [[0, 1], [1, 0]]),
        (BINARY, 1, ["yes", "no"], ["no", "yes"], [[1], [0]]),
        (BINARY, 1, ["1", "0.25"], None, [[1], [0.25]]),
        (NUMBERS, 1, ["1", "-2.5"], None, [[1], [-2.5]]),
    ],
)
def test_targets_are_what_the_loss_takes(kind, outputs, values, classes, numbers):
    model = spec(1, kind=kind, outputs=outputs)
    assert targets.classes_of(values, model, "y") == classes
    assert targets.numbers_of(values, classes, model, "y").tolist() == numbers


def test_a_class_that_the_training_did_not_see_is_named():
    with pytest.raises(DataError, match=r"Expected the classes a, b in y, received 'c' in row 2."):
        targets.numbers_of(["a", "c"], ["a", "b"], spec(1, kind=CLASSES, outputs=2), "y")


@pytest.fixture
def pets(tmp_path):
    for name in ("dog", "cat", ".hidden"):
        (tmp_path / name / "deep").mkdir(parents=True)
        Image.new("L", (4, 2), 100).save(tmp_path / name / "deep" / "grey.PNG")
        (tmp_path / name / "notes.txt").write_text("")
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated: the first row is the right side
    photo = Image.fromarray(np.array([[[0] * 3, [200] * 3]], "uint8").repeat(8, 1).repeat(8, 0))
    photo.save(tmp_path / "dog" / "photo.png", exif=exif)
    return tmp_path


def test_images_are_found_and_read_upright_in_the_size_of_the_model(pets):
    folder = images.find(pets)
    assert (folder.classes, folder.labels) == (["cat", "dog"], ["cat", "dog", "dog"])
    model = ModelSpec((InputSpec("x", (2, 2, 3), "float32"),), CLASSES, 2, "", False)
    form = forms.of_images(folder, model)
    levels = images.read(folder.files, form.size)
    assert levels.shape == (3, 2, 2, 3)
    assert (levels[0] == 100).all()
    above, below = levels[2, :, 0, 0]
    assert above < 60 < 140 < below
    assert forms.scaled(levels, form, model).max() <= 1
    assert forms.divisor(spec(1, scales=True)) == 1
    with pytest.raises(DataError, match="Expected a model that takes images for"):
        forms.of_images(folder, spec(3, kind=CLASSES, outputs=2))
    with pytest.raises(DataError, match="Expected a model with a crossentropy for the classes of"):
        forms.of_images(folder, spec(3))


def test_a_folder_of_training_and_validation_images_is_not_one_of_two_classes(pets):
    (pets / "cat").rename(pets / "val")
    (pets / "dog").rename(pets / "train")
    with pytest.raises(DataError) as error:
        images.find(pets)
    assert str(error.value).endswith(f"Type --data {pets / 'train'} --validation {pets / 'val'}.")


def test_a_damaged_form_is_one_sentence():
    for values in (None, {"kind": 3}, {"columns": {"a": [1]}}, {"other": 1}):
        with pytest.raises(RunFileError, match=r"The form of the data in run/config\.json is damaged"):
            forms.from_dict(values, "run")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "y"}, "Expected --data with --target, received none."),
        ({"data": ".", "target": "y"}, "whose folders are the classes. Leave --target out."),
        ({"validation": "."}, "Expected --data with --validation, received none."),
        ({"data": ".", "validation": ".", "validation_split": 0.1}, "Expected --validation or --validation-split"),
        ({"data": "."}, ""),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence(tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("")
    source = Source(script="train.py:build", **options)
    if not words:
        assert (source.name, source.split, Source(script="train.py:build").split) == ("train", 0.2, 0)
        return source.check()
    with pytest.raises(ArgumentError) as error:
        source.check()
    assert words in str(error.value)
    return None
