"""Arrays of every dtype and byte order train with the same numbers, or raise an error that names them."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import DataError
from kerasbridge.keras_compat import keras
from tests.backend.data.test_adapters import generator

X = np.arange(1, 33).reshape(8, 4)
BITS = X % 2 == 0


def frame(dtype):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(X).astype(dtype)


def mixed_frame():
    table = frame("Int64")
    return table.assign(**{"one": table[0] / 2, "two": table[1] > 5}).iloc[:, 2:]


SAME_NUMBERS = {
    "big-endian int16": (X.astype(">i2"), X),
    "big-endian int64": (X.astype(">i8"), X),
    "big-endian uint32": (X.astype(">u4"), X),
    "big-endian float64": (X.astype(">f8"), X),
    "uint16": (X.astype("uint16"), X),
    "uint32": (X.astype("uint32"), X),
    "uint64": (X.astype("uint64"), X),
    "long double": (X.astype("longdouble"), X),
    "complex without imaginary parts": (X + 0j, X),
    "nothing masked": (np.ma.masked_array(X), X),
    "Python integers": (X.astype(object), X),
    "large Python integers": (X.astype(object) * 10**20, X * 1e20),
    "Python booleans": (BITS.astype(object), BITS),
    "Decimal": (np.array([[Decimal(int(number)) / 4 for number in row] for row in X]), X / 4),
    "Fraction": (np.array([[Fraction(int(number), 4) for number in row] for row in X]), X / 4),
    "read backwards": (np.flip(X.astype("float32")), np.flip(X)),
    "one row repeated": (np.broadcast_to(X[:1], X.shape), X[[0] * 8]),
    "int64": (X * 10**12, X * 1e12),
    "large uint64": (X.astype("uint64") + np.uint64(2**63), X + 2.0**63),
    "pandas Int64": (lambda: frame("Int64"), X),
    "pandas Float64": (lambda: frame("Float64"), X),
    "pandas boolean": (lambda: frame("Int64") % 2 == 0, BITS),
    "pandas columns of several dtypes": (mixed_frame, np.stack([X[:, 2], X[:, 3], X[:, 0] / 2, X[:, 1] > 5], 1)),
}

NAMED = {
    "masked": (
        np.ma.masked_array(X, X > 30),
        r"^x is a masked array with 2 masked values, the first in row 7, .*filled",
    ),
    "None": (np.where(X == 10, None, X), r"^x has a missing value in row 2, where numbers are expected"),
    "pandas NA": (lambda: frame("Int64").where(frame("Int64") < 10), r"^x has a missing value in row 2, "),
    "imaginary parts": (X + 1j, r"^Expected x to be real numbers, as the model takes; received complex128, "),
    "dates": (X.astype("datetime64[s]"), r"received dtype datetime64\[s\]\. Subtract a date and divide by "),
    "fields": (
        np.zeros(8, [("age", "f4"), ("size", "f4")]),
        r"Pass its fields as a dict: \{field: array\[field\] for ",
    ),
    "texts": (
        X.astype(str),
        r"^Expected x to be numbers, received text such as '\S+'\. Convert it, \.astype\('float32'\)\.$",
    ),
}


def sums(dtype="float32"):
    """Return a model of the sum of each row; its loss is that of the sums, or zero for targets that equal them."""
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((4,), dtype=dtype), keras.layers.Rescaling(1.0), dense])
    model.compile(keras.optimizers.SGD(0.0), "mape")
    return model


@pytest.fixture(scope="module")
def model():
    return sums()


@pytest.mark.parametrize("kind", SAME_NUMBERS)
def test_numbers_of_every_dtype_stay_the_same(kind, model):
    x, numbers = SAME_NUMBERS[kind]
    x = x() if callable(x) else x
    expected = numbers.astype("float32").sum(1, keepdims=True)
    np.testing.assert_allclose(kb.predict(model, x, verbose=0), expected, rtol=1e-6)
    np.testing.assert_allclose(kb.predict(model, generator([(x,)]), verbose=0), expected, rtol=1e-6)
    assert kb.evaluate(model, x, expected, device_budget=0, verbose=0) < 1e-4


def test_targets_of_every_dtype_stay_the_same(model):
    expected = X.sum(1, keepdims=True)
    for y in (expected.astype(">i4"), expected.astype("uint64"), expected.astype(object), expected * 10**10):
        scale = int(y[0, 0]) // int(expected[0, 0])
        x = X.astype("float32") * scale
        assert kb.fit(model, x, y, sample_weight=np.ones(8, ">i8"), verbose=0).history["loss"][0] < 1e-4


@pytest.mark.parametrize("kind", NAMED)
def test_what_has_no_number_is_named(kind, model):
    x, message = NAMED[kind]
    x = x() if callable(x) else x
    with pytest.raises(DataError, match=message):
        kb.predict(model, x, verbose=0)
    with pytest.raises(DataError, match=message):
        kb.predict(model, generator([(x,)]), verbose=0)


def test_identifiers_are_not_cut(backend):
    """JAX has whole numbers of 32 bits, unless jax_enable_x64 is set."""
    model, x = sums("int64"), X + 2**40
    if backend == "jax":
        message = r"^x contains whole numbers from 1099511627777 to 1099511627808; jax has those from -2147483648 to "
        with pytest.raises(DataError, match=message):
            kb.predict(model, x, verbose=0)
    else:
        np.testing.assert_allclose(kb.predict(model, x, verbose=0), x.sum(1, keepdims=True), rtol=1e-6)
