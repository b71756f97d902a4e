"""Layers of Keras 1 and 2 that Keras 3 no longer has, and RNN of cells, compared with formulas; also from a file."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge import layers
from kerasbridge.errors import LegacyFileError
from kerasbridge.keras_compat import keras
from kerasbridge.random.keras_patch import portable_random
from tests.importers import theano_formulas as theano
from tests.importers.keras_files import removed_layer_formulas as formulas
from tests.importers.keras_h5 import entry, fed, functional, node, sequential, write
from tests.importers.nets import assert_close, normals, saved_and_loaded

pytestmark = pytest.mark.once

RANDOM = np.random.default_rng(7)
ON_TENSORFLOW = {"version": "2.11.0", "backend": "tensorflow"}
X = RANDOM.normal(size=(2, 3, 7, 6)).astype(np.float32)
STEPS = RANDOM.normal(size=(2, 7, 3)).astype(np.float32)

normal = normals(RANDOM)


def assert_outputs(found, expected):
    """Compare the outputs of a model with the expected outputs by name."""
    for (name, y), one in zip(expected.items(), found, strict=True):
        assert np.shape(one) == y.shape, name
        assert_close(np.asarray(one), y)


def image_layers():
    """Layers of Keras 1 on Theano, in the order "th"."""
    windows = {"nb_filter": 4, "nb_row": 3, "nb_col": 2, "subsample": [2, 1], "border_mode": "valid"}
    w = {
        "local": (normal(15, 18, 4), normal(3, 5, 4)),
        "plain": (normal(15, 18, 4),),
        "bent": [normal(3, 7, 6) for _ in range(4)],
        "shared": [normal(3, 1, 1) for _ in range(4)],
        "soft": [normal(3, 7, 6) for _ in range(2)],
    }
    entries = [
        fed("x", 3, 7, 6),
        node("LocallyConnected2D", "local", "x", bias=True, activation="tanh", dim_ordering="th", **windows),
        node("LocallyConnected2D", "plain", "x", bias=False, activation="linear", dim_ordering="th", **windows),
        *(node("SReLU", name, "x", a_left_init="glorot_uniform", t_left_init="zero") for name in ("bent", "shared")),
        node("ParametricSoftplus", "soft", "x", alpha_init=0.2, beta_init=5.0),
    ]
    expected = {
        "local": np.tanh(formulas.local_conv(X, *w["local"], (3, 2), (2, 1), (3, 5))),
        "plain": formulas.local_conv(X, *w["plain"], None, (3, 2), (2, 1), (3, 5)),
        "bent": formulas.srelu(X, *w["bent"], on_theano=True),
        "shared": formulas.srelu(X, *w["shared"], on_theano=True),
        "soft": formulas.parametric_softplus(X, *w["soft"]),
    }
    return functional(*entries, outputs=expected), w, expected


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_layers_of_images_compute_what_theano_computed(data_format, tmp_path):
    config, weights, expected = image_layers()
    model = kb.load_legacy(write(tmp_path / "a.h5", config, weights), data_format=data_format, flip_kernels=True)
    if data_format == "channels_first":
        assert_outputs(model.predict_on_batch(X), expected)
    else:
        found = saved_and_loaded(model, tmp_path).predict_on_batch(np.moveaxis(X, 1, -1))
        assert_outputs([np.moveaxis(one, -1, 1) for one in found], expected)


@pytest.mark.parametrize("on_theano", [True, False])
def test_layers_of_numbers_compute_what_keras_1_computed(on_theano, tmp_path):
    x, square, row = normal(4, 5), (5, 5), (5,)
    w = {
        "old": [normal(*square), normal(*row), normal(*square), normal(*row)],
        "maxout": [normal(3, 5, 2), normal(3, 2)],
        "bent": [normal(5) for _ in range(4)],
    }
    w["highway"] = [w["old"][place] for place in (0, 2, 1, 3)]  # since 1.2 the kernels are first
    w["bare"], w["one"] = w["highway"][:2], w["maxout"][:1]
    entries = [fed("x", 5), node("SReLU", "bent", "x", a_left_init="glorot_uniform")]
    entries += [
        node("Highway", "old", "x", activation="tanh", transform_bias=-2, W_regularizer={"name": "L1L2", "l2": 0.01}),
        node("Highway", "highway", "x", activation="tanh", bias=True, init="glorot_uniform"),
        node("Highway", "bare", "x", activation="tanh", bias=False),
        node("MaxoutDense", "maxout", "x", output_dim=2, nb_feature=3, bias=True),
        node("MaxoutDense", "one", "x", output_dim=2, nb_feature=3, bias=False),
    ]
    expected = {
        "bent": formulas.srelu(x, *w["bent"], on_theano),
        "old": formulas.highway(x, *w["old"]),
        "highway": formulas.highway(x, *w["old"]),
        "bare": formulas.highway(x, w["old"][0], 0, w["old"][2], 0),
        "maxout": formulas.maxout(x, *w["maxout"]),
        "one": formulas.maxout(x, *w["one"], 0),
    }
    path = write(tmp_path / "a.h5", functional(*entries, outputs=expected), w)
    assert_outputs(
        saved_and_loaded(kb.load_legacy(path, flip_kernels=on_theano), tmp_path).predict_on_batch(x), expected
    )
    with pytest.raises(LegacyFileError, match="'bent': the file does not record which backend"):
        kb.load_legacy(path)


def test_they_are_called_for_every_time_step(tmp_path):
    square = [(normal(3, 3)) for _ in range(2)] + [normal(3) for _ in range(2)]
    w = {"highway": square, "bent": [normal(3) for _ in range(4)], "images": [normal(3, 7, 6) for _ in range(2)]}
    inner = {"highway": entry("Highway", "i", activation="tanh", bias=True), "images": entry("ParametricSoftplus", "i")}
    inner["bent"] = entry("SReLU", "i", a_left_init="glorot_uniform")
    inner["kept"] = entry("ThresholdedReLU", "i", theta=0.5)
    conv = entry(
        "Convolution2D", "i", nb_filter=3, nb_row=1, nb_col=1, dim_ordering="th", border_mode="valid", bias=False
    )
    films = normal(2, 4, 3, 7, 6)
    entries = [fed("x", 7, 3), fed("films", 4, 3, 7, 6), node("TimeDistributed", "conv", "films", layer=conv)]
    entries += [
        node("TimeDistributed", name, "conv" if name == "images" else "x", layer=layer) for name, layer in inner.items()
    ]
    w["conv"] = [kernel := normal(3, 3, 1, 1)]
    expected = {
        "highway": formulas.highway(STEPS, *(square[place] for place in (0, 2, 1, 3))),
        "bent": formulas.srelu(STEPS, *w["bent"], on_theano=True),
        "kept": STEPS * (STEPS > 0.5),
        "images": formulas.parametric_softplus(np.einsum("ntchw,fc->ntfhw", films, kernel[..., 0, 0]), *w["images"]),
    }
    path = write(tmp_path / "a.h5", functional(*entries, outputs=expected), w)
    model = kb.load_legacy(path, data_format="channels_first", flip_kernels=True)
    assert_outputs(model.predict_on_batch([STEPS, films]), expected)


def test_keras_2_kept_two_of_them_with_the_names_of_keras_1(tmp_path):
    x, w = normal(4, 5), {"m": [normal(2, 5, 5), normal(2, 5)], "h": [normal(5, 5), normal(5, 5), normal(5), normal(5)]}
    config = sequential(
        entry("MaxoutDense", "m", batch_input_shape=[None, 5], output_dim=5, nb_feature=2, bias=True),
        entry("Highway", "h", activation="tanh", bias=True, init={"class_name": "VarianceScaling", "config": {}}),
    )
    model = kb.load_legacy(write(tmp_path / "a.h5", config, w, "2.1.6", "theano"))
    y = formulas.maxout(x, *w["m"])
    assert_outputs([model.predict_on_batch(x)], {"h": formulas.highway(y, *(w["h"][place] for place in (0, 2, 1, 3)))})


LOCAL = [
    (implementation, padding, first, axes)
    for implementation in (2, 3)
    for padding in ("valid", "same")
    for first in (False, True)
    for axes in (1, 2)
]
SIZE, STRIDES = {1: (4,), 2: (3, 2)}, {1: (3,), 2: (2, 1)}


def locally_connected_layers():
    """Layers of Keras 2 with a matrix from all inputs to all outputs, dense (2) or sparse (3)."""
    entries, w, expected = [fed("x", 7, 6, 3), node("Reshape", "steps", "x", target_shape=[14, 9])], {}, {}
    x = np.moveaxis(X, 1, -1)
    for place, (implementation, padding, first, axes) in enumerate(LOCAL):
        given, taken = (x, "x") if axes == 2 else (x.reshape(2, 14, 9), "steps")
        given = np.moveaxis(given, -1, 1) if first else given
        sizes, channels = given.shape[2:] if first else given.shape[1:-1], given.shape[1 if first else -1]
        windows = [*zip(sizes, SIZE[axes], STRIDES[axes], strict=True)]
        places = tuple(-(-n // s) if padding == "same" else (n - k) // s + 1 for n, k, s in windows)
        at = formulas.pairs(sizes, places, SIZE[axes], STRIDES[axes], padding, channels, 2, first)
        kernel, bias = normal(len(at)), normal(*places, 2)
        goes_in, comes_out = given[0].size, 2 * int(np.prod(places))
        whole = formulas.matrix(kernel, at, (comes_out, goes_in))
        name, turned = f"l{place}", f"t{place}"
        entries.append(
            node("Permute", turned, taken, dims=[axes + 1, *range(1, axes + 1)] if first else [*range(1, axes + 2)])
        )
        entries.append(
            node(
                f"LocallyConnected{axes}D",
                name,
                turned,
                filters=2,
                kernel_size=[*SIZE[axes]],
                strides=[*STRIDES[axes]],
                padding=padding,
                use_bias=axes == 2,
                data_format="channels_first" if first else "channels_last",
                implementation=implementation,
            )
        )
        shape = (channels, *sizes, 2, *places) if first else (*sizes, channels, *places, 2)
        masked = np.where(whole.T == 0, 9, whole.T).reshape(shape)  # weights outside of windows are ignored
        w[name] = [masked if implementation == 2 else kernel, *([bias] if axes == 2 else [])]
        y = (given.reshape(2, -1) @ whole.T).reshape(2, *((2, *places) if first else (*places, 2)))
        entries.append(node("Flatten", f"f{place}", name))
        expected[f"f{place}"] = (y + (bias.reshape(y.shape[1:]) if axes == 2 else 0)).reshape(2, -1)
    return functional(*entries, outputs=expected, kind="Functional"), w, expected


def test_every_implementation_of_unshared_kernels_is_converted(tmp_path):
    config, w, expected = locally_connected_layers()
    path = write(tmp_path / "a.h5", config, w, **ON_TENSORFLOW)
    assert_outputs(kb.load_legacy(path).predict_on_batch(np.moveaxis(X, 1, -1)), expected)


def test_unshared_kernels_of_the_first_implementation(tmp_path):
    w = {"l": (normal(3, 9, 4), normal(3, 4)), "t": (normal(15, 12, 2), normal(3, 5, 2))}
    each = entry(
        "LocallyConnected2D",
        "i",
        filters=2,
        kernel_size=[2, 2],
        strides=[3, 1],
        padding="valid",
        data_format="channels_last",
        use_bias=True,
    )
    entries = [
        fed("x", 7, 3),
        fed("y", 2, 8, 6, 3),
        node("LocallyConnected1D", "l", "x", filters=4, kernel_size=[3], strides=[2], padding="valid", use_bias=True),
        node("TimeDistributed", "t", "y", layer=each),
    ]
    y = normal(2, 2, 8, 6, 3)
    expected = {"l": formulas.local_conv_last(STEPS, *w["l"], (3,), (2,), (3,))}
    steps = [formulas.local_conv_last(y[:, step], *w["t"], (2, 2), (3, 1), (3, 5)) for step in range(2)]
    expected["t"] = np.stack(steps, 1)
    model = kb.load_legacy(write(tmp_path / "a.h5", functional(*entries, outputs=expected), w, **ON_TENSORFLOW))
    assert_outputs(saved_and_loaded(model, tmp_path).predict_on_batch([STEPS, y]), expected)


def cell(kind, units, **more):
    gates = {} if kind == "SimpleRNNCell" else {"recurrent_activation": "hard_sigmoid"}
    return entry(kind, f"c{units}", units=units, activation="tanh", use_bias=True, **gates, **more)


def weights_of(gates, width, units):
    return [normal(width, gates * units), normal(units, gates * units), normal(gates * units)]


def test_recurrent_layers_around_cells(tmp_path):
    a, b, c = weights_of(4, 3, 4), weights_of(3, 4, 5), weights_of(1, 5, 2)
    w = {"one": a, "stack": [*a, *b, *c], "both": [*a, *weights_of(4, 3, 4)], "single": a}
    stack = entry(
        "StackedRNNCells",
        "s",
        cells=[cell("LSTMCell", 4), cell("GRUCell", 5, reset_after=False), cell("SimpleRNNCell", 2)],
    )
    options = {"return_state": False, "go_backwards": False, "stateful": False, "unroll": False}
    inner = entry("RNN", "inner", cell=cell("LSTMCell", 4), return_sequences=True, **options)
    single = entry("StackedRNNCells", "s", cells=[cell("LSTMCell", 4)])
    entries = [
        fed("x", 7, 3),
        node("RNN", "one", "x", cell=cell("LSTMCell", 4), return_sequences=True, **options),
        node("RNN", "stack", "x", cell=stack, return_sequences=True, **options),
        node("Bidirectional", "both", "x", layer=inner, merge_mode="concat"),
        node("RNN", "single", "x", cell=single, return_sequences=False, **{**options, "go_backwards": True}),
    ]
    one = theano.lstm(STEPS, *a)
    behind = theano.lstm(STEPS[:, ::-1], *w["both"][3:])[:, ::-1]
    expected = {
        "one": one,
        "stack": theano.simple_rnn(theano.gru(one, *b), *c),
        "both": np.concatenate([one, behind], -1),
        "single": theano.lstm(STEPS[:, ::-1], *a)[:, -1],
    }
    model = kb.load_legacy(write(tmp_path / "a.h5", functional(*entries, outputs=expected), w, "2.2.4", "tensorflow"))
    assert_outputs(saved_and_loaded(model, tmp_path).predict_on_batch(STEPS), expected)


def test_weights_alone_are_loaded_into_them(tmp_path):
    with portable_random():
        x = keras.Input((5, 6, 3))
        y = layers.LocallyConnected2D(2, (2, 3), (1, 2), name="local")(x)
        y = layers.SReLU(name="bent")(y)
        y = keras.layers.Reshape((4, 4))(y)
        y = keras.layers.RNN([keras.layers.LSTMCell(3), keras.layers.GRUCell(2)], name="rnn")(y)
        y = layers.MaxoutDense(3, 2, name="maxout")(y)
        model = keras.Model(x, layers.Highway(name="highway")(y))
    before = model.predict_on_batch(images := normal(2, 5, 6, 3))
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    at = formulas.pairs((5, 6), (4, 2), (2, 3), (1, 2), "valid", 3, 2, False)
    dense = np.zeros((16, 90))
    for place, (row, column) in enumerate(np.ndindex(4, 2)):
        cells = [r * 6 + c for r in (row, row + 1) for c in range(2 * column, 2 * column + 3)]
        columns = [cell * 3 + channel for cell in cells for channel in range(3)]
        dense[2 * place : 2 * place + 2, columns] = weights["local"][0][place].T
    weights["local"][0] = dense[tuple(np.transpose(at))]
    path = write(tmp_path / "w.h5", None, weights, **ON_TENSORFLOW)
    for layer in model.layers:
        layer.set_weights([np.zeros_like(array) for array in layer.get_weights()])
    assert_outputs([kb.load_legacy(path, model=model).predict_on_batch(images)], {"highway": np.asarray(before)})


def test_other_layers_are_converted(tmp_path):
    """Formulas of `einsum_dense.py`, `kernelized.py` and `spectral_normalization.py` of Keras 2; Discretization, …"""
    w = {
        "einsum": [normal(3, 2, 4), normal(4)],
        "waves": [np.array([0.7]), normal(21, 5), normal(5)],
        "spectral": [normal(3, 4), normal(4), normal(1, 4)],
    }
    dense = entry("Dense", "d", units=4, activation="linear", use_bias=True)
    entries = [
        fed("x", 7, 3), node("Flatten", "f", "x", data_format="channels_last"),
        node("EinsumDense", "einsum", "x", equation="abc,cde->abde", output_shape=[None, 2, 4], bias_axes="e",
             activation="tanh"),
        node("RandomFourierFeatures", "waves", "f", output_dim=5, scale=0.7, kernel_initializer="gaussian"),
        node("SpectralNormalization", "spectral", "x", layer=dense, power_iterations=2),
        node("Discretization", "bins", "f", bin_boundaries=[-0.5, 0.5], output_mode="int", dtype="int64"),
        node("CategoryEncoding", "counts", "bins", num_tokens=3, output_mode="count", sparse=False),
        node("RandomWidth", "same", "x", factor=0.3), node("AddMetric", "metric", "same", aggregation="mean"),
    ]  # fmt: skip
    flat = STEPS.reshape(2, -1)
    bins = (flat[..., None] >= np.array([-0.5, 0.5])).sum(-1)
    expected = {
        "einsum": np.tanh(np.einsum("abc,cde->abde", STEPS, w["einsum"][0]) + w["einsum"][1]),
        "waves": np.cos(flat @ (w["waves"][1] / 0.7) + w["waves"][2]),
        "spectral": STEPS @ w["spectral"][0] + w["spectral"][1],
        "counts": np.stack([(bins == number).sum(1) for number in range(3)], 1).astype(float),
        "metric": STEPS,
    }
    path = write(tmp_path / "a.h5", functional(*entries, outputs=expected), w, **ON_TENSORFLOW)
    assert_outputs(saved_and_loaded(kb.load_legacy(path), tmp_path).predict_on_batch(STEPS), expected)
    assert "same: the random width is left out" in str(kb.inspect_legacy(path))


DAMAGED = {
    "LocallyConnected1D": ({"filters": 2, "kernel_size": [2**40], "strides": [1]}, [(2, 2, 2), (2, 2)]),
    "LocallyConnected2D": (
        {"filters": 2, "kernel_size": [2**30, 9], "strides": [1, 1], "padding": "same", "implementation": 3,
         "data_format": "channels_last"}, [(9,), (7, 3, 2)],
    ),
    "LocallyConnected1D ": ({"filters": 2**40, "kernel_size": [2], "strides": [1]}, [(6, 6, 2), (6, 2)]),
    "MaxoutDense": ({"output_dim": 2**40, "nb_feature": 2**20}, [(2, 3, 4), (2, 4)]),
    "Highway": ({}, [(3, 2), (2,), (3, 2), (2,)]),
    "SReLU": ({}, [(2, 1)] * 4),
    "EinsumDense": ({"equation": "abc,cd->abd", "output_shape": [None, 2**40]}, [(3, 4)]),
    "RandomFourierFeatures": ({"output_dim": 2**40}, [(1,), (3, 4), (4,)]),
    "RNN": ({"cell": cell("GRUCell", 2**40)}, [(3, 6), (2, 6), (6,)]),
    "Bidirectional": ({"layer": entry("RNN", "r", cell=cell("LSTMCell", 2**40))}, [(3, 8), (2, 8), (8,)] * 2),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_wrong_weights_are_rejected_before_memory_is_allocated(kind, tmp_path):
    config, shapes = DAMAGED[kind]
    taken = {"LocallyConnected2D": (7, 3, 3), "Highway": (3,), "MaxoutDense": (3,), "RandomFourierFeatures": (3,)}
    fitting = functional(fed("x", *taken.get(kind, (7, 3))), node(kind.strip(), "l", "x", **config), outputs=["l"])
    path = write(tmp_path / "a.h5", fitting, {"l": [normal(*shape) for shape in shapes]}, **ON_TENSORFLOW)
    with pytest.raises(LegacyFileError, match="'l'"):
        kb.load_legacy(path)
