"""The fused updates of torch read memory in order: gradients and weights may be stored in any way."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, assert_same_state, seeded

if keras.config.backend() != "torch":
    pytest.skip("an engine of torch", allow_module_level=True)

import torch

from tests.backend.engines.test_fused_update import UPDATES, USED, assert_close, train


def views(_):
    """Return gradients whose memory is expanded, or transposed."""
    return [torch.tensor(2.0), torch.ones(1).expand(7), torch.arange(15.0).view(5, 3).t(), torch.ones(4, 2, 3).mT]


@pytest.mark.parametrize("kind", ["Adam", "SGD", "SGD with momentum"])
def test_gradients_may_have_any_memory_layout(kind):
    (ours, used), (theirs, _) = (train(UPDATES[kind], fused, 2, views) for fused in (True, False))
    assert used == USED
    assert_close(ours, theirs, rtol=1e-6, atol=1e-7)


def ones(weights):
    return [torch.ones(each.shape) for each in weights]


def test_where_they_do_not_apply_the_update_is_that_of_keras_to_the_last_bit():
    def columns():
        weight = keras.Variable(np.ones((3, 2), "float32"))
        weight._value = torch.nn.Parameter(torch.ones(2, 3).T, requires_grad=False)
        return [weight]

    def the_same_twice():
        return [keras.Variable([1.0, 2.0])] * 2

    for kind in ("Adam", "SGD with momentum"):
        for weights in (columns, the_same_twice):
            (ours, used), (theirs, _) = (train(UPDATES[kind], fused, 2, ones, weights()) for fused in (True, False))
            assert used == set(), (kind, weights)
            assert_close(ours, theirs, rtol=0)


class Transposing(keras.constraints.Constraint):
    """Changes nothing but the memory layout of the weight."""

    def __call__(self, w):
        return keras.ops.transpose(keras.ops.matmul(keras.ops.eye(5), keras.ops.transpose(w)))


def test_a_weight_keeps_its_memory_layout_from_step_to_step():
    def build():
        model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(5, kernel_constraint=Transposing())])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    fused, off = seeded(build), seeded(build)
    x, y = CASES["MLP"].arrays(240)
    for model, options in ((fused, {}), (off, {"fast_paths": ()})):
        assert kb.fit(model, x, y, 8, shuffle=False, verbose=0, **options).params["execution"] == "traced"
    assert_same_state(fused, off, rtol=1e-5, atol=1e-6)
