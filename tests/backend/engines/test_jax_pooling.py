"""On JAX, the gradients of pooling by the fast path are those of XLA, also where several elements are the maximum."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.engines import fast_paths
from kerasbridge.keras_compat import keras
from tests.backend.models import fit_with_and_without_fast_paths

if keras.config.backend() != "jax":
    pytest.skip("an engine of JAX", allow_module_level=True)

import jax
import jax.numpy as jnp

from kerasbridge.engines.jax import engine as jax_engine
from kerasbridge.engines.jax import pooling

RNG = np.random.default_rng(0)
USED = {"pooling-gradients"}
LAST, FIRST = "channels_last", "channels_first"


def gradient(pool, x, weights, fast=True):
    """Return the gradient of a weighted sum of what a function returns, and the fast paths that were used."""
    used = set()
    names = frozenset(USED if fast else ())
    with pooling.fast_pooling_gradients(), fast_paths.allow(names), fast_paths.record(used):
        result = jax.jit(jax.grad(lambda x: (pool(x) * weights).sum()))(x)
    return np.asarray(result), used


def close(result, expected):
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def compare(pool, x, compare_arrays=np.testing.assert_array_equal):
    """Compare both gradients, and return whether the fast path was used."""
    x = jnp.asarray(x)
    weights = RNG.integers(1, 100, pool(x).shape).astype(x.dtype)
    (result, used), (expected, none) = gradient(pool, x, weights), gradient(pool, x, weights, fast=False)
    compare_arrays(result, expected)
    assert not none
    return used == USED


@pytest.mark.parametrize(
    ("shape", "size", "strides", "padding", "data_format"),
    [
        ((3, 7, 9, 2), 2, 2, "valid", LAST),
        ((2, 7, 8, 2), 3, 3, "same", LAST),
        ((2, 2, 7, 8), 3, 2, "same", FIRST),
        ((2, 7, 8, 2), (2, 3), (4, 1), "valid", LAST),
        ((2, 11, 3), 4, 2, "same", LAST),
        ((2, 2, 5, 4, 5), 2, 2, "same", FIRST),
    ],
)
def test_gradients_are_those_of_xla(shape, size, strides, padding, data_format):
    ties = RNG.integers(0, 3, shape).astype("float32")
    broken = np.where(RNG.random(shape) < 0.2, np.nan, np.where(RNG.random(shape) < 0.3, -np.inf, ties))
    options = {"strides": strides, "padding": padding, "data_format": data_format}
    assert compare(lambda x: keras.ops.max_pool(x, size, **options), broken.astype("float32"))

    averages = compare(lambda x: keras.ops.average_pool(x, size, **options), ties, close)
    assert averages == (np.prod(np.broadcast_to(size, len(shape) - 2)) > 4)


def test_gradients_can_be_differentiated_again_forward_and_in_batches():
    x = jnp.asarray(RNG.integers(0, 3, (2, 5, 6, 2)).astype("float32"))

    def loss(x):
        largest = keras.ops.max_pool(x * x, 2, 2)
        return (largest**2).sum() + (keras.ops.average_pool(x**3, 3, 2, padding="same") ** 2).sum()

    def second(x):
        return jax.grad(lambda x: (jax.grad(loss)(x) ** 2).sum())(x)

    def forward(x):
        return jax.jvp(jax.grad(loss), (x,), (jnp.ones_like(x),))[1]

    def in_batches(x):
        return jax.vmap(jax.grad(lambda x: loss(x[None])))(x)

    def compute():
        return jax.jit(lambda x: [second(x), forward(x), in_batches(x)])(x)

    with pooling.fast_pooling_gradients():
        results = compute()
    for result, expected in zip(results, compute(), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-4)


def test_other_windows_keep_the_gradient_of_xla():
    x = RNG.random((2, 10, 10, 1), "float32")
    assert not compare(lambda x: keras.ops.max_pool(x, 5, 5), x)
    assert not compare(lambda x: keras.ops.average_pool(x, 2, 2), x)
    assert not compare(lambda x: keras.ops.max_pool(x.astype("int32"), 2, 2).astype("float32"), x)
    dilated = {"window_dilation": (1, 2, 2, 1)}
    plain = (0.0, jax.lax.add, (1, 3, 3, 1), (1, 1, 1, 1), "VALID")
    assert not compare(lambda x: jax.lax.reduce_window(x, *plain, **dilated), x)
    assert not compare(lambda x: jax.lax.reduce_window(x, *plain, None, (1, 2, 2, 1)), x)


def test_a_training_uses_it_on_the_cpu_and_ends_with_the_same_weights(monkeypatch):
    x, y = RNG.random((24, 9, 9, 2), "float32"), np.ones((24, 1), "float32")
    layers = [keras.layers.MaxPooling2D(), keras.layers.AveragePooling2D(3, 1), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((9, 9, 2)), keras.layers.Conv2D(4, 2), *layers, keras.layers.Dense(1)])
    (names, weights), (none, expected) = fit_with_and_without_fast_paths(model, x, y)
    assert names == ["pooling-gradients"]
    assert none == []
    for value, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-5, atol=1e-6)

    monkeypatch.setattr(jax_engine, "is_on_cpu", lambda: False)
    with kb.engines.current().layer_scope():
        used = set()
        with fast_paths.record(used):
            keras.ops.max_pool(x, 2, 2)
    assert not used
