"""Recurrent layers on torch in one operation compute what those of Keras do, and their gradients, of any order."""

import contextlib
import itertools

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.engines import fast_paths
from kerasbridge.keras_compat import keras

if keras.config.backend() != "torch":
    pytest.skip("an engine of torch", allow_module_level=True)

import torch
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx

from kerasbridge.engines.torch.recurrent.layers import NAME, fused_recurrent
from kerasbridge.keras_compat.private_api import private_api

layers, ops = keras.layers, keras.ops
KINDS = ("LSTM", "GRU", "SimpleRNN")
RNG = np.random.default_rng(0)
SAMPLES, STEPS, FEATURES, UNITS = 4, 6, 3, 5
X = RNG.normal(size=(SAMPLES, STEPS, FEATURES))
MASK = RNG.random((SAMPLES, STEPS)) > 0.4
MASK[0], MASK[1], MASK[2] = False, True, np.arange(STEPS) > 2
STATES = RNG.normal(size=(2, SAMPLES, UNITS))
ROUNDING = {"float64": 1e-10, "float32": 1e-5}


@pytest.fixture(params=ROUNDING)
def dtype(request, monkeypatch):
    """Build layers in this dtype; Keras itself would multiply float64 matrices in float32."""
    monkeypatch.setitem(private_api("narrowed dtypes"), "float64", "float64")
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(policy)


def tensor(values, dtype):
    return torch.tensor(values, dtype=getattr(torch, dtype), requires_grad=True)


def call(layer, dtype="float32", fused=True, mask=None, states=None, order=1, shared=False):
    """Return the outputs and gradients of a layer, and the fast paths that it used."""
    layer.build(X.shape)
    for variable in layer.trainable_variables:
        variable.assign(np.random.default_rng(len(variable.shape)).normal(size=variable.shape) / 2)
    x, used = tensor(X, dtype), set()
    first = None if states is None else [tensor(state, dtype) for state in states]
    first = first and first[:1] * len(first) if shared else first
    with fused_recurrent() if fused else contextlib.nullcontext(), fast_paths.record(used):
        outputs = layer(x, mask=None if mask is None else torch.tensor(mask), initial_state=first)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    loss = sum((output * torch.arange(output.numel()).view(output.shape).sin()).square().sum() for output in outputs)
    inputs = [x, *(first or []), *(variable.value for variable in layer.trainable_variables)]
    gradients = torch.autograd.grad(loss, inputs, create_graph=order == 2)
    if order == 2:
        gradients += torch.autograd.grad(sum(gradient.square().sum() for gradient in gradients), inputs)
    return [*outputs, *gradients], used


def assert_alike(layer, dtype, **options):
    fused, used = call(layer, dtype, **options)
    keras_itself, _ = call(layer, dtype, fused=False, **options)
    assert used == {NAME}
    for one, other in zip(fused, keras_itself, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(
            one.detach(), other.detach(), rtol=ROUNDING[dtype], atol=ROUNDING[dtype] * float(other.detach().abs().max())
        )


@pytest.mark.parametrize("kind", KINDS)
def test_each_combination_of_options_computes_what_keras_does(kind, dtype):
    on_off = itertools.product((False, True), repeat=4)
    zeros, biases = itertools.cycle((False, True, True)), itertools.cycle((True, True, False))
    hard = "hard_sigmoid" if dtype == "float32" else "tanh"  # torch computes its gradient with 1/6 in float32
    activations = itertools.cycle(("tanh", "tanh", "relu", "tanh", "linear", "sigmoid", hard))
    for masked, backwards, every, state in on_off:
        layer = getattr(layers, kind)(
            UNITS, activation=next(activations), use_bias=next(biases), go_backwards=backwards, return_sequences=every,
            return_state=state,
        )  # fmt: skip
        layer.zero_output_for_mask = next(zeros)
        states = STATES[: len(layer.state_size)] if masked == every else None
        assert_alike(layer, dtype, mask=MASK if masked else None, states=states)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_gradients_are_those_of_keras(kind, dtype):
    for mask, state in ((None, False), (MASK, True)):
        layer = getattr(layers, kind)(UNITS, return_sequences=True, return_state=state)
        assert_alike(layer, dtype, mask=mask, states=STATES[: len(layer.state_size)], order=2, shared=state)


def test_cells_in_other_layers_are_computed_too(dtype):
    assert_alike(layers.RNN(layers.LSTMCell(UNITS), return_sequences=True), dtype, mask=MASK)
    assert_alike(layers.Bidirectional(layers.GRU(UNITS, return_sequences=True)), dtype, mask=MASK)
    assert_alike(layers.Bidirectional(layers.LSTM(UNITS)), dtype)


class Doubled(layers.LSTMCell):
    def call(self, inputs, states, training=False):
        return super().call(2 * inputs, states, training=training)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.LSTM(UNITS, recurrent_dropout=0.5),
        lambda: layers.GRU(UNITS, reset_after=False),
        lambda: layers.LSTM(UNITS, activation="gelu"),
        lambda: layers.RNN(Doubled(UNITS)),
        lambda: layers.RNN([layers.LSTMCell(UNITS), layers.GRUCell(UNITS)]),
        lambda: layers.SimpleRNN(UNITS, dtype="mixed_bfloat16"),
    ],
    ids=["recurrent dropout", "reset before", "activation", "own cell", "stacked cells", "dtype"],
)
def test_other_layers_are_computed_by_keras_to_the_last_bit(layer):
    layer = layer()
    fused, used = call(layer)
    assert not used
    for one, other in zip(fused, call(layer, fused=False)[0], strict=True):
        assert torch.equal(one, other)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_function_transforms_are_left_to_keras():
    layer = layers.LSTM(UNITS)
    layer.build(X.shape)
    x = torch.tensor(X, dtype=torch.float32)
    with fused_recurrent():
        mapped = torch.vmap(lambda rows: layer(rows))(torch.stack([x, 2 * x]))
        with forward_ad.dual_level():
            tangent = forward_ad.unpack_dual(layer(forward_ad.make_dual(x, torch.ones_like(x)))).tangent
    np.testing.assert_allclose(mapped[1].detach(), layer(2 * x).detach(), rtol=1e-5, atol=1e-6)
    shift = 1e-3
    difference = (layer(x + shift) - layer(x - shift)) / (2 * shift)
    np.testing.assert_allclose(tangent.detach(), difference.detach(), rtol=1e-2, atol=1e-3)


def operations(kind, steps, fused=True, **options):
    layer = getattr(layers, kind)(UNITS, **options)
    layer.build((SAMPLES, steps, FEATURES))

    def gradients(x, mask):
        with torch.enable_grad():
            x = x.requires_grad_()
            loss = layer(x, mask=mask if kind == "GRU" else None).square().sum()
            return torch.autograd.grad(loss, [x, *(variable.value for variable in layer.trainable_variables)])

    with fused_recurrent() if fused else contextlib.nullcontext():
        graph = make_fx(gradients)(torch.zeros(SAMPLES, steps, FEATURES), torch.ones(SAMPLES, steps, dtype=torch.bool))
    return len(graph.graph.nodes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trace_is_as_long_for_many_time_steps_as_for_few(kind):
    assert operations(kind, 4) == operations(kind, 12) < 120
    if kind == "SimpleRNN":
        assert operations(kind, 6, fused=False) > operations(kind, 4, fused=False)


def model(*recurrent, tokens=True):
    first = [keras.Input((7,)), layers.Embedding(9, 4, mask_zero=True)] if tokens else [keras.Input((7, 4))]
    return keras.Sequential([*first, *recurrent, layers.Dense(1)])


def smooth(model, batch):
    slopes = kb.grad(lambda x: ops.sum(model(x, training=True) ** 2))(batch.x)
    return ops.mean((batch.y - model(batch.x, training=True)[:, 0]) ** 2) + 0.1 * ops.mean(ops.square(slopes))


TOKENS = RNG.integers(0, 9, (24, 7)) * (np.arange(7) < RNG.integers(0, 8, (24, 1)))
NUMBERS = RNG.normal(size=(24, 7, 4)).astype("float32")
TRAININGS = {
    "masked, bidirectional": (
        lambda: model(layers.Bidirectional(layers.LSTM(4, return_sequences=True)), layers.GRU(3)), TOKENS, None
    ),
    "dropout": (lambda: model(layers.LSTM(4, dropout=0.4), tokens=False), NUMBERS, None),
    "gradient penalty": (lambda: model(layers.LSTM(4), tokens=False), NUMBERS, smooth),
}  # fmt: skip


@pytest.mark.parametrize("case", TRAININGS)
def test_a_training_is_that_without_it_up_to_rounding(case):
    build, x, step = TRAININGS[case]
    results = {}
    for names in ((), (NAME,)):
        trained = build()
        kb.reinitialize(trained, 0)
        trained.compile(keras.optimizers.SGD(0.1), None if step else "mse")
        history = kb.fit(
            trained, x, np.ones(24, "float32"), batch_size=8, epochs=2, verbose=0, seed=0, step=step, fast_paths=names
        )
        assert (history.params["execution"], history.params["fast_paths"]) == ("traced", list(names))
        results[names] = [np.array(history.history["loss"]), *trained.get_weights()]
    for one, other in zip(*results.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_the_states_of_a_stateful_layer_go_on():
    x, outputs = NUMBERS[:8], []
    for names in ("none", NAME):
        stateful = keras.Sequential([keras.Input(batch_shape=(4, 7, 4)), layers.LSTM(3, stateful=True)])
        kb.reinitialize(stateful, 0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KERASBRIDGE_FAST_PATHS", names)
            outputs.append(kb.predict(stateful, x, batch_size=4, verbose=0))
        assert np.abs(stateful.layers[0].states[0].numpy()).max() > 0
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-6)
