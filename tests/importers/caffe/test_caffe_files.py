"""Caffe files: every output as computed by Caffe, on this backend, in both layouts, also from a .keras file."""

import numpy as np
import pytest

import kerasbridge as kb
from tests.importers.nets import assert_close, outputs, saved_and_loaded
from tests.paths import SHARED

FOLDER = SHARED / "legacy" / "caffe"
NETS = sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.prototxt"))
LENETS = ["lenet_v1_everpeace", "lenet_v2_jachin"]
SCALE = 0.00390625
"""What the layer of data in LeNet's .caffemodel multiplies pixels by: 1 / 256."""


def paths(net):
    return [FOLDER / f"{net}.prototxt", FOLDER / f"{net}.caffemodel"]


@pytest.fixture(params=NETS or ["none"])
def net(request, legacy):
    return request.param


def recorded(net):
    """An input, and the outputs of Caffe by blob name."""
    arrays = dict(np.load(FOLDER / f"{net}.reference.npz"))
    return arrays.pop("x"), arrays


def assert_as_recorded(model, net, data_format="channels_last"):
    x, expected = recorded(net)
    names = kb.inspect_legacy(*paths(net)).outputs
    assert sorted(names) == sorted(expected)
    for name, found in zip(names, outputs(model, x, data_format=data_format), strict=True):
        assert_close(found, expected[name])


def test_a_net_computes_what_caffe_computes(net, tmp_path):
    assert_as_recorded(saved_and_loaded(kb.load_legacy(*paths(net)), tmp_path), net)


@pytest.mark.parametrize("net", [net for net in NETS if "/" not in net])
def test_channels_first_has_the_inputs_and_outputs_of_caffe(net, legacy):
    assert_as_recorded(kb.load_legacy(*paths(net), data_format="channels_first"), net, "channels_first")


def test_all_nets_are_present(legacy):
    assert len(NETS) == 23


@pytest.mark.parametrize("net", LENETS)
def test_a_lenet_recognises_the_digits(net, legacy):
    digits = np.load(SHARED / "data" / "mnist.npz")
    model = kb.load_legacy(*paths(net))
    x = digits["x_test"].reshape(-1, 28, 28, 1).astype("float32") * SCALE
    accuracy = (kb.predict(model, x, batch_size=500, verbose=0).argmax(-1) == digits["y_test"]).mean()
    assert 0.990 <= accuracy <= 0.991


def test_the_preprocessing_in_a_file_of_weights_is_reported(legacy):
    (found,) = kb.inspect_legacy(*paths("lenet_v2_jachin")).preprocessing
    assert found.scale == SCALE


@pytest.mark.parametrize("net", LENETS)
def test_a_lenet_consists_of_stock_layers(net, legacy):
    modules = {type(layer).__module__.partition(".")[0] for layer in kb.load_legacy(*paths(net)).layers}
    assert modules == {"keras"}


def test_a_lenet_can_be_fine_tuned(legacy):
    data = kb.datasets.mnist("sample")
    x = data.x_train[:320, ..., None] * np.float32(SCALE)
    y = (data.y_train[:320] + 1) % 10  # another task: the next digit
    model = kb.load_legacy(*paths("lenet_v2_jachin"))
    model.compile("adam", "sparse_categorical_crossentropy")
    losses = kb.fit(model, x, y, epochs=3, batch_size=32, seed=0, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_weights_alone_contain_the_net_but_not_the_image_size(legacy):
    path = FOLDER / "lenet_v2_jachin.caffemodel"
    words = r"27 or 28 pixels a side would fit\. Pass input_shape=\(1, 28, 28\)"
    with pytest.raises(kb.errors.LegacyFileError, match=words):
        kb.load_legacy(path)
    assert kb.load_legacy(path, input_shape=(1, 28, 28)).input_shape == (None, 28, 28, 1)
    assert kb.inspect_legacy(path).outputs == ("loss",)
