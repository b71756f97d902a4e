"""Each layer with PyTorch weights, compared with the PyTorch formula, on every backend, from both kinds of files."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.importers import torch_formulas as torch
from tests.importers.nets import assert_close, outputs, saved_and_loaded
from tests.unit.importers.torch_files import safe, zipped

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("drawn_on_the_host")]

L = keras.layers
DRAW = np.random.default_rng(3)


def drawn(shapes):
    """Return a random state dict with these shapes; variances are positive."""
    return {
        name: (DRAW.uniform(0.5, 1.5, shape) if "var" in name else DRAW.normal(0, 0.4, shape)).astype("f4")
        for name, shape in shapes.items()
    }


def module(state, prefix):
    """Return the parameters of one module by their own names."""
    return {name.removeprefix(f"{prefix}."): one for name, one in state.items() if name.startswith(f"{prefix}.")}


def normalization(prefix, size):
    return {f"{prefix}.{role}": (size,) for role in ("weight", "bias", "running_mean", "running_var")}


def write(folder, state, kind):
    """Write the state dict to a file and return its path."""
    path = folder / f"state.{kind}"
    path.write_bytes(zipped(state) if kind == "pt" else safe(state))
    return path


IMAGES = {
    "conv1.weight": (6, 2, 3, 2), "conv1.bias": (6,), **normalization("bn1", 6),
    "depth.weight": (12, 1, 3, 3), "depth.bias": (12,), "apart.weight": (12, 1, 2, 2), "pixels.weight": (5, 12, 1, 1),
    "pixels.bias": (5,), "prelu.weight": (5,), "up.weight": (5, 4, 3, 3), "up.bias": (4,),
    "gn.weight": (4,), "gn.bias": (4,), "ln.weight": (4, 9, 7), "ln.bias": (4, 9, 7), "one.weight": (1,),
    **normalization("bn2", 252), "fc1.weight": (24, 252), "fc1.bias": (24,), "last.weight": (3, 2, 2, 2),
    "last.bias": (3,),
}  # fmt: skip


def images_by_formula(x, state):
    p = {name: module(state, name) for name in {name.partition(".")[0] for name in state}}
    x = torch.batch_norm(torch.conv2d(x, p["conv1"], groups=2), p["bn1"])
    x = torch.conv2d(torch.conv2d(x, p["depth"], groups=6), p["apart"], groups=12)
    x = torch.prelu(torch.conv2d(x, p["pixels"]), p["prelu"])
    x = torch.layer_norm(torch.group_norm(torch.conv_transpose2d(x, p["up"], 2), p["gn"], 2), p["ln"])
    x = torch.batch_norm(torch.prelu(x, p["one"]).reshape(len(x), -1), p["bn2"])
    x = torch.linear(x, p["fc1"]).reshape(len(x), 2, 3, 4)
    return torch.conv2d(x, p["last"])


def images_model():
    return keras.Sequential(
        [
            keras.Input((9, 7, 4)),
            L.Conv2D(6, (3, 2), groups=2),
            L.BatchNormalization(epsilon=1e-5),
            L.DepthwiseConv2D(3, depth_multiplier=2),
            L.SeparableConv2D(5, 2),
            L.PReLU(shared_axes=[1, 2]),
            L.Conv2DTranspose(4, 3, strides=2),
            L.GroupNormalization(2, epsilon=1e-5),
            L.LayerNormalization(axis=[1, 2, 3], epsilon=1e-5),
            L.PReLU(shared_axes=[1, 2, 3]),
            L.Flatten(),
            L.BatchNormalization(epsilon=1e-5),
            L.Dense(24),
            L.Reshape((3, 4, 2)),
            L.Conv2D(3, 2),
        ]
    )


RECURRENT = {
    "emb.weight": (11, 5),
    **{f"lstm.{role}_l0{way}": shape for way in ("", "_reverse")
       for role, shape in {"weight_ih": (12, 5), "weight_hh": (12, 3), "bias_ih": (12,), "bias_hh": (12,)}.items()},
    **{f"lstm.{role}_l1{way}": shape for way in ("", "_reverse")
       for role, shape in {"weight_ih": (12, 6), "weight_hh": (12, 3), "bias_ih": (12,), "bias_hh": (12,)}.items()},
    "gru.weight_ih_l0": (12, 6), "gru.weight_hh_l0": (12, 4), "gru.bias_ih_l0": (12,), "gru.bias_hh_l0": (12,),
    "rnn.weight_ih_l0": (8, 4), "rnn.weight_hh_l0": (8, 8), "rnn.bias_ih_l0": (8,), "rnn.bias_hh_l0": (8,),
    "attention.in_proj_weight": (24, 8), "attention.in_proj_bias": (24,), "attention.out_proj.weight": (8, 8),
    "attention.out_proj.bias": (8,), "norm.weight": (8,), "norm.bias": (8,), "fc.weight": (3, 48), "fc.bias": (3,),
}  # fmt: skip


def recurrent_by_formula(x, state):
    p = {name: module(state, name) for name in {name.partition(".")[0] for name in state}}
    x = torch.embedding(x, p["emb"])
    x = torch.bidirectional_lstm(torch.bidirectional_lstm(x, p["lstm"], 0), p["lstm"], 1)
    x = torch.rnn(torch.gru(x, p["gru"]), p["rnn"])
    x = torch.layer_norm(x + torch.multihead_attention(x, p["attention"], 2), p["norm"])
    return torch.linear(x.reshape(len(x), -1), p["fc"])


def recurrent_model():
    words = keras.Input((6,), dtype="int32")
    x = L.Embedding(11, 5)(words)
    x = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    x = L.Bidirectional(L.RNN(L.LSTMCell(3), return_sequences=True))(x)
    x = L.SimpleRNN(8, return_sequences=True)(L.GRU(4, return_sequences=True)(x))
    x = L.LayerNormalization(epsilon=1e-5)(L.Add()([x, L.MultiHeadAttention(2, 4)(x, x)]))
    return keras.Model(words, L.Dense(3)(L.Flatten()(x)))


def assert_sorted_names_suffice(state, model, expected, folder):
    """Assert that a file with sorted names gives the model the same weights."""
    kb.load_legacy(write(folder, state, "safetensors"), model=model)
    for one, other in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_of_images(tmp_path):
    state, x = drawn(IMAGES), DRAW.normal(size=(2, 4, 9, 7)).astype("f4")
    model = kb.load_legacy(write(tmp_path, state, "pt"), model=images_model())
    assert_close(outputs(saved_and_loaded(model, tmp_path), x)[0], images_by_formula(x, state))
    assert_sorted_names_suffice(state, images_model(), model, tmp_path)


def test_layers_of_sequences(tmp_path):
    state, x = drawn(RECURRENT), DRAW.integers(0, 11, (2, 6))
    model = kb.load_legacy(write(tmp_path, state, "pt"), model=recurrent_model())
    assert_close(outputs(model, x)[0], recurrent_by_formula(x, state))
    assert_sorted_names_suffice(state, recurrent_model(), model, tmp_path)


def test_numbers_of_sixteen_bits_are_read(tmp_path):
    state, model = {"fc.weight": np.array([[0.5, 2], [1, -3]], "f2"), "fc.bias": np.ones(2, "f2")}, keras.Sequential()
    model.add(keras.Input((2,)))
    model.add(L.Dense(2))
    brain = {name: (one.astype("f4").view("u4") >> 16).astype("<u2") for name, one in state.items()}
    for kind, given in (("pt", state), ("safetensors", state), ("safetensors", brain)):
        model.set_weights([np.zeros((2, 2)), np.zeros(2)])
        kb.load_legacy(write(tmp_path, given, kind), model=model)
        np.testing.assert_array_equal(model.get_weights()[0], state["fc.weight"].T)
