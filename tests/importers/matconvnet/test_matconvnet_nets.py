"""Whole MatConvNet networks from files, and their preprocessing as a layer."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.importers import preprocessing_layer
from kerasbridge.importers.report import Preprocessing
from kerasbridge.keras_compat import keras
from tests.importers.mat_files import conv, dag, nchw, write
from tests.importers.matconvnet import matconvnet_formulas as formulas
from tests.importers.nets import assert_close, normals, outputs, saved_and_loaded

RANDOM = np.random.default_rng(11)

normal = normals(RANDOM)


def old_net(filters, biases, whole):
    """Return a net like imagenet-vgg-f and vgg-face: old field names, with `meta` fields next to the layers."""
    return [
        {"type": "conv", "name": "conv1", "filters": filters, "biases": biases, "stride": [2, 2], "pad": [1, 0, 1, 0]},
        {"type": "relu", "name": "relu1"},
        {"type": "normalize", "name": "norm1", "param": [5, 2, 0.02, 0.75]},
        {"type": "pool", "name": "pool1", "method": "max", "pool": [3, 3], "stride": [2, 2], "pad": [0, 1, 0, 1]},
        {"type": "dropout", "name": "dropout", "rate": 0.5},
        {"type": "conv", "name": "fc6", "filters": whole, "biases": np.zeros((0, 0)), "stride": 1.0, "pad": 0.0},
        {"type": "softmax", "name": "prob"},
    ]


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_an_old_net_returns_probabilities_of_its_classes(version, tmp_path):
    f, b, whole, x = normal(3, 3, 3, 8), normal(1, 8), normal(3, 3, 8, 5), normal(13, 12, 3, 2)
    model = kb.load_legacy(write(tmp_path / "net.mat", version, layers=old_net(f, b, whole)))
    y = np.maximum(formulas.conv(x, f, b, (1, 0, 1, 0), (2, 2)), 0)
    y = formulas.pool(formulas.normalize(y, 5, 2, 0.02, 0.75), (3, 3), "max", (0, 1, 0, 1), (2, 2))
    y = formulas.softmax(formulas.conv(y, whole))
    assert_close(outputs(model, nchw(x))[0], nchw(y))


def test_an_upsampling_net_takes_images_of_any_size(tmp_path):
    f, up = normal(3, 3, 3, 4), normal(4, 4, 2, 4)
    file = write(
        tmp_path / "fcn.mat",
        **dag(
            ("crop", "dagnn.Crop", {"crop": [2, 3]}, "up data", "scores", []),
            ("up", "dagnn.ConvTranspose", {"upsample": [2, 2], "hasBias": False}, "conv", "up", ["up_f"]),
            ("conv", "dagnn.Conv", {"pad": [9, 9, 9, 9], "stride": [2, 2], "hasBias": False}, "data", "conv", ["f"]),
            params={"f": f, "up_f": up},
        ),
    )
    model = saved_and_loaded(kb.load_legacy(file), tmp_path)
    for x in (normal(12, 11, 3, 1), normal(17, 20, 3, 1)):
        y = formulas.convt(formulas.conv(x, f, None, (9,) * 4, (2, 2)), up, None, (2, 2))
        assert_close(outputs(model, nchw(x))[0], nchw(formulas.crop(y, x, [2, 3])))


def test_a_net_saved_by_training_returns_probabilities(tmp_path):
    """As saved by the MNIST example: no names, no biases before normalisations, with momentum."""
    f, g, b, moments = normal(5, 5, 1, 6), normal(6, 1), normal(6, 1), np.abs(normal(6, 2)) + 0.5
    whole, x = normal(12, 12, 6, 10), normal(28, 28, 1, 2)
    layers = [conv(f, stride=2.0, pad=0.0), {"type": "bnorm", "weights": [g, b, moments], "learningRate": [1, 1, 0.05]}]
    layers += [{"type": "relu", "leak": 0.0}, conv(whole), {"type": "softmaxloss", "class": [3, 1]}]
    net = {"layers": layers, "meta": {"inputSize": [28, 28, 1]}}
    path = tmp_path / "net-epoch-3.mat"
    model = kb.load_legacy(write(path, "7.3", net=net, state={"momentum": [np.zeros((5, 5))]}, stats={"num": 3.0}))
    y = np.maximum(formulas.bnorm(formulas.conv(x, f, None, stride=(2, 2)), g, b, moments), 0)
    assert_close(outputs(model, nchw(x))[0], nchw(formulas.softmax(formulas.conv(y, whole))))
    assert model.get_layer("layer2").momentum == 0.95


MEANS, IMAGE, PIXELS = (120.0, 110.5, 99.0), normal(6, 5, 3), RANDOM.integers(256, size=(2, 6, 5, 3)).astype(np.uint8)
PREPROCESSING = {
    "means": (Preprocessing("data", means=MEANS), PIXELS - np.array(MEANS)),
    "an image": (Preprocessing("data", mean_image=IMAGE), PIXELS - IMAGE),
    "a scale": (Preprocessing("data", scale=0.5, means=(3.0,)), (PIXELS - 3.0) * 0.5),
    "nothing": (Preprocessing("data"), PIXELS),
}


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("case", PREPROCESSING)
def test_the_preprocessing_is_a_stock_layer(case, data_format, tmp_path):
    preprocessing, expected = PREPROCESSING[case]
    x = PIXELS if data_format == "channels_last" else np.moveaxis(PIXELS, -1, 1)
    model = keras.Sequential([keras.Input(x.shape[1:]), preprocessing_layer(preprocessing, data_format=data_format)])
    found = np.asarray(saved_and_loaded(model, tmp_path).predict_on_batch(x))
    assert_close(found if data_format == "channels_last" else np.moveaxis(found, 1, -1), expected, 1e-6)


@pytest.mark.parametrize(
    "average", [np.array(MEANS)[:, None], np.array(MEANS)[None, None], normal(6, 5, 3)], ids=["three", "flat", "image"]
)
def test_the_preprocessing_in_a_file_can_precede_the_model(average, tmp_path):
    f = normal(3, 3, 3, 2)
    meta = {"normalization": {"imageSize": [6, 5, 3], "averageImage": average, "interpolation": "bicubic"}}
    file = write(tmp_path / "net.mat", layers=[conv(f, pad=1.0)], meta=meta)
    (preprocessing,) = kb.inspect_legacy(file).preprocessing
    whole = keras.Sequential([keras.Input((6, 5, 3)), preprocessing_layer(preprocessing), kb.load_legacy(file)])
    mean = average if average.shape[:2] == (6, 5) else np.array(MEANS)
    y = formulas.conv((PIXELS - mean).transpose(1, 2, 3, 0), f, pad=(1,) * 4)
    assert_close(np.asarray(whole.predict_on_batch(PIXELS)), y.transpose(3, 0, 1, 2))


def test_a_mean_in_another_file_is_an_error_with_its_name():
    with pytest.raises(kb.errors.ArgumentError, match=r"data subtracts the one in mean\.binaryproto"):
        preprocessing_layer(Preprocessing("data", mean_file="mean.binaryproto"))
    with pytest.raises(kb.errors.ArgumentError, match="Expected data_format"):
        preprocessing_layer(Preprocessing("data"), data_format="NCHW")
