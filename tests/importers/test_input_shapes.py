"""`input_shape`: for files that do not contain it, or to fix a single size."""

import numpy as np
import pytest
from typer.testing import CliRunner

import kerasbridge as kb
from kerasbridge.cli import app
from kerasbridge.errors import ArgumentError, LegacyFileError
from tests.importers.nets import data, files, layer

CONV = "convolution_param { num_output: 4 kernel_size: 3 }"
WEIGHTS = {"c": (np.ones((4, 3, 3, 3)), np.ones(4)), "l": (np.ones((2, 80)), np.ones(2))}


@pytest.fixture
def net(tmp_path):
    """Return a net with 3 channels, whose file does not contain the image size, and in which a row has 80 numbers."""
    text = 'layer { name: "d" type: "Data" top: "data" }' + layer("Convolution", CONV, name="c")
    return files(tmp_path, text + layer("InnerProduct", "inner_product_param { num_output: 2 }", bottom="c"), WEIGHTS)


def test_missing_information_can_be_passed(net):
    with pytest.raises(LegacyFileError, match="takes images of one size only"):
        kb.load_legacy(*net)
    model = kb.load_legacy(*net, input_shape=(3, 6, 7))
    assert (model.input_shape, model.output_shape) == ((None, 6, 7, 3), (None, 2))
    assert kb.load_legacy(*net, input_shape=[3, 7, 6], data_format="channels_first").input_shape == (None, 3, 7, 6)
    assert kb.inspect_legacy(*net, input_shape=(3, 6, 7)).inputs == (("data", (None, 3, 6, 7)),)


def test_input_shape_fixes_the_size_of_a_model_for_any_size(tmp_path):
    paths = files(tmp_path, data(1, 3, 9, 9) + layer("ReLU"))
    assert kb.load_legacy(*paths).input_shape == (None, None, None, 3)
    assert kb.load_legacy(*paths, input_shape=(3, 5, None)).input_shape == (None, 5, None, 3)


def test_each_of_several_inputs_has_a_shape(tmp_path):
    text = data(1, 3, 4, 4, name="a") + data(1, 3, 4, 4, name="b") + layer("Eltwise", bottom="a b")
    paths = files(tmp_path, text)
    model = kb.load_legacy(*paths, input_shape=[(3, 8, 8), (3, 8, 8)])
    assert model.input_shape == [(None, 8, 8, 3)] * 2
    with pytest.raises(ArgumentError, match="the shapes of 2 inputs, a, b, received 1"):
        kb.load_legacy(*paths, input_shape=(3, 8, 8))


@pytest.mark.parametrize(
    ("shape", "error", "words"),
    [
        ((3, 5, 5), LegacyFileError, "its weights take 80 numbers per sample"),
        ((1, 6, 7), ArgumentError, r"takes the shape \(3, None, None\) without the batch, received \(1, 6, 7\)"),
        ((3, 42), ArgumentError, "without the batch"),
        (7, ArgumentError, "Expected input_shape as"),
        ((3, -1, 7), ArgumentError, "Expected input_shape as"),
        ("3,6,7", ArgumentError, "Expected input_shape as"),
        ((), ArgumentError, "Expected input_shape as"),
    ],
)
def test_an_impossible_shape_is_rejected(net, shape, error, words):
    with pytest.raises(error, match=words):
        kb.load_legacy(*net, input_shape=shape)


def test_the_command_line_accepts_it(net, tmp_path):
    arguments = ["import", *map(str, net), "-o", str(tmp_path / "a.keras"), "--overwrite", "--input-shape"]
    assert CliRunner().invoke(app, [*arguments, "3,6,7"]).exit_code == 0
    result = CliRunner().invoke(app, [*arguments, "3x6x7"])
    assert (result.exit_code, "Expected --input-shape as 3,224,224, received 3x6x7." in result.stderr) == (2, True)
