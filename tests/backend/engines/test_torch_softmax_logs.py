"""The crossentropy of a softmax from its input is that of its probabilities up to rounding, with the same gradient."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.engines import fast_paths
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, assert_same_state, mlp, twins

if keras.config.backend() != "torch":
    pytest.skip("an engine of torch", allow_module_level=True)

import torch

from kerasbridge.engines.torch.losses import corrected_losses
from kerasbridge.engines.torch.recorder import ForbidValues

USED = {"softmax-crossentropy"}
SPARSE, ONE_HOT = keras.losses.SparseCategoricalCrossentropy, keras.losses.CategoricalCrossentropy


def compute(loss, labels, x, activation, fast):
    """Return the loss of each sample, the gradient of their sum, and the fast paths that were used."""
    used, x = set(), x.clone().requires_grad_()
    with corrected_losses(), fast_paths.record(used), fast_paths.allow(frozenset(USED if fast else ())):
        losses = loss(labels, activation(x))
        (gradient,) = torch.autograd.grad(losses.sum(), [x])
    return losses.detach(), gradient, used


def differences(loss, labels, x, activation=keras.activations.softmax):
    """Compare both ways, and return whether the fast path was used."""
    losses, gradient, used = compute(loss, labels, x, activation, True)
    expected, expected_gradient, _ = compute(loss, labels, x, activation, False)
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=2e-7)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=2e-5, atol=3e-7)
    return used == USED


def logits(*shape, scale=3.0, dtype="float32"):
    return torch.tensor(np.random.default_rng(0).normal(size=shape) * scale, dtype=getattr(torch, dtype))


def labels_of(x):
    return torch.arange(x[..., 0].numel()).reshape(x.shape[:-1]) % x.shape[-1]


@pytest.mark.parametrize("shape", [(64, 10), (8, 5, 4), (4, 3, 3, 2)])
@pytest.mark.parametrize("scale", [1.0, 30.0])  # with 30, a third of the probabilities is clipped
def test_losses_and_gradients_are_those_of_the_probabilities(shape, scale):
    x = logits(*shape, scale=scale)
    labels = labels_of(x)
    layer = keras.layers.Softmax()
    assert differences(SPARSE(reduction=None), labels, x)
    assert differences(SPARSE(reduction=None), labels[..., None].float(), x, layer)
    assert not differences(SPARSE(reduction=None, ignore_class=0), labels, x)
    hot = torch.nn.functional.one_hot(labels, shape[-1]).float()
    assert differences(ONE_HOT(reduction=None, label_smoothing=0.1), hot, x)
    assert differences(
        ONE_HOT(reduction=None, dtype="float64"), hot.double().numpy(), x.double(), lambda x: keras.ops.softmax(x, -1)
    )


def test_no_value_is_read_so_that_a_run_may_begin_as_python():
    x = logits(6, 4)
    with ForbidValues():
        assert compute(SPARSE(reduction=None), labels_of(x), x, keras.activations.softmax, True)[-1] == USED


def shifted_afterwards(x):
    x = x * 1
    probabilities = keras.activations.softmax(x)
    x[:, 0] += 1
    return probabilities


def test_other_tensors_take_the_path_of_keras():
    x = logits(5, 5)
    labels, loss = labels_of(x), SPARSE(reduction=None)
    others = [
        lambda x: keras.activations.softmax(x, axis=0),
        lambda x: keras.activations.softmax(x) * 1,
        shifted_afterwards,
        lambda x: torch.softmax(x, -1),
        lambda x: keras.activations.sigmoid(x),
        lambda x: keras.activations.softmax(x.half()),
    ]
    for activation in others:
        assert not differences(loss, labels, x, activation)
    assert not differences(SPARSE(from_logits=True, reduction=None), labels, x)
    with pytest.raises(ValueError, match="same shape"):
        compute(loss, labels[:2], x, keras.activations.softmax, True)


@pytest.mark.parametrize("loss", [SPARSE, ONE_HOT])
def test_a_training_uses_it_and_equals_stock(loss):
    x, y = CASES["MLP"].arrays(240)
    y = y if loss is SPARSE else np.eye(5, dtype="float32")[y]
    stock, model = twins(lambda: mlp(loss=loss()))
    options = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0}
    expected, history = stock.fit(x, y, **options).history, kb.fit(model, x, y, **options)
    assert history.params["fast_paths"] == ["fused-optimizer", *USED]
    np.testing.assert_allclose(history.history["loss"], expected["loss"], rtol=1e-6)
    assert_same_state(model, stock, rtol=1e-5, atol=2e-6)
