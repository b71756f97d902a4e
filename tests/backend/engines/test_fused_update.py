"""The fused updates of torch and TensorFlow are those of Keras up to rounding, and give way where they do not apply."""

from functools import partial

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.engines import fast_paths
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, assert_same_state, mlp, seeded

BACKEND = keras.config.backend()
if BACKEND == "jax":
    pytest.skip("JAX fuses all of a step", allow_module_level=True)

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


class Halving(optimizers.Adam):
    """Has an update of its own."""

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient / 2, variable, learning_rate)


def variables(dtype="float32"):
    draw = np.random.default_rng(0)
    return [keras.Variable(draw.normal(size=shape), dtype=dtype, name=f"w{k}") for k, shape in enumerate(SHAPES)]


def train(make, fused, steps=1, gradients=None, weights=None):
    """Apply gradients, random ones by default; return all values, and the fast paths that were used."""
    draw, weights, optimizer, used = np.random.default_rng(1), weights or variables(), make(), set()
    engine = engines.current()
    optimizer.exclude_from_weight_decay(var_names=["w2"])
    for _ in range(steps):
        step = gradients(weights) if gradients else [
            keras.ops.convert_to_tensor(draw.normal(size=shape), weights[0].dtype) for shape in SHAPES
        ]  # fmt: skip
        chosen = fast_paths.allow(frozenset(USED if fused else ()))
        with engine.eager(), fast_paths.record(used), chosen, engine.optimizer_scope():
            without_gradient(partial(optimizer.apply, step, weights))
    values = [keras.ops.convert_to_numpy(each) for each in (*weights, *optimizer.variables)]
    return values, used


def without_gradient(call):
    if BACKEND != "torch":
        return call()
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        return call()


def assert_close(ours, theirs, **tolerances):
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, **tolerances)


@pytest.mark.parametrize("kind", UPDATES)
def test_a_hundred_updates_are_those_of_keras_up_to_rounding(kind):
    (ours, used), (theirs, _) = (train(UPDATES[kind], fused, 100) for fused in (True, False))
    assert used == (set() if BACKEND == "tensorflow" and "AMSGrad" in kind else USED)
    assert_close(ours, theirs, rtol=2e-5, atol=2e-6)


def test_a_gradient_that_is_another_weight_is_read_before_that_changes():
    def first_weight(weights):
        return [keras.ops.ones(2), engines.current().read(weights[0].value)]

    def pair():
        return [keras.Variable([1.0, 2.0]), keras.Variable([3.0, -1.0])]

    for kind in ("Adam", "SGD with momentum"):
        (ours, used), (theirs, _) = (train(UPDATES[kind], fused, 9, first_weight, pair()) for fused in (True, False))
        assert used == USED
        assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_half_precision_and_a_class_with_another_update_are_updated_by_keras_to_the_last_bit():
    for make in (UPDATES["Adam"], UPDATES["SGD with momentum"], Halving):
        dtype = "float32" if make is Halving else "float16"
        (ours, used), (theirs, _) = (train(make, fused, 2, weights=variables(dtype)) for fused in (True, False))
        assert used == set(), make
        assert_close(ours, theirs, rtol=0)


@pytest.mark.parametrize("kind", ["Adam with all options", "SGD with momentum"])
def test_a_compiled_step_and_plain_python_update_alike(kind):
    x, y = CASES["MLP"].arrays(88)
    compiled, eager, off = (seeded(lambda: mlp(optimizer=UPDATES[kind]())) for _ in range(3))
    eager.run_eagerly = True
    for model, options in ((compiled, {}), (eager, {}), (off, {"fast_paths": ()})):
        history = kb.fit(model, x, y, 8, epochs=2, shuffle=False, verbose=0, **options)
        assert ("fused-optimizer" in history.params["fast_paths"]) == (model is not off)
    assert_same_state(compiled, eager, **({} if BACKEND == "torch" else {"rtol": 1e-5, "atol": 1e-6}))
    assert_same_state(compiled, off, rtol=1e-5, atol=1e-6)
