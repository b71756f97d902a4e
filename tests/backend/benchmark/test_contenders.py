"""The loops written by hand train the Keras models: the same losses, scores and outputs, up to rounding."""

import importlib
from dataclasses import replace

import numpy as np
import pytest

from kerasbridge.benchmark.settings import CONTENDERS
from kerasbridge.benchmark.workloads import WORKLOADS, load_data

ROWS = 12
MODELS = {workload.model: workload for workload in WORKLOADS.values()}


def contender(name, backend):
    module, _, attribute = CONTENDERS[name].module[backend].partition(":")
    return getattr(importlib.import_module(f"kerasbridge.benchmark.contenders.{module}"), attribute)


def by_hand_and_stock(workload, backend, name="by-hand"):
    """Return a loop and the `fit` of Keras with the same model and data; a batch has all rows, in any order."""
    build = importlib.import_module("kerasbridge.benchmark.contenders.keras_models").build
    workload = replace(workload, rows=ROWS, test_rows=ROWS + 5, batch_size=ROWS, dropout=0.0)
    data = load_data(workload)
    model = build(workload.model, 0.0)
    loop = contender(name, backend)(workload, data, model.get_weights())
    return loop, contender("stock", backend)(model, data.with_targets(), ROWS)


def assert_equal(loop, stock):
    """Compare outputs, then training, where the epsilon of Adam of PyTorch is not quite that of Keras."""
    np.testing.assert_allclose(loop.predict(), stock.predict(), atol=1e-5)
    np.testing.assert_allclose(loop.evaluate(), stock.evaluate(), rtol=1e-4)
    losses = [[one.train(1)[1] for _ in range(3)] for one in (loop, stock)]
    np.testing.assert_allclose(*losses, rtol=2e-3)
    assert losses[0][-1] < losses[0][0]


@pytest.mark.parametrize("model", list(MODELS))
def test_a_loop_written_by_hand_trains_the_keras_model(model, backend):
    assert_equal(*by_hand_and_stock(MODELS[model], backend))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # of torch's compiler about itself
def test_a_compiled_loop_trains_the_keras_model(backend):
    if backend != "torch":
        pytest.skip("torch.compile compiles PyTorch")
    assert_equal(*by_hand_and_stock(MODELS["mlp"], backend, "by-hand-compiled"))


def test_kerasbridge_continues_its_order_of_rows_from_call_to_call(backend):
    keras_models = importlib.import_module("kerasbridge.benchmark.contenders.keras_models")
    data = load_data(replace(MODELS["mlp"], rows=4 * ROWS, test_rows=ROWS))
    first, second = (keras_models.build("mlp", 0.0) for _ in range(2))
    second.set_weights(first.get_weights())
    ours, other = (contender("kerasbridge", backend)(model, data, ROWS) for model in (first, second))
    with ours.folder, other.folder:
        ours.train(1)
        assert ours.train(1)[1] == other.train(2)[1]


def test_rows_that_do_not_fill_a_batch_count_by_their_number(backend):
    workload = replace(MODELS["mlp"], rows=2 * ROWS + 7, test_rows=ROWS, batch_size=ROWS, dropout=0.0)
    data = load_data(workload)
    data = replace(data, x=np.repeat(data.x[:1], workload.rows, 0), y=np.repeat(data.y[:1], workload.rows))
    model = importlib.import_module("kerasbridge.benchmark.contenders.keras_models").build("mlp", 0.0)
    loop = contender("by-hand", backend)(workload, data, model.get_weights())
    laps, loss = loop.train(2)
    assert len(laps) == 2
    np.testing.assert_allclose(loss, contender("stock", backend)(model, data, ROWS).train(2)[1], rtol=1e-3)
