"""MatConvNet files: outputs as computed by MatConvNet, on this backend, in both layouts, also from a .keras file."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.importers.mat_files import nchw
from tests.importers.nets import assert_close, outputs, saved_and_loaded


@pytest.fixture
def folder(legacy):
    return legacy / "matconvnet"


def recorded(folder, name):
    """Return the inputs and outputs of MatConvNet by name."""
    return {key: nchw(array) for key, array in np.load(folder / f"{name}.reference.npz").items()}


def test_a_simplenn_of_version_7_3_computes_what_matconvnet_computes(folder, tmp_path):
    arrays = recorded(folder, "dncnn_s25")
    model = saved_and_loaded(kb.load_legacy(folder / "dncnn_s25.mat"), tmp_path)
    assert_close(outputs(model, arrays["x"])[0], arrays["y"])
    assert {type(layer).__module__.partition(".")[0] for layer in model.layers} == {"keras"}


def test_a_simplenn_of_version_5_computes_what_matconvnet_computes(folder, tmp_path):
    arrays = recorded(folder, "sepnet1")
    model = saved_and_loaded(kb.load_legacy(folder / "sepnet1.mat"), tmp_path)
    both = keras.Model(model.input, [model.output, model.get_layer("layer12").output])
    for found, expected in zip(outputs(both, arrays["x"]), (arrays["y"], arrays["logits"]), strict=True):
        assert_close(found, expected)


def test_a_dagnn_computes_what_matconvnet_computes(folder, tmp_path):
    arrays = recorded(folder, "dncnn_dag_e50")  # y is the noise, which the last sum subtracts from the image
    model = saved_and_loaded(kb.load_legacy(folder / "dncnn_dag_e50.mat"), tmp_path)
    both = keras.Model(model.input, [model.get_layer("conv48").output, model.output])
    noise, image = outputs(both, arrays["x"])
    assert_close(noise, arrays["y"])
    assert_close(image, arrays["y"] + arrays["x"])


def test_channels_first_has_the_inputs_and_outputs_of_matconvnet(folder):
    arrays = recorded(folder, "sepnet1")
    model = kb.load_legacy(folder / "sepnet1.mat", data_format="channels_first")
    assert_close(outputs(model, arrays["x"], data_format="channels_first")[0], arrays["y"])


def test_the_loss_is_skipped_and_named(folder):
    report = kb.inspect_legacy(folder / "dncnn_dag_e50.mat")
    assert [*map(str, report.skipped)] == ["loss (dagnn.Loss): L2: loss or metric layer, not needed for inference"]
    assert report.outputs == ("prediction",)


def test_the_classes_are_named(folder):
    report = kb.inspect_legacy(folder / "sepnet1.mat")
    assert report.notes == ("names 3 classes, in the order of the channels: airplane aircraft, furniture, human",)
    assert report.inputs == (("input", (None, 3, None, None)),)
