"""Every Keras initializer gives the same bits on every backend.

The digests were computed once; they are of float32, which hides differences between libraries in float64.
"""

import hashlib

import numpy as np
import pytest

from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras
from kerasbridge.random import generator, keras_patch

initializers = keras.initializers
WINDOW = np.linspace(0.1, 1.0, 16)
SEEDED = {
    "GlorotNormal": "d167115dfc78ce24",
    "GlorotUniform": "8280d1b361c23cd0",
    "HeNormal": "3f947bad270d5b91",
    "HeUniform": "e867677489f3189b",
    "LecunNormal": "0c22f3f6441a7a7f",
    "LecunUniform": "419b177f9e1acf5c",
    "Orthogonal": "c8dd6780c91c939c",
    "RandomNormal": "b77f169e492c8188",
    "RandomUniform": "6717c1bddb6f8f32",
    "TruncatedNormal": "a256dc483d8153e8",
    "VarianceScaling": "0c22f3f6441a7a7f",
}
CONSTANT = {"Constant", "Identity", "Ones", "STFT", "Zeros"}
STFT = {"real": "dcaaf86e0f97a042", "imag": "33c85d5b8a1c605a"}


def drawn(initializer, shape, dtype="float32"):
    with keras_patch.portable_random():
        return keras.ops.convert_to_numpy(initializer(shape, dtype))


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("name", SEEDED)
def test_an_initializer_with_a_seed_has_known_bits(name):
    initializer = getattr(initializers, name)(seed=3)
    assert digest(drawn(initializer, (3, 3, 4, 9))) == SEEDED[name]


@pytest.mark.parametrize("side", STFT)
def test_the_kernels_of_a_fourier_transform_have_known_bits(side):
    assert digest(drawn(initializers.STFT(side, WINDOW, "spectrum"), (16, 1, 9))) == STFT[side]


def test_every_initializer_of_keras_is_tested():
    classes = {
        value.__name__.removesuffix("Initializer")
        for value in vars(initializers).values()
        if isinstance(value, type) and value is not initializers.Initializer
    }
    assert classes == set(SEEDED) | CONSTANT


@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
@pytest.mark.parametrize("window", [None, WINDOW], ids=["no window", "window"])
@pytest.mark.parametrize("side", ["real", "imag"])
def test_the_kernels_of_a_fourier_transform_are_those_of_keras_up_to_rounding(side, window, scaling):
    initializer = initializers.STFT(side, window, scaling)
    native = keras.ops.convert_to_numpy(initializer((16, 1, 9)))
    np.testing.assert_allclose(drawn(initializer, (16, 1, 9)), native, rtol=0, atol=1e-5)


def test_a_named_window_is_that_of_scipy():
    pytest.importorskip("scipy")
    initializer = initializers.STFT("real", "hann")
    native = keras.ops.convert_to_numpy(initializer((16, 1, 9)))
    np.testing.assert_allclose(drawn(initializer, (16, 1, 9)), native, rtol=0, atol=1e-5)


def test_a_window_of_another_length_is_an_error():
    with pytest.raises(ArgumentError, match=r"^Expected a window of shape \(8,\), received \(16,\)"):
        drawn(initializers.STFT("real", WINDOW), (8, 1, 9))


@pytest.mark.parametrize("shape", [(8, 8), (4, 12), (12, 4), (3, 3, 4, 9), (2, 3, 20)], ids=str)
def test_an_orthogonal_kernel_has_orthonormal_rows_or_columns(shape):
    kernel = drawn(initializers.Orthogonal(gain=2.0, seed=1), shape).astype("float64").reshape(-1, shape[-1]) / 2
    product = kernel.T @ kernel if kernel.shape[0] >= kernel.shape[1] else kernel @ kernel.T
    np.testing.assert_allclose(product, np.eye(len(product)), rtol=0, atol=1e-6)


def test_an_orthogonal_kernel_is_that_of_a_qr_decomposition():
    q, r = np.linalg.qr(generator.normal(1, 0, (40, 30)))
    np.testing.assert_allclose(generator.orthogonal(1, 0, 40, 30), q * np.sign(np.diag(r)), rtol=0, atol=1e-11)


def test_an_orthogonal_kernel_of_a_seed_generator_moves_on():
    initializer = initializers.Orthogonal(seed=keras.random.SeedGenerator(1))
    first, second = drawn(initializer, (5, 5)), drawn(initializer, (5, 5))
    np.testing.assert_array_equal(first, generator.orthogonal(1, 0, 5, 5).astype("float32"))
    np.testing.assert_array_equal(second, generator.orthogonal(1, 1, 5, 5).astype("float32"))


def test_an_orthogonal_vector_is_an_error():
    with pytest.raises(ArgumentError, match=r"^Expected a weight of two or more axes for Orthogonal"):
        drawn(initializers.Orthogonal(), (5,))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("name", ["Orthogonal", "GlorotUniform", "HeNormal", "RandomNormal"])
def test_an_initializer_returns_the_requested_dtype(name, dtype):
    with keras_patch.portable_random():
        weight = getattr(initializers, name)(seed=1)((3, 4), dtype=dtype)
    assert keras.backend.standardize_dtype(weight.dtype) == dtype
