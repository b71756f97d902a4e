"""Large products on torch by oneDNN compute what those of torch do, and their gradients, of any order."""

import contextlib

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.engines import fast_paths
from kerasbridge.keras_compat import keras

if keras.config.backend() != "torch":
    pytest.skip("an engine of torch", allow_module_level=True)

import torch

from kerasbridge.engines.torch import products
from kerasbridge.engines.torch.products import NAME, onednn_products

layers, ops = keras.layers, keras.ops
RNG = np.random.default_rng(0)
ROWS, COLUMNS, UNITS = 6, 10, 4


@pytest.fixture(autouse=True)
def products_of_any_size(monkeypatch):
    monkeypatch.setattr(products, "MIN_SIZE", 0)


def numbers(*shape):
    return torch.tensor(RNG.normal(size=shape), dtype=torch.float32)


def computed(function, *tensors, fast=True, order=1):
    """Return the result of a function, its gradients, and the fast paths that it used."""
    used, tensors = set(), [tensor.detach().requires_grad_() for tensor in tensors]
    with onednn_products() if fast else contextlib.nullcontext(), fast_paths.record(used):
        result = function(*tensors)
        gradients = torch.autograd.grad((result.sin() * result).sum(), tensors, create_graph=order == 2)
        if order == 2:
            gradients += torch.autograd.grad(sum(gradient.square().sum() for gradient in gradients), tensors)
    return [result, *gradients], used


MATRICES = {
    "in order": (numbers(ROWS, COLUMNS), numbers(COLUMNS, UNITS)),
    "transposed": (numbers(COLUMNS, ROWS).t(), numbers(UNITS, COLUMNS).t()),
    "repeated": (numbers(1, COLUMNS).expand(ROWS, COLUMNS), numbers(COLUMNS, 1).expand(COLUMNS, UNITS)),
    "every second": (numbers(ROWS, 2 * COLUMNS)[:, ::2], numbers(2 * COLUMNS, UNITS)[::2]),
    "more axes": (numbers(2, 3, ROWS, COLUMNS).transpose(0, 2), numbers(COLUMNS, UNITS)),
}
SUMS = {
    "abc,cd->abd": ((2, 3, 5), (5, 4)),
    "abc,cde->abde": ((2, 3, 5), (5, 4, 3)),
    "abcd,cde->abe": ((2, 3, 4, 5), (4, 5, 6)),
    "ab, bc -> ac": ((3, 5), (5, 4)),
}
OTHER_SUMS = {
    "aecd,abcd->acbe": ((2, 3, 4, 5), (2, 6, 4, 5)),
    "abc,cd->adb": ((2, 3, 5), (5, 4)),
    "abc,abc->ab": ((2, 3, 5), (2, 3, 5)),
    "...c,cd->...d": ((2, 3, 5), (5, 4)),
    "ab,bc": ((3, 5), (5, 4)),
    "abc,bc->a": ((2, 3, 5), (3, 5)),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("case", [*MATRICES, *SUMS])
def test_a_product_and_its_gradients_are_those_of_torch(case, order):
    if case in MATRICES:
        function, tensors = ops.matmul, MATRICES[case]
    else:
        function, tensors = (lambda *pair: ops.einsum(case, *pair)), [numbers(*shape) for shape in SUMS[case]]
    fast, used = computed(function, *tensors, order=order)
    assert used == {NAME}
    for one, other in zip(fast, computed(function, *tensors, fast=False, order=order)[0], strict=True):
        np.testing.assert_allclose(
            one.detach(), other.detach(), rtol=1e-5, atol=1e-5 * float(other.detach().abs().max())
        )


@pytest.mark.parametrize("equation", OTHER_SUMS)
def test_other_sums_are_left_to_torch(equation):
    pair = [numbers(*shape) for shape in OTHER_SUMS[equation]]
    fast, used = computed(lambda *pair: ops.einsum(equation, *pair), *pair)
    assert not used
    for one, other in zip(fast, computed(lambda *pair: ops.einsum(equation, *pair), *pair, fast=False)[0], strict=True):
        assert torch.equal(one, other)


def test_other_products_are_left_to_torch():
    x, matrix, used = numbers(ROWS, COLUMNS), numbers(COLUMNS, UNITS), set()
    with onednn_products(), fast_paths.record(used):
        results = [
            ops.matmul(x.to(torch.bfloat16), matrix.to(torch.bfloat16)),
            ops.matmul(x, matrix[:, 0]),
            ops.matmul(x[0], matrix),
            ops.matmul(numbers(2, ROWS, COLUMNS), numbers(2, COLUMNS, UNITS)),
            torch.vmap(lambda row: ops.matmul(row, matrix))(torch.stack([x, x])),
        ]
        with pytest.raises(RuntimeError):
            ops.matmul(x, matrix[1:])
        with torch.autocast("cpu"):
            results.append(ops.matmul(x, matrix))
    assert [result.ndim for result in results] == [2, 1, 1, 3, 3, 2]
    assert not used


def test_a_small_product_is_left_to_torch(monkeypatch):
    x, matrix, used = numbers(ROWS, COLUMNS), numbers(COLUMNS, UNITS), set()
    with onednn_products(), fast_paths.record(used):
        monkeypatch.setattr(products, "MIN_SIZE", ROWS * COLUMNS * UNITS + 1)
        ops.matmul(x, matrix)
        assert not used
        monkeypatch.setattr(products, "MIN_SIZE", ROWS * COLUMNS * UNITS)
        ops.matmul(x, matrix)
        assert used == {NAME}


def test_a_training_is_that_without_it_up_to_rounding():
    words = keras.Input((7, 8))
    attended = layers.MultiHeadAttention(2, 4)(words, words)
    model = keras.Model(words, layers.Dense(1)(layers.Flatten()(layers.Dense(8, activation="tanh")(attended))))
    x, results = RNG.normal(size=(20, 7, 8)).astype("float32"), {}
    for names in ((), (NAME,)):
        kb.reinitialize(model, 0)
        model.compile(keras.optimizers.SGD(0.1), "mse")
        history = kb.fit(model, x, np.ones(20, "float32"), batch_size=8, epochs=2, verbose=0, seed=0, fast_paths=names)
        assert (history.params["execution"], history.params["fast_paths"]) == ("traced", list(names))
        results[names] = [np.array(history.history["loss"]), *model.get_weights(), kb.predict(model, x, verbose=0)]
    for one, other in zip(*results.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
