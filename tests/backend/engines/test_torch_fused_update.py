"""The fused updates of torch are those of Keras up to rounding, and give way to Keras's where they do not apply."""

from functools import partial

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.engines import fast_paths
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, assert_same_state, mlp, seeded

if keras.config.backend() != "torch":
    pytest.skip("an engine of torch", allow_module_level=True)

import torch

from kerasbridge.engines.torch.fused_update import fused_updates

optimizers = keras.optimizers
USED = {"fused-optimizer"}
SHAPES = ((), (7,), (3, 5), (4, 3, 2))
DECAY = optimizers.schedules.ExponentialDecay(0.01, 50, 0.8)
EVERYTHING = {"gradient_accumulation_steps": 3, "global_clipnorm": 0.5, "weight_decay": 0.1, "use_ema": True,
              "ema_momentum": 0.9, "ema_overwrite_frequency": 40, "loss_scale_factor": 8.0}  # fmt: skip
UPDATES = {
    "Adam": partial(optimizers.Adam, 0.01),
    "Adam with other constants": partial(optimizers.Adam, 0.01, beta_1=0.0, beta_2=0.5, epsilon=0.1),
    "Adam with AMSGrad": partial(optimizers.Adam, DECAY, amsgrad=True, clipnorm=0.5),
    "Adam with all options": partial(optimizers.Adam, DECAY, **EVERYTHING),
    "AdamW": partial(optimizers.AdamW, 0.01, weight_decay=0.1, clipvalue=0.3),
    "AdamW with AMSGrad": partial(optimizers.AdamW, DECAY, amsgrad=True),
    "SGD": partial(optimizers.SGD, 0.01),
    "SGD with decay": partial(optimizers.SGD, DECAY, weight_decay=0.1, clipnorm=0.5),
    "SGD with momentum": partial(optimizers.SGD, DECAY, momentum=0.9),
    "SGD with Nesterov's momentum": partial(optimizers.SGD, DECAY, momentum=0.9, nesterov=True),
    "SGD with all options": partial(optimizers.SGD, 0.01, momentum=0.9, **EVERYTHING),
}


def variables(dtype="float32"):
    draw = np.random.default_rng(0)
    return [keras.Variable(draw.normal(size=shape), dtype=dtype, name=f"w{k}") for k, shape in enumerate(SHAPES)]


def train(make, fused, steps=1, gradients=None, weights=None):
    """Apply gradients, random ones by default; return all values, and the fast paths that were used."""
    draw, weights, optimizer, used = np.random.default_rng(1), weights or variables(), make(), set()
    optimizer.exclude_from_weight_decay(var_names=["w2"])
    for _ in range(steps):
        step = gradients(weights) if gradients else [
            torch.tensor(draw.normal(size=shape), dtype=weights[0].value.dtype) for shape in SHAPES
        ]  # fmt: skip
        chosen = fast_paths.allow(frozenset(USED if fused else ()))
        with torch.no_grad(), fast_paths.record(used), chosen, fused_updates():
            optimizer.apply(step, weights)
    values = [keras.ops.convert_to_numpy(each) for each in (*weights, *optimizer.variables)]
    return values, used


def assert_close(ours, theirs, **tolerances):
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, **tolerances)


@pytest.mark.parametrize("kind", UPDATES)
def test_hundreds_of_updates_are_those_of_keras_up_to_rounding(kind):
    (ours, used), (theirs, _) = (train(UPDATES[kind], fused, 300) for fused in (True, False))
    assert used == USED
    assert_close(ours, theirs, rtol=2e-5, atol=2e-6)


def views(_):
    """Return gradients whose memory is expanded, or transposed."""
    return [torch.tensor(2.0), torch.ones(1).expand(7), torch.arange(15.0).view(5, 3).t(), torch.ones(4, 2, 3).mT]


@pytest.mark.parametrize("kind", ["Adam", "SGD", "SGD with momentum"])
def test_gradients_may_have_any_memory_layout(kind):
    (ours, used), (theirs, _) = (train(UPDATES[kind], fused, 2, views) for fused in (True, False))
    assert used == USED
    assert_close(ours, theirs, rtol=1e-6, atol=1e-7)


def test_a_gradient_that_is_another_weight_is_read_before_that_changes():
    def first_weight(weights):
        return [torch.ones(2), weights[0].value]

    def pair():
        return [keras.Variable([1.0, 2.0]), keras.Variable([3.0, -1.0])]

    for kind in ("Adam", "SGD with momentum"):
        (ours, used), (theirs, _) = (train(UPDATES[kind], fused, 9, first_weight, pair()) for fused in (True, False))
        assert used == USED
        assert_close(ours, theirs, rtol=1e-6)


def ones(weights):
    return [torch.ones(each.shape) for each in weights]


def test_where_they_do_not_apply_the_update_is_that_of_keras_to_the_last_bit():
    def halves():
        return variables("float16")

    def columns():
        weight = keras.Variable(np.ones((3, 2), "float32"))
        weight._value = torch.nn.Parameter(torch.ones(2, 3).T, requires_grad=False)
        return [weight]

    def the_same_twice():
        return [keras.Variable([1.0, 2.0])] * 2

    for kind in ("Adam", "SGD with momentum"):
        for weights in (halves, columns, the_same_twice):
            gradients = None if weights is halves else ones
            (ours, used), (theirs, _) = (
                train(UPDATES[kind], fused, 2, gradients, weights()) for fused in (True, False)
            )
            assert used == set(), (kind, weights)
            assert_close(ours, theirs, rtol=0)


@pytest.mark.parametrize("kind", ["Adam with all options", "SGD with momentum"])
def test_a_traced_step_and_plain_python_update_alike(kind):
    x, y = CASES["MLP"].arrays(88)
    traced, eager, off = (seeded(lambda: mlp(optimizer=UPDATES[kind]())) for _ in range(3))
    eager.run_eagerly = True
    for model, options in ((traced, {}), (eager, {}), (off, {"fast_paths": ()})):
        history = kb.fit(model, x, y, 8, epochs=2, shuffle=False, verbose=0, **options)
        assert ("fused-optimizer" in history.params["fast_paths"]) == (model is not off)
    assert_same_state(traced, eager)
    assert_same_state(traced, off, rtol=1e-5, atol=1e-6)


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
