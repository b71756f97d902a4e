"""`kerasbridge import`: its files, its output and its errors."""

import json
import zipfile

import numpy as np
import pytest
from typer.testing import CliRunner

from kerasbridge import saving
from kerasbridge.cli import app
from kerasbridge.keras_compat import keras
from tests.importers.nets import assert_close, data, files, layer, outputs

pytestmark = pytest.mark.once

X = np.random.default_rng(5).normal(size=(2, 3, 9, 7)).astype(np.float32)
POOL = "pooling_param { kernel_size: 3 stride: 2 pad: 1 }"


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="kerasbridge")


@pytest.fixture
def net(tmp_path):
    """The files of a net that needs a kerasbridge layer."""
    text = 'layer { name: "d" type: "MemoryData" top: "data" top: "label" transform_param { scale: 0.5 } '
    text += "memory_data_param { batch_size: 2 channels: 3 height: 9 width: 7 } }\n"
    return files(tmp_path, text + layer("TanH", name="t") + layer("Pooling", POOL, name="p", bottom="t"))


def test_it_saves_a_model_and_prints_the_report(net, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    result = run("import", *net, "-o", tmp_path / "a.keras")
    assert result.exit_code == 0, result.output
    for words in ("t (TanH), p (Pooling)", "d: multiplies by 0.5", "Layers of kerasbridge: p.", "Saved in "):
        assert words in result.stdout
    model = keras.models.load_model(tmp_path / "a.keras")
    assert outputs(model, X)[0].shape == (2, 3, 5, 4)


def test_json_is_for_programs(net, tmp_path):
    result = run(
        "import", *net, "--from", "caffe", "--data-format", "channels_first", "-o", tmp_path / "a.keras", "--json"
    )
    found = json.loads(result.stdout)
    assert (found["format"], found["outputs"], found["own_layers"]) == ("caffe", ["p"], ["p"])
    assert found["preprocessing"][0]["scale"] == 0.5
    first = keras.models.load_model(tmp_path / "a.keras")
    run("import", *net, "-o", tmp_path / "b.keras", "--quiet")
    last = keras.models.load_model(tmp_path / "b.keras")
    assert_close(outputs(first, X, data_format="channels_first")[0], outputs(last, X)[0])


def test_quiet_prints_nothing(net, tmp_path):
    result = run("import", *net, "-o", tmp_path / "a.keras", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize(
    ("output", "options", "words"),
    [
        ("a.h5", [], "Expected --output to be a .keras file"),
        ("no/a.keras", [], "in a folder that exists"),
        ("a.keras", ["--data-format", "x"], "Expected data_format"),
        ("a.keras", ["--from", "x"], "Expected the format caffe"),
        ("a.keras", ["--outputs", "t"], "outputs does not apply to caffe files: leave out outputs="),
        ("a.keras", ["--inputs", "d"], "inputs does not apply to caffe files: leave out inputs="),
    ],
)
def test_a_mistake_prints_one_line(net, tmp_path, output, options, words):
    result = run("import", *net, "-o", tmp_path / output, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_unknown_layers_are_reported_in_one_line(tmp_path):
    (path,) = files(tmp_path, data(1, 3, 9, 7) + layer("PriorBox"))
    result = run("import", path, "-o", tmp_path / "a.keras")
    assert result.exit_code == 2
    assert "cannot be converted: 'l' (PriorBox) is unknown." in result.stderr
    assert not (tmp_path / "a.keras").exists()


def test_an_existing_file_is_replaced_only_with_overwrite_and_once_the_new_one_is_complete(net, tmp_path, monkeypatch):
    output = tmp_path / "a.keras"
    output.write_text("mine")

    def full(model, path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    result = run("import", *net, "-o", output)
    assert "that does not exist" in result.stderr
    assert result.stderr.endswith("To replace it: overwrite=True, --overwrite.\n")
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save", full)
        result = run("import", *net, "-o", output, "--overwrite")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "No space left on device" in result.stderr
    assert output.read_text() == "mine"
    assert [path.name for path in tmp_path.glob(".*")] == []
    assert run("import", *net, "-o", output, "--overwrite").exit_code == 0
    assert keras.models.load_model(output).layers


@pytest.mark.parametrize("config", ["null", "[]", "{"])
def test_a_damaged_model_to_load_weights_into_is_one_line(tmp_path, config):
    np.savez(tmp_path / "w.npz", np.zeros((3, 2)))
    with zipfile.ZipFile(tmp_path / "onto.keras", "w") as archive:
        archive.writestr("config.json", config)
    result = run("import", tmp_path / "w.npz", "--onto", tmp_path / "onto.keras", "--no-flip-kernels", "-o", "o.keras")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Expected --onto to be a .keras file, received another: " in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_thousand_layers_in_a_row_are_a_model(tmp_path):
    chain = data(1, 3, 4, 4) + "".join(
        layer("ReLU", name=f"r{number}", bottom=f"r{number - 1}" if number else "data") for number in range(1000)
    )
    (path,) = files(tmp_path, chain)
    result = run("import", path, "-o", tmp_path / "a.keras", "--quiet")
    assert result.exit_code == 0, result.output
    model = saving.load_model(tmp_path / "a.keras")
    images = X[:, :, :4, :4]
    np.testing.assert_array_equal(outputs(model, images)[0], np.maximum(images, 0))


def test_more_layers_than_a_model_has_are_refused(tmp_path):
    chain = data(1, 3, 4, 4) + layer("ReLU", name="r", bottom="data", top="data") * 10_001
    (path,) = files(tmp_path, chain)
    result = run("import", path, "-o", tmp_path / "a.keras")
    assert "The network has 10,001 layers: expected at most 10,000." in result.stderr
