"""Every optimizer of Keras and every option they share: compiled, with the numbers of stock `model.fit`."""

from functools import partial

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge._keras import keras
from tests.backend.models import CASES, assert_same_state, mlp, twins

COMPILED = {"looped", "traced"}
X, Y = CASES["MLP"].arrays(91)  # 11 batches of 8 and one of 3
PLAIN = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}
CLOSE = {"rtol": 1e-6, "atol": 1e-6}
optimizers = keras.optimizers

KINDS = {
    "SGD": optimizers.SGD,
    "SGD with momentum": partial(optimizers.SGD, momentum=0.9),
    "SGD with Nesterov's momentum": partial(optimizers.SGD, momentum=0.9, nesterov=True),
    "RMSprop": optimizers.RMSprop,
    "RMSprop, centered": partial(optimizers.RMSprop, centered=True, momentum=0.5),
    "Adagrad": optimizers.Adagrad,
    "Adadelta": optimizers.Adadelta,
    "Adafactor": optimizers.Adafactor,
    "Adam": optimizers.Adam,
    "Adam with AMSGrad": partial(optimizers.Adam, amsgrad=True),
    "AdamW": optimizers.AdamW,
    "Adamax": optimizers.Adamax,
    "Ftrl": optimizers.Ftrl,
    "Lamb": optimizers.Lamb,
    "Lion": optimizers.Lion,
    "Muon": optimizers.Muon,
    "Nadam": optimizers.Nadam,
    "ScheduleFreeAdamW": partial(optimizers.ScheduleFreeAdamW, warmup_steps=10),
}
OPTIONS = {
    "clipnorm": {"clipnorm": 0.1},
    "clipvalue": {"clipvalue": 0.01},
    "global_clipnorm": {"global_clipnorm": 0.1},
    "weight decay": {"weight_decay": 0.1},
    "schedule": {"learning_rate": optimizers.schedules.ExponentialDecay(0.01, 3, 0.7, staircase=True)},
    "loss scale": {"loss_scale_factor": 64.0},
    "moving average": {"use_ema": True, "ema_momentum": 0.9},
    "moving average that overwrites": {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 5},
    "accumulation": {"gradient_accumulation_steps": 5},
    "accumulation, clipping, decay and averages": {
        "gradient_accumulation_steps": 3, "global_clipnorm": 0.1, "weight_decay": 0.1,
        "use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 4,
    },
}  # fmt: skip


def with_optimizer(make):
    return mlp(optimizer=make())


def equal_to_stock(make, x=X, **fit):
    """Trains twins, one by stock `fit`; the other is returned with its history."""
    stock, model = twins(partial(with_optimizer, make))
    expected = stock.fit(x, Y, **{**PLAIN, **fit}).history
    history = kb.fit(model, x, Y, **{**PLAIN, **fit})
    assert history.params["execution"] in COMPILED, history.params["execution_reason"]
    np.testing.assert_allclose(history.history["loss"], expected["loss"], rtol=1e-6)
    assert_same_state(model, stock, **CLOSE)
    return model, history


def test_every_optimizer_of_keras_is_tested_here():
    wrappers = {"LossScaleOptimizer", "MultiOptimizer"}
    public = {name for name, value in vars(optimizers).items() if isinstance(value, type)}
    tested = {getattr(make, "func", make).__name__ for make in KINDS.values()}
    assert public == tested | wrappers | {"Optimizer", "OptimizerMap"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimizer_equals_stock(kind):
    equal_to_stock(partial(KINDS[kind], 0.01))


@pytest.mark.parametrize("kind", ["SGD", "Adam", "Ftrl"])
@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_equals_stock(option, kind):
    """Keras's own torch update, on lists of tensors, one without momentum, and one that has none of its own."""
    equal_to_stock(partial(KINDS[kind], **{"learning_rate": 0.01, **OPTIONS[option]}))


@pytest.mark.parametrize("kind", KINDS)
def test_accumulation_and_moving_averages_equal_stock(kind):
    equal_to_stock(partial(KINDS[kind], 0.01, **OPTIONS["accumulation, clipping, decay and averages"]))
