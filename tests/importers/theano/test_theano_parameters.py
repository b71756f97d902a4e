"""Lasagne and Theano weights in Keras models: a net trained by Lasagne, and the formulas of its layers."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.keras_compat import keras
from tests.importers.formulas import convolution, deconvolution
from tests.importers.nets import assert_close, outputs, saved_and_loaded
from tests.importers.torch_formulas import sigmoid
from tests.paths import SHARED

pytestmark = pytest.mark.usefixtures("drawn_on_the_host")

L = keras.layers
FOLDER = SHARED / "legacy" / "theano"
NET = FOLDER / "lasagne_mnist_cnn.npz"
DRAW = np.random.default_rng(4)


def digits_model():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            L.Conv2D(32, 5, activation="relu"),
            L.MaxPooling2D(2),
            L.Conv2D(32, 5, activation="relu"),
            L.MaxPooling2D(2),
            L.Flatten(),
            L.Dropout(0.5),
            L.Dense(256, activation="relu"),
            L.Dense(10, activation="softmax"),
        ]
    )


def test_a_lasagne_net_has_the_recorded_outputs(legacy, tmp_path):
    digits = np.load(SHARED / "data" / "mnist.npz")
    x = digits["x_test"].reshape(-1, 28, 28, 1) / np.float32(256)
    model = kb.load_legacy(NET, model=digits_model(), flip_kernels=True)
    found = kb.predict(saved_and_loaded(model, tmp_path), x, batch_size=500, verbose=0)
    assert_close(found[:1000], np.load(FOLDER / "lasagne_mnist_cnn.reference.npz")["y_first_1000"])
    assert round((found.argmax(-1) == digits["y_test"]).mean(), 4) == 0.9909


def test_flip_kernels_is_required_before_any_weight_is_set(legacy):
    model = digits_model()
    before = model.get_weights()
    with pytest.raises(ArgumentError, match=r"Conv2DLayer .* flip_kernels=True .* Conv2DDNNLayer"):
        kb.load_legacy(NET, model=model)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("protocol", [0, 2])
def test_pickled_shared_variables_are_read(legacy, protocol):
    model = keras.Sequential([keras.Input((6,)), L.Dense(3)])
    kb.load_legacy(FOLDER / f"logreg_p{protocol}.pkl", model=model)
    np.testing.assert_array_equal(model.get_weights()[0], np.load(FOLDER / "logreg.reference.npz")["W"])


def arrays(*shapes):
    return [DRAW.normal(0, 0.4, shape).astype("f4") for shape in shapes]


def onto(model, values, folder, **options):
    np.savez(folder / "net.npz", *values)
    return kb.load_legacy(folder / "net.npz", model=model, **options)


def true_convolution(x, weight):
    return convolution(x, weight[:, :, ::-1, ::-1])


def test_layers_of_images(tmp_path):
    """Conv2DLayer without b, BatchNormLayer, Conv2DLayer, NINLayer, TransposedConv2DLayer, DilatedConv2DLayer."""
    w1, beta, gamma, mean, w2, b2, w3, b3, w4, b4, w5, b5, w6, b6 = values = arrays(
        (4, 3, 3, 2), 4, 4, 4, (5, 4, 2, 2), 5, (5, 3), 3, (3, 3, 2, 3), 3, (3, 2, 2, 2), 2, (2 * 6 * 6, 4), 4
    )
    inverse = (1 / np.sqrt(DRAW.uniform(0.5, 2, 4) + 1e-4)).astype("f4")
    x = DRAW.normal(size=(2, 3, 9, 7)).astype("f4")
    model = keras.Sequential(
        [
            keras.Input((9, 7, 3)),
            L.Conv2D(4, (3, 2), use_bias=False),
            L.BatchNormalization(epsilon=1e-3),
            L.Conv2D(5, 2),
            L.Conv2D(3, 1),
            L.Conv2DTranspose(3, (2, 3)),
            L.Conv2D(2, 2, dilation_rate=(1, 1)),
            L.Flatten(),
            L.Dense(4),
        ]
    )
    dilated = w5.transpose(1, 0, 2, 3)
    onto(model, [*values[:4], inverse, *values[4:10], dilated, *values[11:]], tmp_path, flip_kernels=True)
    y = (true_convolution(x, w1) - mean[:, None, None]) * (inverse * gamma)[:, None, None] + beta[:, None, None]
    y = np.einsum("nchw,cd->ndhw", true_convolution(y, w2) + b2[:, None, None], w3) + b3[:, None, None]
    y = true_convolution(deconvolution(y, w4[:, :, ::-1, ::-1], b4), dilated) + b5[:, None, None]
    assert_close(outputs(model, x)[0], y.reshape(2, -1) @ w6 + b6)


def test_the_kernels_of_a_dilated_layer_are_not_flipped(tmp_path):
    (w, b), x = arrays((3, 2, 2, 2), 2), DRAW.normal(size=(1, 3, 6, 5)).astype("f4")
    model = onto(keras.Sequential([keras.Input((6, 5, 3)), L.Conv2D(2, 2, dilation_rate=2)]), [w, b], tmp_path)
    assert_close(outputs(model, x)[0], convolution(x, w.transpose(1, 0, 2, 3), b, dilation=(2, 2)))


def lstm(x, p):
    h = c = np.zeros((len(x), 3))
    for now in x.transpose(1, 0, 2):
        i, f, g, o = (now @ p[3 * n] + h @ p[3 * n + 1] + p[3 * n + 2] for n in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        yield h


def gru(x, p):
    h = np.zeros((len(x), 3))
    for now in x.transpose(1, 0, 2):
        z, r = (sigmoid(now @ p[3 * n] + h @ p[3 * n + 1] + p[3 * n + 2]) for n in range(2))
        h = (1 - z) * h + z * np.tanh(now @ p[6] + p[8] + r * (h @ p[7]))
        yield h


def test_recurrent_layers(tmp_path):
    """LSTMLayer, GRULayer and RecurrentLayer, with zero initial states."""
    gates = [(5, 3), (3, 3), 3] * 4
    first, second = arrays(*gates), arrays(*[(3, 3), (3, 3), 3] * 3)
    w, b, u = arrays((3, 2), 2, (2, 2))
    values = [*first, np.zeros((1, 3)), np.zeros((1, 3)), *second, np.zeros((1, 3)), np.zeros((1, 2)), w, b, u]
    layers = [L.LSTM(3, return_sequences=True), L.GRU(3, return_sequences=True), L.SimpleRNN(2)]
    model = onto(keras.Sequential([keras.Input((4, 5)), *layers]), values, tmp_path)
    x, h = DRAW.normal(size=(2, 4, 5)).astype("f4"), np.zeros((2, 2))
    for now in gru(np.stack([*lstm(x, first)], 1), second):
        h = np.tanh(now @ w + b + h @ u)
    assert_close(outputs(model, x)[0], h)
    values[12] = np.ones((1, 3))
    with pytest.raises(LegacyFileError, match="has learned initial states"):
        onto(model, values, tmp_path)


def test_an_epsilon_larger_than_the_variances_is_rejected(tmp_path):
    model = keras.Sequential([keras.Input((2,)), L.BatchNormalization(epsilon=1e-2)])
    with pytest.raises(LegacyFileError, match=r"epsilon 0.01, .* make the layer with epsilon=1e-4"):
        onto(model, [np.ones(2), np.ones(2), np.ones(2), np.full(2, 50.0)], tmp_path)
    onto(model, [np.ones(2), np.ones(2), np.ones(2), np.full(2, 10.0)], tmp_path)
    np.testing.assert_allclose(model.get_weights()[3], 0, atol=1e-8)
