"""On JAX, convolutions in groups and by one element equal those of XLA up to rounding, with their gradients."""

import numpy as np
import pytest

from kerasbridge.engines import fast_paths
from kerasbridge.keras_compat import keras
from tests.backend.models import fit_with_and_without_fast_paths

if keras.config.backend() != "jax":
    pytest.skip("an engine of JAX", allow_module_level=True)

import jax
import jax.numpy as jnp

from kerasbridge.engines.jax.convolutions import fast_convolutions

RNG = np.random.default_rng(0)
FIRST = "channels_first"
USED = {"convolutions"}


def array(*shape):
    return jnp.asarray(RNG.normal(size=shape).astype("float32"))


def both(function, *arguments):
    """Return what a function of Keras operations returns by the fast path and without, and the paths that were used."""
    results, used = [], set()
    for names in (USED, ()):
        with fast_convolutions(), fast_paths.allow(frozenset(names)), fast_paths.record(used):
            results.append(jax.jit(lambda *arguments: function(*arguments))(*arguments))
    return *results, used


def close(results, expected):
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, value, rtol=2e-4, atol=1e-5 * np.abs(value).max())


def with_gradients(convolve):
    """Return a function of x, kernel and the weights of a sum: the convolution, and the gradients of the sum."""

    def compute(x, kernel, weights):
        result, transposed = jax.vjp(convolve, x, kernel)
        return result, *transposed(weights)

    return compute


def compare(convolve, x, kernel):
    """Compare the convolution and its gradients, and return whether the fast path was used."""
    weights = array(*jax.eval_shape(convolve, x, kernel).shape)
    results, expected, used = both(with_gradients(convolve), x, kernel, weights)
    close(results, expected)
    return used == USED


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((2, 8, 7, 3), (3, 2, 3, 1), {"padding": "same", "strides": 2}),
        ((2, 8, 9, 3), (3, 3, 3, 2), {"padding": "valid", "dilation_rate": 2}),
        ((2, 4, 7, 6), (2, 3, 4, 2), {"padding": "same", "data_format": FIRST}),
        ((2, 13, 3), (4, 3, 1), {"padding": "same", "strides": 3}),
        ((2, 6, 7, 2), (4, 4, 2, 2), {"padding": "same"}),
    ],
)
def test_depthwise_convolutions_are_those_of_xla(shape, kernel, options):
    assert compare(lambda x, kernel: keras.ops.depthwise_conv(x, kernel, **options), array(*shape), array(*kernel))


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((2, 8, 7, 6), (3, 2, 3, 4), {"padding": "same", "strides": 2}),
        ((2, 9, 8, 6), (3, 2, 2, 9), {"padding": "valid", "dilation_rate": 2}),
        ((2, 4, 7, 6), (2, 3, 2, 6), {"padding": "same", "data_format": FIRST}),
        ((2, 11, 4), (3, 2, 6), {"padding": "same", "strides": 2}),
        ((2, 4, 5, 3, 4), (2, 1, 2, 2, 4), {"padding": "valid"}),
        ((2, 6, 7, 3), (1, 1, 3, 5), {"padding": "valid", "strides": 2}),
        ((2, 3, 7), (1, 3, 4), {"padding": "same", "data_format": FIRST}),
    ],
)
def test_convolutions_in_groups_and_by_one_element_are_those_of_xla(shape, kernel, options):
    assert compare(lambda x, kernel: keras.ops.conv(x, kernel, **options), array(*shape), array(*kernel))


def test_gradients_can_be_differentiated_again_forward_and_in_batches():
    x, *kernels = array(2, 5, 5, 4), array(3, 3, 4, 1), array(2, 2, 2, 6), array(1, 1, 6, 3)

    def loss(x, kernels):
        x = keras.ops.depthwise_conv(x, kernels[0], padding="same")
        x = keras.ops.conv(keras.ops.tanh(keras.ops.conv(x, kernels[1], 2, "same")), kernels[2])
        return (x**2).mean()

    def of_gradients(x, kernels):
        return sum((leaf**2).sum() for leaf in jax.tree.leaves(jax.grad(loss, (0, 1))(x, kernels)))

    def compute(x, kernels):
        second = jax.grad(of_gradients, (0, 1))(x, kernels)
        forward = jax.jvp(jax.grad(loss, 1), (x, kernels), (x, kernels))[1]
        in_batches = jax.vmap(lambda row: jax.grad(loss, 1)(row[None], kernels))(x)
        return jax.tree.leaves([second, forward, in_batches])

    results, expected, used = both(compute, x, kernels)
    close(results, expected)
    assert used == USED


def test_other_convolutions_are_computed_by_xla():
    assert not compare(lambda x, kernel: keras.ops.conv(x, kernel), array(2, 5, 5, 2), array(2, 2, 2, 3))
    assert not compare(lambda x, kernel: keras.ops.depthwise_conv(x, kernel), array(2, 9, 9, 2), array(8, 8, 2, 1))
    assert not compare(lambda x, kernel: keras.ops.conv_transpose(x, kernel), array(2, 5, 5, 2), array(1, 1, 3, 2))
    half = [array(2, 5, 5, 2).astype("bfloat16"), array(2, 2, 2, 1).astype("bfloat16")]
    *_, used = both(lambda x, kernel: keras.ops.depthwise_conv(x, kernel), *half)
    assert not used
    with fast_convolutions(), pytest.raises(ValueError, match="feature_group_count"):
        jax.lax.conv_general_dilated(array(1, 2, 4), array(2, 1, 4), (1,), "VALID", feature_group_count=3)


def test_a_training_with_it_ends_with_the_same_weights():
    x, y = RNG.random((24, 9, 9, 2), "float32"), np.ones((24, 1), "float32")
    layers = [
        keras.layers.SeparableConv2D(4, 3, strides=2),
        keras.layers.Conv2D(4, 2, groups=2),
        keras.layers.Flatten(),
    ]
    model = keras.Sequential([keras.Input((9, 9, 2)), *layers, keras.layers.Dense(1)])
    (names, weights), (none, expected) = fit_with_and_without_fast_paths(model, x, y)
    assert (names, none) == (["convolutions"], [])
    close(weights, expected)
