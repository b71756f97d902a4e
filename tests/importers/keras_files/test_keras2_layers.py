"""Features of Keras 2 on TensorFlow that Keras 3 lacks, compared with formulas; and weights in .h5 files."""

import json

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.keras_compat import keras
from kerasbridge.random.keras_patch import portable_random
from tests.importers import formulas
from tests.importers import theano_formulas as theano
from tests.importers.keras_h5 import dense, entry, fed, functional, node, sequential, write
from tests.importers.nets import assert_close, normals, outputs, saved_and_loaded

pytestmark = pytest.mark.once

RANDOM = np.random.default_rng(5)
STEPS = RANDOM.normal(size=(2, 6, 4)).astype(np.float32)
ON_TENSORFLOW = {"version": "2.11.0", "backend": "tensorflow"}

normal = normals(RANDOM)


def from_cudnn(kernel, recurrent, gates):
    """Return matrices in the cuDNN layout: (units, inputs) for each gate, in the given shape."""
    kernels = [part.ravel().reshape(part.shape[1], part.shape[0]).T for part in np.split(kernel, gates, 1)]
    return np.hstack(kernels), np.hstack([part.ravel().reshape(part.shape).T for part in np.split(recurrent, gates, 1)])


def gru_after(x, kernel, recurrent, bias):
    """A GRU that resets after the product, with two biases: `tensorflow/python/keras/layers/recurrent.py`."""
    h = np.zeros((len(x), recurrent.shape[0]))
    for t in range(x.shape[1]):
        a, b, c = np.split(x[:, t] @ kernel + bias[0], 3, 1)
        d, e, f = np.split(h @ recurrent + bias[1], 3, 1)
        z = theano.sigmoid(a + d)
        h = z * h + (1 - z) * np.tanh(c + theano.sigmoid(b + e) * f)
    return h


def sequence_layers():
    w = {
        "lstm": (normal(4, 12), normal(3, 12), normal(24)),
        "gru": (normal(4, 9), normal(3, 9), normal(18)),
        "hard": (normal(4, 12), normal(3, 12), normal(12)),
        "after": (normal(4, 9), normal(3, 9), normal(2, 9)),
    }
    common = {"units": 3, "return_sequences": False, "use_bias": True, "activation": "tanh"}
    entries = [
        fed("x", 6, 4),
        node("CuDNNLSTM", "lstm", "x", units=3, return_sequences=True),
        node("CuDNNGRU", "gru", "x", units=3, return_sequences=False),
        node("LSTM", "hard", "x", recurrent_activation="hard_sigmoid", **common),
        node("GRU", "after", "x", recurrent_activation="sigmoid", reset_after=True, **common),
        node("ReLU", "relu", "x", max_value=0.5, negative_slope=0.1, threshold=0.0),
        node("AveragePooling1D", "mean", "x", pool_size=[3], strides=[2], padding="same", data_format="channels_last"),
    ]
    bias = np.add(*np.split(w["lstm"][2], 2))
    expected = {
        "lstm": theano.lstm(STEPS, *from_cudnn(*w["lstm"][:2], 4), bias, theano.sigmoid),
        "gru": gru_after(STEPS, *from_cudnn(*w["gru"][:2], 3), w["gru"][2].reshape(2, -1)),
        "hard": theano.lstm(STEPS, *w["hard"])[:, -1],
        "after": gru_after(STEPS, *w["after"]),
        "relu": np.where(STEPS > 0, np.minimum(STEPS, 0.5), 0.1 * STEPS),
        "mean": np.stack([STEPS[:, 0:3].mean(1), STEPS[:, 2:5].mean(1), STEPS[:, 4:6].mean(1)], 1),
    }
    return functional(*entries, outputs=expected), w, expected


def test_sequences(tmp_path):
    config, weights, expected = sequence_layers()
    model = kb.load_legacy(write(tmp_path / "a.h5", config, weights, **ON_TENSORFLOW))
    for name, y in zip(expected, saved_and_loaded(model, tmp_path).predict_on_batch(STEPS), strict=True):
        assert_close(np.asarray(y), expected[name])


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (4, 2), (1, 2), (2, 3)])
def test_a_transposed_convolution_is_aligned_as_on_tensorflow(kernel, stride, tmp_path):
    """`conv2d_transpose` with "same" is the gradient of a convolution with "same" of that size."""
    w, x = normal(kernel, kernel, 2, 3), normal(1, 3, 4, 5)
    window = {"kernel_size": [kernel] * 2, "strides": [stride] * 2, "data_format": "channels_last"}
    config = functional(
        fed("x", 4, 5, 3),
        node("Conv2DTranspose", "t", "x", filters=2, padding="same", use_bias=False, **window),
        outputs=["t"],
        kind="Functional",
    )
    model = kb.load_legacy(write(tmp_path / "a.h5", config, {"t": [w]}, **ON_TENSORFLOW))
    whole = np.pad(formulas.deconvolution(x, w.transpose(3, 2, 0, 1), None, (stride,) * 2), [(0, 0)] * 2 + [(0, 9)] * 2)
    start = max(kernel - stride, 0) // 2
    rows, columns = (slice(start, start + size * stride) for size in (4, 5))
    assert_close(outputs(model, x)[0], whole[:, :, rows, columns])


def conv(name, filters, **more):
    return entry(
        "Conv2D", name, filters=filters, kernel_size=[1, 1], data_format="channels_last", use_bias=True, **more
    )


def batch_normalization(name, trainable=True):
    return {
        **entry("BatchNormalization", name, axis=[3], epsilon=1e-3),
        "config": {"name": name, "trainable": trainable, "axis": [3], "epsilon": 1e-3},
    }


@pytest.mark.parametrize("frozen", [False, True])
def test_a_nested_model_has_its_trainable_weights_first(frozen, tmp_path):
    within = sequential(
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 3, 3, 2], "name": "i"}},
        conv("c", 2),
        batch_normalization("b", not frozen),
        conv("d", 2),
        name="base",
    )
    c, b, d = (
        (normal(1, 1, 2, 2), normal(2)),
        [np.abs(normal(2)) + 0.5 for _ in range(4)],
        (normal(1, 1, 2, 2), normal(2)),
    )
    held = [*c, *d, *b] if frozen else [*c, *b[:2], *d, *b[2:]]
    outer = {**within, "name": "base", "inbound_nodes": [[["x", 0, 0, {}]], [["y", 0, 0, {}]]]}
    config = functional(
        fed("x", 3, 3, 2),
        fed("y", 3, 3, 2),
        outer,
        node("Add", "add", calls=[[["base", 1, 0, {}], ["base", 2, 0, {}]]]),
        outputs=["add"],
        kind="Functional",
    )
    model = kb.load_legacy(write(tmp_path / "a.h5", config, {"base": held}, **ON_TENSORFLOW))
    x, y = normal(2, 3, 3, 2), normal(2, 3, 3, 2)

    def base(z):
        z = z @ c[0][0, 0] + c[1]
        return ((z - b[2]) / np.sqrt(b[3] + 1e-3) * b[0] + b[1]) @ d[0][0, 0] + d[1]

    assert_close(np.asarray(model.predict_on_batch([x, y])), base(x) + base(y))
    assert [layer.trainable for layer in model.get_layer("base").layers][2] is not frozen


def test_functions_of_tensorflow_that_are_layers(tmp_path):
    def function(layer, what, given, **options):
        return node("TFOpLambda", layer, calls=[[given, 0, 0, options]], function=what)

    entries = [
        fed("x", 4),
        function("a", "__operators__.add", "x", y=3.0, name=None),
        function("b", "nn.relu6", "a"),
        function("c", "math.multiply", "b", y=["x", 0, 0]),
        function("d", "math.truediv", "c", y=4),
        function("e", "math.subtract", "d", y=["x", 0, 0]),
    ]
    config = functional(*entries, outputs=["e"], kind="Functional")
    model = kb.load_legacy(write(tmp_path / "a.h5", config, {}, **ON_TENSORFLOW))
    x = normal(3, 4)
    assert_close(outputs(model, x)[0], np.clip(x + 3, 0, 6) * x / 4 - x)


def test_a_json_file_and_a_weights_file(tmp_path):
    config = sequential(dense("a", 3, batch_input_shape=[None, 4]), dense("b", 2))
    json_file = tmp_path / "model.json"
    json_file.write_text(json.dumps({**config, "keras_version": "2.2.4", "backend": "tensorflow"}))
    weights = {name: (normal(size, units), normal(units)) for name, size, units in (("p", 4, 3), ("q", 3, 2))}
    path = write(tmp_path / "weights.h5", None, weights, "2.2.4", "tensorflow")
    x = normal(2, 4)
    y = (x @ weights["p"][0] + weights["p"][1]) @ weights["q"][0] + weights["q"][1]
    assert_close(outputs(kb.load_legacy(json_file, path), x)[0], y)
    assert kb.inspect_legacy(json_file).inputs == (("a_input", (None, 4)),)
    with pytest.raises(LegacyFileError, match="a model without weights"):
        kb.load_legacy(json_file)


def weights_onto(tmp_path, model, weights, **options):
    return kb.load_legacy(write(tmp_path / "w.h5", None, weights, **options), model=model, flip_kernels=False)


def test_weights_of_keras_1_in_a_channels_last_model(tmp_path):
    layers = keras.layers
    with portable_random():
        model = keras.Sequential([keras.Input((4, 5, 3)), layers.Conv2D(2, (2, 3)), layers.Flatten(), layers.Dense(3)])
    weights = {"c": (normal(2, 3, 2, 3), normal(2)), "f": (), "d": (normal(18, 3), normal(3))}
    x = normal(2, 3, 4, 5)
    images = theano.convolution(x, weights["c"][0][:, :, ::-1, ::-1], weights["c"][1])
    y = images.reshape(2, -1) @ weights["d"][0] + weights["d"][1]
    assert_close(outputs(weights_onto(tmp_path, model, weights, version=None), x)[0], y)


def test_weights_are_matched_by_name_if_all_names_exist(tmp_path):
    layers = keras.layers
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3, name="b"), layers.Dense(3, name="a")])
    weights = {"a": (normal(3, 3), normal(3)), "b": (normal(3, 3), normal(3)), "top": (normal(3, 1), normal(1))}
    x = normal(2, 3)
    y = (x @ weights["b"][0] + weights["b"][1]) @ weights["a"][0] + weights["a"][1]
    assert_close(outputs(weights_onto(tmp_path, model, weights, **ON_TENSORFLOW), x)[0], y)


def test_adapted_statistics_of_normalization_are_used(tmp_path):
    mean, variance, x = normal(3), np.abs(normal(3)) + 0.5, normal(4, 3)
    weights = {"norm": (mean, variance, np.int64(9))}
    config = sequential(entry("Normalization", "norm", axis=[-1], batch_input_shape=[None, 3]))
    expected = (x - mean) / np.sqrt(variance)
    assert_close(outputs(kb.load_legacy(write(tmp_path / "m.h5", config, weights, **ON_TENSORFLOW)), x)[0], expected)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Normalization(name="norm")])
    assert_close(outputs(weights_onto(tmp_path, model, weights, **ON_TENSORFLOW), x)[0], expected)


def test_weights_that_do_not_fit_change_nothing(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(2)])
    before = model.get_weights()
    weights = {"a": (normal(3, 2), normal(2)), "b": (normal(3, 2), normal(2))}
    with pytest.raises(
        LegacyFileError, match=r"has weights of the shapes \(2, 2\), \(2,\); the file has \(3, 2\), \(2,\)"
    ):
        weights_onto(tmp_path, model, weights, **ON_TENSORFLOW)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_is_needed_for_weights_alone(tmp_path):
    alone = write(tmp_path / "w.h5", None, {"d": (normal(3, 2), normal(2))}, **ON_TENSORFLOW)
    with pytest.raises(ArgumentError, match=r"contains only weights: pass .* or the \.json file of the model too"):
        kb.load_legacy(alone)


def test_weights_of_an_unsupported_model_are_loaded_into_a_given_model(tmp_path):
    code = entry(
        "Lambda", "scale", function=["4wEAAAA", None, None], function_type="lambda", batch_input_shape=[None, 3]
    )
    arrays = normal(3, 2), normal(2)
    path = write(tmp_path / "m.h5", sequential(code, dense("d", 2)), {"scale": (), "d": arrays}, **ON_TENSORFLOW)
    with pytest.raises(
        LegacyFileError, match=r"'scale' \(Lambda\) contains Python code.* Its weights can still be loaded: build"
    ):
        kb.load_legacy(path)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(0.5), keras.layers.Dense(2, name="d")])
    assert kb.inspect_legacy(path, model=model).mapping[0].layer == "d"
    kb.load_legacy(path, model=model)
    x = normal(4, 3)
    np.testing.assert_allclose(kb.predict(model, x, verbose=0), 0.5 * x @ arrays[0] + arrays[1], rtol=1e-5, atol=1e-6)


def test_a_layer_that_is_too_large_for_its_weights_is_not_created(tmp_path):
    config = sequential(dense("d", 2**40, batch_input_shape=[None, 3]))
    path = write(tmp_path / "m.h5", config, {"d": (normal(3, 2), normal(2))}, **ON_TENSORFLOW)
    with pytest.raises(LegacyFileError, match=r"needs weights of the shape \(3, 1099511627776\)"):
        kb.load_legacy(path)


def test_it_can_be_trained_further(tmp_path):
    config = sequential(
        entry("LSTM", "l", batch_input_shape=[None, 6, 4], units=3, recurrent_activation="hard_sigmoid"), dense("d", 1)
    )
    weights = {"l": (normal(4, 12), normal(3, 12), normal(12)), "d": (normal(3, 1), normal(1))}
    model = kb.load_legacy(write(tmp_path / "a.h5", config, weights, **ON_TENSORFLOW))
    model.compile("adam", "mse")
    x, y = np.repeat(STEPS, 8, 0), np.repeat(normal(2, 1), 8, 0)
    losses = kb.fit(model, x, y, epochs=3, seed=0, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_averages_of_images_of_any_size_are_trained_through(tmp_path):
    pool = entry(
        "AveragePooling2D",
        "p",
        batch_input_shape=[None, None, None, 2],
        pool_size=[3, 2],
        strides=[2, 1],
        padding="same",
        data_format="channels_last",
    )
    config = sequential(pool, entry("ThresholdedReLU", "t", theta=0.1), conv("c", 1))
    weights = {"c": (np.ones((1, 1, 2, 1)), np.zeros(1))}
    model = saved_and_loaded(kb.load_legacy(write(tmp_path / "a.h5", config, weights, **ON_TENSORFLOW)), tmp_path)
    x = normal(4, 6, 5, 2)
    rows = [x[:, max(top, 0) : top + 3] for top in (0, 2, 4)]
    cells = [[row[:, :, left : left + 2].mean((1, 2)) for left in range(5)] for row in rows]
    y = np.stack([np.stack(row, 1) for row in cells], 1)
    y = (y * (y > 0.1)).sum(-1, keepdims=True)
    assert_close(np.asarray(model.predict_on_batch(x)), y)
    model.compile("sgd", "mse")
    losses = kb.fit(model, x, 2 * y, epochs=3, seed=0, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
