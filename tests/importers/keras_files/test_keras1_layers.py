"""Layers of Keras 1 on Theano, as written by Keras 1.2.2, compared with formulas; also from a .keras file."""

import numpy as np
import pytest

import kerasbridge as kb
from tests.importers import theano_formulas as theano
from tests.importers.keras_h5 import dense, entry, fed, functional, node, sequential, write
from tests.importers.nets import assert_close, normals, outputs, saved_and_loaded

pytestmark = pytest.mark.once

RANDOM = np.random.default_rng(3)

normal = normals(RANDOM)


def conv(name, border, kernel, stride=(1, 1), kind="Convolution2D", **more):
    """Return the entry of a convolution of images in the order "th"."""
    return node(
        kind,
        name,
        "x",
        nb_filter=4,
        nb_row=kernel[0],
        nb_col=kernel[1],
        init="glorot_uniform",
        activation="linear",
        border_mode=border,
        subsample=list(stride),
        dim_ordering="th",
        W_regularizer=None,
        b_regularizer=None,
        activity_regularizer=None,
        W_constraint=None,
        b_constraint=None,
        bias=True,
        **more,
    )


def pool(kind, name, window, stride, border="same"):
    return node(
        f"{kind}Pooling2D", name, "x", pool_size=[*window], strides=[*stride], border_mode=border, dim_ordering="th"
    )


X = normal(2, 3, 9, 7)
WINDOWS = {  # border mode, kernel, stride
    "valid": ("valid", (3, 2), (1, 1)),
    "same_odd": ("same", (3, 3), (1, 1)),
    "same_even": ("same", (2, 4), (1, 1)),
    "same_strided": ("same", (3, 3), (2, 3)),
    "same_even_strided": ("same", (4, 2), (3, 2)),
    "full": ("full", (3, 2), (2, 1)),
}
POOLS = {
    f"{kind}_{k}_{s}": (kind, (k, k), (s, s))
    for kind in ("Max", "Average")
    for k, s in ((2, 2), (2, 1), (3, 2), (4, 3), (5, 1))
}


def image_layers():
    """A model with every image layer, its weights, and the expected outputs by name."""
    entries, weights, expected = [fed("x", 3, 9, 7)], {}, {}
    for name, (border, kernel, stride) in WINDOWS.items():
        weights[name] = normal(4, 3, *kernel), normal(4)
        entries.append(conv(name, border, kernel, stride))
        expected[name] = theano.convolution(X, *weights[name], border, stride)
    weights["atrous"] = normal(4, 3, 2, 2), normal(4)
    entries.append(conv("atrous", "same", (2, 2), kind="AtrousConvolution2D", atrous_rate=[2, 3]))
    expected["atrous"] = theano.convolution(X, *weights["atrous"], "same", rate=(2, 3))
    for name, border, kernel, stride, goal in (
        ("transposed", "valid", (3, 2), (2, 3), (19, 20)),
        ("transposed_longer", "valid", (3, 2), (2, 1), (20, 8)),
        ("transposed_same", "same", (3, 3), (2, 2), (17, 14)),
    ):
        weights[name] = normal(4, 3, *kernel), normal(4)
        entries.append(conv(name, border, kernel, stride, "Deconvolution2D", output_shape=[None, 4, *goal]))
        expected[name] = theano.deconvolution(X, *weights[name], goal, border, stride)
    for name, (kind, window, stride) in POOLS.items():
        entries.append(pool(kind, name, window, stride))
        expected[name] = theano.pooling(X, "max" if kind == "Max" else "average", window, stride, "same")
    entries.append(pool("Average", "pool_valid", (3, 2), (2, 2), "valid"))
    expected["pool_valid"] = theano.pooling(X, "average", (3, 2), (2, 2))
    for name, axis in (("bn_channels", 1), ("bn_width", 3)):
        weights[name] = w = [normal(size := X.shape[axis]), normal(size), normal(size), np.abs(normal(size)) + 0.5]
        entries.append(node("BatchNormalization", name, "x", epsilon=0.001, mode=0, axis=axis, momentum=0.99))
        shape = [-1 if place == axis else 1 for place in range(4)]
        gamma, beta, mean, variance = (one.reshape(shape) for one in w)
        expected[name] = (X - mean) / np.sqrt(variance + 0.001) * gamma + beta
    entries.append(node("ZeroPadding2D", "pad", "x", padding=[1, 0, 2, 3]))
    expected["pad"] = np.pad(X, [(0, 0), (0, 0), (1, 0), (2, 3)])
    entries.append(node("Cropping2D", "crop", "x", cropping=[[1, 2], [0, 3]]))
    expected["crop"] = X[:, :, 1:-2, :-3]
    entries.append(node("UpSampling2D", "up", "x", size=[2, 3]))
    expected["up"] = X.repeat(2, 2).repeat(3, 3)
    entries.append(node("GlobalMaxPooling2D", "global", "x", dim_ordering="th"))
    expected["global"] = X.max((2, 3))
    entries.append(node("Flatten", "flat", "x"))
    expected["flat"] = X.reshape(2, -1)
    entries.append(node("Reshape", "shape", "x", target_shape=[9, 21]))
    expected["shape"] = X.reshape(2, 9, 21)
    entries.append(node("Permute", "turn", "x", dims=[3, 1, 2]))
    expected["turn"] = X.transpose(0, 3, 1, 2)
    slopes = normal(3, 1, 7)
    weights["prelu"] = [slopes]
    entries.append(node("PReLU", "prelu", "x", init="zero"))
    expected["prelu"] = np.where(X > 0, X, X * slopes)
    entries.append(node("Merge", "joined", "x", "prelu", mode="concat", mode_type="raw", concat_axis=1, dot_axes=-1))
    expected["joined"] = np.concatenate([X, expected["prelu"]], 1)
    entries.append(node("ThresholdedReLU", "threshold", "x", theta=0.5))
    expected["threshold"] = X * (X > 0.5)
    return functional(*entries, outputs=expected), weights, expected


IMAGE_LAYERS = image_layers()
NOT_IMAGES = {"turn"}
"""Outputs with four axes whose order is that of the file in every model."""


@pytest.fixture(scope="module", params=["channels_last", "channels_first"])
def images(request, tmp_path_factory):
    """Return the actual and the expected outputs by name, both as N, C, H, W."""
    config, weights, expected = IMAGE_LAYERS
    folder = tmp_path_factory.mktemp("images")
    model = kb.load_legacy(write(folder / "a.h5", config, weights), data_format=request.param, flip_kernels=True)
    first = request.param == "channels_first"
    x = X if first else np.moveaxis(X, 1, -1)
    model = model if first else saved_and_loaded(model, folder)
    found = dict(zip(expected, model.predict_on_batch(x), strict=True))
    back = {
        name: np.asarray(y) if first or np.ndim(y) != 4 or name in NOT_IMAGES else np.moveaxis(y, -1, 1)
        for name, y in found.items()
    }
    return {name: (back[name], expected[name]) for name in expected}


@pytest.mark.parametrize("name", IMAGE_LAYERS[2])
def test_a_layer_of_images_computes_what_theano_computed(images, name):
    assert_close(*images[name])


def test_on_tensorflow_kernels_are_not_turned(tmp_path):
    config = functional(fed("x", 3, 9, 7), conv("c", "valid", (3, 2)), outputs=["c"])
    weights = {"c": (normal(4, 3, 3, 2), normal(4))}
    model = kb.load_legacy(write(tmp_path / "a.h5", config, weights), flip_kernels=False)
    turned = weights["c"][0][:, :, ::-1, ::-1]
    assert_close(outputs(model, X)[0], theano.convolution(X, turned, weights["c"][1]))


STEPS = normal(2, 7, 5)


def recurrent(kind, name, units, **more):
    return node(
        kind,
        name,
        "x",
        output_dim=units,
        init="glorot_uniform",
        inner_init="orthogonal",
        activation="tanh",
        inner_activation="hard_sigmoid",
        return_sequences=True,
        go_backwards=False,
        stateful=False,
        unroll=False,
        consume_less=more.pop("consume_less", "cpu"),
        W_regularizer=None,
        U_regularizer=None,
        b_regularizer=None,
        dropout_W=0.1,
        dropout_U=0.2,
        input_dim=5,
        input_length=7,
        **more,
    )


def gates(letters, units):
    """Return W, U, b by the letter of each gate."""
    return {letter: (normal(5, units), normal(units, units), normal(units)) for letter in letters}


def joined(found, letters):
    """Concatenate the arrays of gates in some order."""
    return [np.concatenate([found[letter][which] for letter in letters], -1) for which in range(3)]


def sequence_layers():
    entries, weights, expected = [fed("x", 7, 5)], {}, {}
    i, z, back = gates("icfo", 3), gates("zrh", 4), gates("icfo", 3)
    entries.append(recurrent("LSTM", "lstm", 3, forget_bias_init="one"))
    weights["lstm"], expected["lstm"] = sum(i.values(), ()), theano.lstm(STEPS, *joined(i, "ifco"))
    entries.append(recurrent("LSTM", "whole", 3, consume_less="gpu"))
    weights["whole"], expected["whole"] = joined(i, "ifco"), expected["lstm"]
    entries.append(recurrent("GRU", "gru", 4))
    weights["gru"], expected["gru"] = sum(z.values(), ()), theano.gru(STEPS, *joined(z, "zrh"))
    entries.append(recurrent("SimpleRNN", "rnn", 3))
    weights["rnn"] = normal(5, 3), normal(3, 3), normal(3)
    expected["rnn"] = theano.simple_rnn(STEPS, *weights["rnn"])
    inner = recurrent("LSTM", "inner", 3)
    wrapped = {"class_name": "LSTM", "config": inner["config"]}
    entries.append(node("Bidirectional", "both", "x", layer=wrapped, merge_mode="concat"))
    weights["both"] = sum(i.values(), ()) + sum(back.values(), ())
    behind = theano.lstm(STEPS[:, ::-1], *joined(back, "ifco"))[:, ::-1]
    expected["both"] = np.concatenate([expected["lstm"], behind], -1)
    weights["each"] = normal(5, 2), normal(2)
    each = dense("d", 2, "output_dim", bias=True)
    entries.append(node("TimeDistributed", "each", "x", layer=each))
    entries.append(node("TimeDistributedDense", "old_each", "x", output_dim=2, activation="linear", bias=True))
    weights["old_each"] = weights["each"]
    expected["each"] = expected["old_each"] = STEPS @ weights["each"][0] + weights["each"][1]
    for name, border, length, step in (
        ("conv", "valid", 3, 1),
        ("conv_same", "same", 2, 2),
        ("conv_older", "same", 3, 1),
    ):
        kernel, bias = normal(4, 5, length, 1), normal(4)
        turned = kernel if name == "conv_older" else kernel.transpose(2, 3, 1, 0)
        weights[name] = turned, bias
        entries.append(
            node(
                "Convolution1D",
                name,
                "x",
                nb_filter=4,
                filter_length=length,
                border_mode=border,
                subsample_length=step,
                activation="linear",
                bias=True,
                input_dim=5,
                input_length=7,
            )
        )
        along = theano.convolution(STEPS.transpose(0, 2, 1)[..., None], kernel, bias, border, (step, 1))
        expected[name] = along[..., 0].transpose(0, 2, 1)
    entries.append(node("MaxPooling1D", "pool", "x", pool_length=2, stride=2, border_mode="same"))
    entries.append(node("AveragePooling1D", "mean", "x", pool_length=3, stride=2, border_mode="same"))
    high = STEPS.transpose(0, 2, 1)[..., None]
    for name, kind, size in (("pool", "max", 2), ("mean", "average", 3)):
        expected[name] = theano.pooling(high, kind, (size, 1), (2, 1), "same")[..., 0].transpose(0, 2, 1)
    entries.append(node("UpSampling1D", "up", "x", length=2))
    expected["up"] = STEPS.repeat(2, 1)
    entries.append(node("ZeroPadding1D", "pad", "x", padding=[1, 2]))
    expected["pad"] = np.pad(STEPS, [(0, 0), (1, 2), (0, 0)])
    entries += [node("Activation", "gate", "x", activation="hard_sigmoid"), node("ELU", "elu", "x", alpha=0.5)]
    expected["gate"] = theano.hard_sigmoid(STEPS)
    expected["elu"] = np.where(STEPS > 0, STEPS, 0.5 * (np.exp(STEPS) - 1))
    entries.append(node("LeakyReLU", "leaky", "x", alpha=0.3))
    expected["leaky"] = np.where(STEPS > 0, STEPS, 0.3 * STEPS)
    for mode, made in (
        ("sum", lambda a, b: a + b),
        ("mul", lambda a, b: a * b),
        ("ave", lambda a, b: (a + b) / 2),
        ("max", np.maximum),
    ):
        entries.append(
            node("Merge", f"m_{mode}", "gate", "elu", mode=mode, mode_type="raw", concat_axis=-1, dot_axes=-1)
        )
        expected[f"m_{mode}"] = made(expected["gate"], expected["elu"])
    entries.append(node("Flatten", "f1", "gate"))
    entries.append(node("Flatten", "f2", "elu"))
    one, two = expected["gate"].reshape(2, -1), expected["elu"].reshape(2, -1)
    entries.append(node("Merge", "m_dot", "f1", "f2", mode="dot", mode_type="raw", concat_axis=-1, dot_axes=[1, 1]))
    expected["m_dot"] = (one * two).sum(1, keepdims=True)
    entries.append(node("Merge", "m_cos", "f1", "f2", mode="cos", mode_type="raw", concat_axis=-1, dot_axes=[1, 1]))
    length = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    expected["m_cos"] = (expected["m_dot"][:, 0] / length)[:, None, None]
    entries.append(node("BatchNormalization", "batch", "f1", epsilon=0.001, mode=2, axis=-1, momentum=0.99))
    weights["batch"] = [normal(35), normal(35), normal(35), normal(35)]
    deviation = np.sqrt(one.var(0) + 0.001)
    expected["batch"] = (one - one.mean(0)) / deviation * weights["batch"][0] + weights["batch"][1]
    return functional(*entries, outputs=expected), weights, expected


SEQUENCE_LAYERS = sequence_layers()


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    config, weights, expected = SEQUENCE_LAYERS
    folder = tmp_path_factory.mktemp("sequences")
    model = kb.load_legacy(write(folder / "a.h5", config, weights), flip_kernels=True)
    found = saved_and_loaded(model, folder).predict_on_batch(STEPS)
    return {name: (np.asarray(y), expected[name]) for name, y in zip(expected, found, strict=True)}


@pytest.mark.parametrize("name", SEQUENCE_LAYERS[2])
def test_a_layer_of_sequences_computes_what_theano_computed(sequences, name):
    assert_close(*sequences[name])


def test_branches_of_a_merge_are_nested_models(tmp_path):
    branches = [
        sequential(dense(f"d{place}", 3, "output_dim", bias=True, batch_input_shape=[None, 4]), old=True)
        for place in range(2)
    ]
    merge = {"class_name": "Merge", "config": {"name": "m", "mode": "mul", "mode_type": "raw", "layers": branches}}
    config = sequential(merge, dense("last", 2, "output_dim", bias=True), old=True)
    weights = {
        name: (normal(size, units), normal(units)) for name, size, units in (("d0", 4, 3), ("d1", 4, 3), ("last", 3, 2))
    }
    model = kb.load_legacy(write(tmp_path / "a.h5", config, weights))
    a, b = normal(2, 4), normal(2, 4)
    product = (a @ weights["d0"][0] + weights["d0"][1]) * (b @ weights["d1"][0] + weights["d1"][1])
    assert_close(outputs(model, a, b)[0], product @ weights["last"][0] + weights["last"][1])


def test_volumes_are_flipped_along_three_axes(tmp_path):
    x, kernel = normal(2, 2, 5, 4, 6), normal(3, 2, 2, 1, 2)
    config = sequential(
        entry(
            "Convolution3D",
            "c",
            batch_input_shape=[None, 2, 5, 4, 6],
            nb_filter=3,
            kernel_dim1=2,
            kernel_dim2=1,
            kernel_dim3=2,
            border_mode="valid",
            subsample=[1, 1, 1],
            dim_ordering="th",
            activation="relu",
            bias=False,
        ),
        old=True,
    )
    model = kb.load_legacy(
        write(tmp_path / "a.h5", config, {"c": [kernel]}), data_format="channels_first", flip_kernels=True
    )
    y = np.zeros((2, 3, 4, 4, 5))
    for d, h, w in np.ndindex(2, 1, 2):
        part = x[:, :, 1 - d : 5 - d, :, 1 - w : 6 - w]
        y += np.einsum("ncdhw,fc->nfdhw", part, kernel[:, :, d, h, w])
    assert_close(np.asarray(model.predict_on_batch(x)), np.maximum(y, 0))


def test_an_embedding_and_the_layers_after_it(tmp_path):
    words = RANDOM.integers(0, 6, (2, 5))
    config = sequential(
        entry(
            "Embedding",
            "e",
            batch_input_shape=[None, 5],
            input_dtype="int32",
            input_dim=6,
            output_dim=3,
            init="uniform",
            input_length=5,
            mask_zero=False,
            dropout=0.2,
            W_regularizer=None,
            W_constraint=None,
        ),
        entry("Flatten", "f"),
        entry("RepeatVector", "r", n=2),
        old=True,
    )
    vectors = normal(6, 3)
    model = kb.load_legacy(path := write(tmp_path / "a.h5", config, {"e": [vectors]}))
    assert_close(outputs(model, words)[0], vectors[words].reshape(2, 1, 15).repeat(2, 1))
    assert "e: dropout of whole words is left out" in str(kb.inspect_legacy(path))


def test_a_convolutional_lstm_has_the_weights_that_keras_2_has(tmp_path):
    kernels, recurrent, biases = ([normal(*shape) for _ in "icfo"] for shape in ((2, 3, 3, 3), (2, 2, 3, 3), (2,)))
    shape = {"name": "l", "batch_input_shape": [None, 2, 3, 5, 4], "return_sequences": False}
    windows = {"nb_filter": 2, "nb_row": 3, "nb_col": 3, "border_mode": "same", "dim_ordering": "th"}
    old = sequential(entry("ConvLSTM2D", **shape, **windows, inner_activation="hard_sigmoid"), old=True)
    each = [array for gate in zip(kernels, recurrent, biases, strict=True) for array in gate]
    model = kb.load_legacy(write(tmp_path / "old.h5", old, {"l": each}), flip_kernels=True)
    windows = {"filters": 2, "kernel_size": [3, 3], "padding": "same", "data_format": "channels_first"}
    new = sequential(entry("ConvLSTM2D", **shape, **windows, recurrent_activation="hard_sigmoid"))
    whole = [
        np.concatenate([arrays[gate].transpose(2, 3, 1, 0)[::-1, ::-1] for gate in (0, 2, 1, 3)], -1)
        for arrays in (kernels, recurrent)
    ]
    whole.append(np.concatenate([biases[gate] for gate in (0, 2, 1, 3)]))
    expected = kb.load_legacy(write(tmp_path / "new.h5", new, {"l": whole}, "2.3.1", "tensorflow"))
    x = np.moveaxis(normal(2, 2, 3, 5, 4), 2, -1)
    assert_close(np.asarray(model.predict_on_batch(x)), np.asarray(expected.predict_on_batch(x)))


def test_a_sequential_within_a_sequential_has_its_weights_by_their_own_names(tmp_path):
    within = sequential(dense("a", 3, "output_dim", bias=True, batch_input_shape=[None, 4]), old=True)
    config = sequential(within, dense("b", 2, "output_dim", bias=True), old=True)
    weights = {"a": (normal(4, 3), normal(3)), "b": (normal(3, 2), normal(2))}
    x = normal(5, 4)
    y = (x @ weights["a"][0] + weights["a"][1]) @ weights["b"][0] + weights["b"][1]
    assert_close(outputs(kb.load_legacy(write(tmp_path / "a.h5", config, weights)), x)[0], y)
