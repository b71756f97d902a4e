"""`kerasbridge train`, `evaluate` and `predict` on a model and data of the user's: script, table, images, arrays."""

import csv
import json
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

import kerasbridge as kb
from kerasbridge.keras_compat.user_scripts import call_script
from tests.backend.cli.commands import run

SCRIPT = """
    import keras
    import numpy as np
    from keras import layers


    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x


    def sums():
        rng = np.random.default_rng(0)
        x = rng.random((64, 4), "float32")
        model = keras.Sequential([keras.Input((4,)), Twice(), layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"])
        return model, x, x.sum(1, keepdims=True)


    def validated():
        model, x, y = sums()
        stop = keras.callbacks.EarlyStopping("val_loss", min_delta=1e9, patience=1)
        data = {"x": x[:48], "y": y[:48], "validation_data": (x[48:], y[48:])}
        return {"model": model, "batch_size": 16, "callbacks": [stop], **data}


    def wrong():
        return {"model": sums()[0], "z": 1}


    def prices(outputs=layers.Dense(1), loss="mse", metric="mae"):
        age, income = keras.Input((1,), name="age"), keras.Input((1,), name="income")
        city = keras.Input((1,), dtype="int32", name="city")
        known = layers.Flatten()(layers.Embedding(4, 2)(city))
        parts = layers.Concatenate()([layers.Rescaling(0.01)(age), income, known])
        model = keras.Model([age, income, city], outputs(layers.Dense(8, activation="relu")(parts)))
        model.compile(keras.optimizers.Adam(0.02), loss, metrics=[metric])
        return model


    def kinds():
        return prices(layers.Dense(3, activation="softmax"), "sparse_categorical_crossentropy", "accuracy")


    def colours():
        model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
        model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
        return model
"""
CITIES = ("Bergen", "Oslo", "Rome")
KINDS = ("cabin", "flat", "house")


def write_table(path, rows, seed):
    """Write a table of houses: numbers, text, and two columns to predict, which depend on the others."""
    rng = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "age", "income", "city", "price", "kind"])
        for row in range(rows):
            age, income, city = int(rng.integers(20, 80)), float(rng.random()), int(rng.integers(3))
            table.writerow([row, age, f"{income:.4f}", CITIES[city], age / 100 + income + city, KINDS[city]])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a script, models, tables, images and arrays, and a run on each."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(textwrap.dedent(SCRIPT))
    for name in ("prices", "kinds", "colours"):
        with kb.seed_everything(0):
            call_script(f"{folder / 'mine.py'}:{name}").save(folder / f"{name}.keras")
    write_table(folder / "houses.csv", 120, 0)
    write_table(folder / "more.csv", 40, 1)
    rng = np.random.default_rng(0)
    for colour, levels in (("blue", (30, 30, 200)), ("red", (200, 30, 30))):
        (folder / "paint" / colour).mkdir(parents=True)
        for index in range(12):
            noise = rng.integers(-30, 30, (12 + index, 16, 3))
            Image.fromarray((levels + noise).astype("uint8")).save(folder / "paint" / colour / f"{index}.png")
    train = {
        "validated": ["--script", "mine.py:validated", "--epochs", 9],
        "prices": ["--model", "prices.keras", "--data", "houses.csv", "--target", "price", "--epochs", 3],
        "kinds": ["--model", "kinds.keras", "--data", "houses.csv", "--target", "kind", "--validation", "more.csv"],
        "colours": ["--model", "colours.keras", "--data", "paint", "--epochs", 20],
    }
    printed = {}
    for name, options in train.items():
        epochs = [] if "--epochs" in options else ["--epochs", 40]
        code, printed[name], err = run(folder, "train", *options, *epochs, "--run-dir", f"runs/{name}")
        assert (code, err) == (0, ""), name
    return folder, printed


def config(place, name):
    return kb.runs.load(place[0] / "runs" / name).config


def results(place, *arguments):
    """Return the JSON that a command prints."""
    code, out, err = run(place[0], *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_a_run_records_the_form_of_its_data_and_the_scores_of_the_rows_set_aside(place):
    folder, printed = place
    form = config(place, "prices").data["form"]
    assert form["columns"] == {name: [name] for name in ("age", "income", "city")}
    assert (form["categories"], form["target"], form["classes"]) == ({"city": list(CITIES)}, "price", None)
    assert config(place, "kinds").data["form"]["classes"] == list(KINDS)
    form = config(place, "colours").data["form"]
    assert (form["size"], form["divided_by"], form["classes"]) == ([8, 8, 3], 255, ["blue", "red"])
    assert set(config(place, "prices").validation) == {"loss", "mae"}
    assert config(place, "kinds").validation["accuracy"] > 0.9
    assert config(place, "colours").validation["accuracy"] == 1
    assert config(place, "prices").data["source"]["data"] == str((folder / "houses.csv").resolve())
    first, *_, last = printed["prices"].splitlines()
    assert first == ("96 rows to train on, 24 to validate on; from age, income, city (3 categories); to predict price.")
    test = config(place, "prices").validation
    assert last == f"Validation: loss {test['loss']:.4f}, mae {test['mae']:.4f}. Saved in runs/prices"


def test_a_script_may_return_validation_data_a_batch_size_and_callbacks(place):
    run_of_script = kb.runs.load(place[0] / "runs" / "validated")
    assert run_of_script.history["epoch"] == [1, 2]
    assert "val_mae" in run_of_script.history
    assert set(run_of_script.config.validation) == {"loss", "mae"}
    assert place[1]["validated"].splitlines()[0] == "48 rows to train on, 16 to validate on."


def test_an_evaluation_repeats_the_scores_of_the_training(place):
    for name in ("prices", "kinds", "colours", "validated"):
        script = ["--script", "mine.py:validated"] if name == "validated" else []
        result = results(place, "evaluate", f"runs/{name}", *script)
        for metric, value in config(place, name).validation.items():
            assert result[metric] == pytest.approx(value, rel=1e-5), name
        assert result["differs"] == ([] if name in ("kinds", "colours") else None), name
    assert sum(map(sum, results(place, "evaluate", "runs/kinds")["confusion"])) == 40
    assert results(place, "evaluate", "runs/kinds")["regression"] is None


def test_an_evaluation_of_a_regression_compares_predictions_with_targets(place):
    folder, _ = place
    with (folder / "more.csv").open() as file:
        prices = np.array([float(row["price"]) for row in csv.DictReader(file)])
    predicted = np.array([row["prediction"] for row in results(place, "predict", "runs/prices", "more.csv")])
    errors = predicted - prices
    result = results(place, "evaluate", "runs/prices", "--data", "more.csv")["regression"]
    rmse, r2 = np.sqrt((errors**2).mean()), 1 - (errors**2).mean() / prices.var()
    assert result == pytest.approx({"mae": np.abs(errors).mean(), "rmse": rmse, "r2": r2}, rel=1e-4)
    code, out, err = run(folder, "evaluate", "runs/prices", "--data", "more.csv")
    _, errors_line, _, header, *rows, note = out.splitlines()
    assert (code, err, note) == (0, "", "The last row has the largest error.")
    assert errors_line == f"MAE {result['mae']:.6g}, RMSE {rmse:.6g}, R² {r2:.4f}"
    assert header.split() == ["row", "price", "predicted", "error"]
    shown = [*range(5), int(np.abs(errors).argmax())]
    expected = np.stack([np.array(shown) + 1, prices[shown], predicted[shown], errors[shown]], axis=1)
    np.testing.assert_allclose([[float(cell) for cell in row.split()] for row in rows], expected, atol=1e-4)


def test_a_model_without_a_run_is_evaluated_and_predicts(place):
    options = ["--data", "more.csv", "--target", "price"]
    result = results(place, "evaluate", "runs/prices/model.keras", *options)
    assert result["mae"] == pytest.approx(results(place, "evaluate", "runs/prices", *options[:2])["mae"], rel=1e-5)
    answers = results(place, "predict", "runs/colours/model.keras", "paint/red/3.png")
    assert (answers[0]["input"], answers[0]["prediction"]) == ("paint/red/3.png", "1")


def test_rows_are_predicted_with_the_categories_and_classes_of_the_training(place):
    folder, _ = place
    answers = results(place, "predict", "runs/kinds", "more.csv")
    with (folder / "more.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [answer["input"] for answer in answers] == list(range(1, 41))
    assert sum(answer["prediction"] == row["kind"] for answer, row in zip(answers, rows, strict=True)) > 36
    assert set(answers[0]["probabilities"]) == set(KINDS)
    first = rows[0]
    cells = [f"{name}={first[name]}" for name in ("city", "age", "income")]
    (alone,) = results(place, "predict", "runs/kinds", *cells)
    assert alone["probabilities"] == pytest.approx(answers[0]["probabilities"], rel=1e-4)
    (unknown,) = results(place, "predict", "runs/prices", "city=Paris", "age=30", "income=0.5")
    model = kb.runs.load(folder / "runs" / "prices").load_model()
    expected = model.predict([np.full((1, 1), value) for value in (30, 0.5, 0)], verbose=0)
    assert unknown["prediction"] == pytest.approx(expected.item(), rel=1e-5)


def test_images_are_predicted_and_unreadable_ones_are_named(place):
    pictures = ["paint/red/1.png", "no.png", "paint/blue/2.png"]
    code, out, err = run(place[0], "predict", "runs/colours", *pictures, "--quiet")
    assert (code, out.split()) == (2, ["red", "blue"])
    assert err == "kerasbridge: There is no file no.png: expected a picture, such as digit.png.\n"


def test_arrays_are_predicted_with_the_custom_layers_of_the_script(place):
    folder, _ = place
    x = np.random.default_rng(1).random((3, 4), "float32")
    np.save(folder / "rows.npy", x)
    answers = results(place, "predict", "runs/validated", "rows.npy", "--script", "mine.py:validated")
    custom = {"Twice": sys.modules["mine"].Twice}
    kernel, bias = kb.runs.load(folder / "runs" / "validated").load_model(custom).get_weights()
    np.testing.assert_allclose([answer["prediction"] for answer in answers], (2 * x @ kernel + bias)[:, 0], rtol=1e-5)


@pytest.mark.once
def test_a_run_on_a_table_is_continued_exactly(place, tmp_path):
    options = ["--model", "prices.keras", "--data", "houses.csv", "--target", "price", "--quiet", "--run-dir"]
    for epochs in (3, 5):
        assert run(place[0], "train", *options, tmp_path / "run", "--epochs", epochs, "--resume") == (0, "", "")
    assert run(place[0], "train", *options, tmp_path / "whole", "--epochs", 5) == (0, "", "")
    continued, whole = (kb.runs.load(tmp_path / name) for name in ("run", "whole"))
    assert continued.history["val_loss"] == whole.history["val_loss"]
    assert continued.config.validation == whole.config.validation


WRONG = {
    "no script": (["--script", "mine.py"], "Expected a script and a function in it, such as train.py:build"),
    "both": (["--script", "mine.py:sums", "--model", "prices.keras"], "Expected --model or --script, received both."),
    "key": (
        ["--script", "mine.py:wrong"],
        "validation_data, batch_size and callbacks; received a dict with the keys model, z.",
    ),
    "no model": (["--data", "houses.csv", "--target", "price"], "Expected a model for houses.csv: mlp and cnn take"),
    "no data": (["--model", "prices.keras"], "Expected --data for prices.keras, which does not take digits"),
    "no file": (["--model", "prices.keras", "--data", "no.csv"], "There is no file no.csv: expected a table there."),
    "other file": (["--model", "prices.keras", "--data", "mine.py"], "Expected --data to be a table (.csv), arrays"),
    "no target": (
        ["--model", "prices.keras", "--data", "houses.csv"],
        "Expected the column that the model predicts, --target with one of: id, age, income, city, price, kind.",
    ),
    "no column": (
        ["--model", "prices.keras", "--data", "houses.csv", "--target", "prise"],
        "Expected --target to be a column of houses.csv, received 'prise'; they are id, age, income, city,",
    ),
    "input without column": (
        ["--model", "prices.keras", "--data", "houses.csv", "--target", "city"],
        "Expected a column in houses.csv for each input of the model, which takes city too; its columns are id, age,",
    ),
    "text target": (
        ["--model", "prices.keras", "--data", "houses.csv", "--target", "kind"],
        "Expected numbers in the column 'kind' of houses.csv, received ",
    ),
    "classes": (
        ["--model", "kinds.keras", "--data", "houses.csv", "--target", "id"],
        "Expected 3 classes, as the model has outputs for, in the column 'id' of houses.csv; received 120 (0, 1, 2, ",
    ),
    "text in a column of numbers": (
        ["--model", "prices.keras", "--data", "text.csv", "--target", "price"],
        "Expected numbers in the column 'age' of text.csv, received 'old' in row 2. For categories, give the model an",
    ),
    "empty cell": (
        ["--model", "prices.keras", "--data", "empty.csv", "--target", "price"],
        "Expected numbers in the column 'income' of empty.csv, received an empty cell in row 1. Fill the cell or "
        "remove the row; in pandas: table.fillna(VALUE), or table.dropna().",
    ),
    "no images": (["--model", "colours.keras", "--data", "empty"], "empty contains no images in a folder per class"),
    "three folders": (
        ["--model", "colours.keras", "--data", "three"],
        "Expected 2 classes, as the model has outputs for, in the folders of three; received 3 (a, b, c).",
    ),
    "split": (["--script", "mine.py:sums", "--validation-split", 1], "Expected --validation-split to be from 0"),
}


def assert_refused(folder, arguments, words):
    code, out, err = run(folder, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1), (arguments, err)
    assert words in err, (arguments, err)


def test_what_does_not_fit_is_one_sentence_before_the_first_step(place):
    folder, _ = place
    (folder / "text.csv").write_text("age,income,city,price\n1,2,Oslo,3\nold,2,Oslo,3\n")
    (folder / "empty.csv").write_text("age;income;city;price\n1;;Oslo;3\n")
    (folder / "empty").mkdir()
    for name in "abc":
        (folder / "three" / name).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(folder / "three" / name / "1.png")
    for options, words in WRONG.values():
        assert_refused(folder, ["train", *options, "--run-dir", "runs/wrong"], words)
    assert not (folder / "runs" / "wrong").exists()
    for arguments, words in (
        (
            ["predict", "runs/kinds", "age=30", "income=1"],
            "Expected a column 'city' in the row; its columns are age, inc",
        ),
        (["predict", "runs/prices", "more.csv", "age=30"], "Expected one file with rows, or the cells of one row"),
        (
            ["predict", "runs/prices", "1", "2"],
            "one row with the columns age, income, city; received 1 2. For example: kerasbridge predict runs/prices "
            "age=1 income=1 city=Bergen",
        ),
        (["predict", "runs/kinds", "1.5"], "the columns age, income, city; received 1.5. For example: kerasbridge"),
        (["predict", "prices.keras", "age=1", "x"], "Expected the cells of a row, each column once, as in age=42"),
        (
            ["predict", "runs/kinds", "paint/red/1.png"],
            "Expected --data to be a table (.csv), arrays (.npz) or a folder",
        ),
        (["evaluate", "runs/validated"], f"type --script {(folder / 'mine.py').resolve()}:validated."),
        (
            ["evaluate", "runs/kinds", "--data", "paint"],
            "Expected data of the kind 'table', as in the training; received",
        ),
        (["evaluate", "prices.keras"], "Expected --data with prices.keras, the data to score it on; received none."),
    ):
        assert_refused(folder, arguments, words)


@pytest.mark.once
def test_a_script_that_a_run_folder_names_is_never_run(place, monkeypatch):
    folder, _ = place
    monkeypatch.delitem(sys.modules, "mine")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(folder)])
    np.save(folder / "rows.npy", np.ones((1, 4)))
    assert "mine.py:validated" in (folder / "runs" / "validated" / "config.json").read_text()
    code, _, err = run(folder, "predict", "runs/validated", "rows.npy")
    assert code == 2
    assert "If its layers are defined in a script, type --script" in err
    assert "mine" not in sys.modules
