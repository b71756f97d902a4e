"""Every Keras optimizer and every common option: compiled, with the numbers of stock `model.fit`."""

from functools import partial

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, BatchRecorder, assert_same_state, mlp, seeded, twins

COMPILED = {"looped", "traced"}
X, Y = CASES["MLP"].arrays(88)  # 11 batches of 8
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
}
# On torch Keras implements nearly every optimizer again; on the other backends one of them is enough.
MANY = KINDS if keras.config.backend() == "torch" else ["Ftrl", "Nadam"]
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


def equal_to_stock(make, **fit):
    """Train twins, one with stock `fit`; return the other with its history."""
    stock, model = twins(partial(with_optimizer, make))
    expected = stock.fit(X, Y, **{**PLAIN, **fit}).history
    history = kb.fit(model, X, Y, **{**PLAIN, **fit})
    assert history.params["execution"] in COMPILED, history.params["execution_reason"]
    np.testing.assert_allclose(history.history["loss"], expected["loss"], rtol=1e-6)
    assert_same_state(model, stock, **CLOSE)
    return model, history


def test_every_optimizer_of_keras_is_tested_here():
    others = {"LossScaleOptimizer", "MultiOptimizer", "OptimizerMap", "Optimizer", "ScheduleFreeAdamW"}
    public = {name for name, value in vars(optimizers).items() if isinstance(value, type)}
    tested = {getattr(make, "func", make).__name__ for make in KINDS.values()}
    assert public == tested | others


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimizer_equals_stock(kind):
    equal_to_stock(partial(KINDS[kind], 0.01))


def test_schedule_free_adamw_follows_its_formula(backend, request):
    """Not compared with stock: on torch and TensorFlow, Keras reads the updated momentum instead of the old one."""
    if backend == "tensorflow":
        request.applymarker(pytest.mark.xfail(strict=True, reason="Keras reads the momentum after it was written"))
    ones = np.ones((5, 1), "float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(optimizers.ScheduleFreeAdamW(0.1), loss=lambda _, predicted: keras.ops.mean(predicted))
    history = kb.fit(model, ones, ones, batch_size=1, verbose=0)
    assert history.params["execution"] in COMPILED
    weight = momentum = 1.0
    for step in range(1, 6):
        average = (weight - 0.1 * momentum) / 0.9
        momentum -= 0.1  # the gradient is 1, and so is the root of its mean square
        average += (momentum - average) / step
        weight = 0.1 * momentum + 0.9 * average
    np.testing.assert_allclose(model.get_weights()[0], weight, rtol=1e-5)


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_equals_stock(option):
    equal_to_stock(partial(optimizers.Adam, **{"learning_rate": 0.01, **OPTIONS[option]}))


@pytest.mark.parametrize("kind", MANY)
def test_accumulation_and_moving_averages_equal_stock(kind):
    equal_to_stock(partial(KINDS[kind], 0.01, **OPTIONS["accumulation, clipping, decay and averages"]))


# Loss scaling ---------------------------------------------------------------------------------------------------------


def scaled(inner, **scaling):
    return optimizers.LossScaleOptimizer(inner(0.01), **scaling)


SCALED = {"initial_scale": 2.0**12, "dynamic_growth_steps": 7}
OVERFLOWING = np.ones(88, "float32")
OVERFLOWING[20] = 1e36  # in the third batch: the loss is finite, and infinite times the scale


@pytest.mark.parametrize("kind", ["SGD", "Ftrl"])
def test_a_step_with_an_infinite_gradient_is_skipped_and_the_scale_halved(kind):
    make = partial(scaled, KINDS[kind], initial_scale=2.0**12)
    model, _ = equal_to_stock(make, epochs=1, sample_weight=OVERFLOWING)
    assert float(model.optimizer.dynamic_scale.numpy()) == 2.0**11
    assert int(model.optimizer.iterations.numpy()) == 10
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize("kind", MANY)
def test_a_scale_changes_nothing_but_the_loss(kind):
    """A power of two scales without rounding."""
    plain = seeded(partial(with_optimizer, partial(KINDS[kind], 0.01)))
    model = seeded(partial(with_optimizer, partial(scaled, KINDS[kind], **SCALED)))
    kb.fit(plain, X, Y, **PLAIN)
    history = kb.fit(model, X, Y, **PLAIN)
    assert history.params["execution"] in COMPILED
    for weight, expected in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, **CLOSE)


def test_the_scale_grows_after_steps_that_went_well():
    model, _ = equal_to_stock(partial(scaled, optimizers.Adam, initial_scale=4.0, dynamic_growth_steps=5))
    assert float(model.optimizer.dynamic_scale.numpy()) == 4.0 * 2**4


@pytest.mark.parametrize("option", ["accumulation", "moving average that overwrites"])
def test_a_scaled_loss_with_options_of_the_inner_optimizer_equals_stock(option):
    inner = partial(optimizers.Adam, **OPTIONS[option])
    equal_to_stock(partial(scaled, inner, **SCALED), sample_weight=OVERFLOWING)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_compiled_and_as_stock(policy):
    def build():
        with_policy = keras.Sequential(
            [
                keras.Input((12,)),
                keras.layers.Dense(16, "relu", dtype=policy),
                keras.layers.Dense(5, "softmax", dtype="float32"),
            ]
        )
        with_policy.compile("adam", "sparse_categorical_crossentropy")
        return with_policy

    keras.config.set_dtype_policy(policy)
    try:
        stock, model = twins(build)
        expected = stock.fit(X, Y, **PLAIN).history["loss"]
        history = kb.fit(model, X, Y, **PLAIN)
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, optimizers.LossScaleOptimizer) == (policy == "mixed_float16")
    assert history.params["execution"] in COMPILED
    np.testing.assert_allclose(history.history["loss"], expected, rtol=2e-3)


def test_a_scaled_loss_trains_eagerly_too():
    def build(eager):
        return mlp(optimizer=scaled(optimizers.Adam, **SCALED), run_eagerly=eager)

    compiled, eager = seeded(partial(build, False)), seeded(partial(build, True))
    kb.fit(compiled, X, Y, sample_weight=OVERFLOWING, **PLAIN)
    history = kb.fit(eager, X, Y, sample_weight=OVERFLOWING, **PLAIN)
    assert history.params["execution"] == "eager"
    assert_same_state(eager, compiled, **CLOSE)


# Blocks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        partial(optimizers.Adam, **OPTIONS["accumulation, clipping, decay and averages"]),
        partial(optimizers.Nadam, **OPTIONS["moving average that overwrites"]),
        partial(scaled, optimizers.Adam, **SCALED),
    ],
)
def test_the_number_of_steps_in_a_block_changes_no_bit(make):
    free, live = twins(partial(with_optimizer, make))
    kb.fit(free, X, Y, sample_weight=OVERFLOWING, **PLAIN)
    kb.fit(live, X, Y, sample_weight=OVERFLOWING, callbacks=[BatchRecorder()], **PLAIN)
    assert_same_state(live, free)


def test_a_second_fit_continues_where_the_first_ended():
    """In the midst of an accumulation, and between two overwritten averages."""
    make = partial(optimizers.Adam, 0.01, **OPTIONS["accumulation"])
    stock, model = twins(partial(with_optimizer, make))
    stock.fit(X, Y, **PLAIN)
    for _ in range(2):
        kb.fit(model, X, Y, **{**PLAIN, "epochs": 1})
    assert_same_state(model, stock, **CLOSE)


def test_optimizers_of_several_parts_equal_stock():
    def make():
        parts = {".*bias": optimizers.Nadam(0.01)}
        return optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.Adam(0.01), parts))

    equal_to_stock(make)
